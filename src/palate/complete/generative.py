"""From a code that a network makes of what is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from palate.complete._base import Completer, CompleterConfig, Known
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset
from palate.linalg.directions import main_directions

_THREADS = 1
"""Of the training: a network so small makes several cores wait for each other."""
_SEEDS = 1 << 31


class GenerativeConfig(CompleterConfig):
    """How wide the network is, and how it learns."""

    dim: PositiveInt = 64
    """Width of the code."""
    directions: PositiveInt = 128
    """Main directions of each part that are read, and that are made."""
    hidden: PositiveInt = 256
    """Width of the layers between parts and code."""
    epochs: PositiveInt = 200
    """Passes over the things of training, at most."""
    updates: PositiveInt = 3000
    """Steps, about: where things are many, fewer epochs are run, one at least."""
    lr: PositiveFloat = 2e-3
    """Step of Adam."""
    batch_size: PositiveInt = 256
    """Things of a step."""
    hide: float = Field(0.5, ge=0, lt=1)
    """Share of the parts of a thing that are hidden from the network while it learns to make them; one is always left."""
    prior: NonNegativeFloat = 0.002
    """How much the codes are held to a normal distribution, beside the error of one number of a part."""


class Generative(Completer[GenerativeConfig]):
    """Make what a thing lacks from a code, which a network makes of what it has: a variational autoencoder with holes.

    A network reads the main directions of all parts, zeros for what is absent or hidden, and which are there; it says the mean m
    and the log variance v of a code z. Another makes all parts from z. What is made smaller: the mean squared error of the parts
    that are there, hidden ones too, plus prior/2 times the mean over things of the sum of exp(v) + m² - 1 - v (Kingma and Welling
    2014, equation 10; parts hidden at random: Wu and Goodman 2018, section 2.2). A thing is completed from m.

    Missing data:
        A thing without any part stays without.
    """

    name = "generative"
    config_type = GenerativeConfig
    paper: ClassVar[str] = "Kingma and Welling 2014; Wu and Goodman 2018"
    cost: ClassVar[str] = "epochs n h (w + h)"
    extra: ClassVar[str | None] = "deep"

    directions: Mapping[str, Floats]
    learned: Mapping[str, Floats]

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        from palate.complete._autoencoder import Autoencoder
        from palate.nn import device

        self.directions = {}
        for name in self.known_parts:
            turned, squares = main_directions(things.rows[name][things.present[name]], self.config.directions)
            self.directions[name] = (turned / np.sqrt(max(squares.mean(), 1e-12))).astype(np.float32)
        rows, present = self._entering(things)
        there = np.flatnonzero(present.any(axis=1))
        if not len(there):
            self.learned = {}
            return
        with device.on(device.device_for()):
            network = Autoencoder(rows[there], present[there], self._widths(), rng, self.config)
            self._descend(network, len(there), int(rng.integers(_SEEDS)))
            self.learned = network.weights.arrays()

    def _descend(self, network: Any, n: int, seed: int) -> None:
        from palate.training.batches import Batches
        from palate.training.config import TrainingConfig
        from palate.training.loop import Settings, train
        from palate.training.samplers.none import NoSampler

        config = self.config
        things = sp.csr_array((np.ones(n, np.float32), (np.zeros(n, np.int64), np.arange(n))), (1, n))
        batches = Batches(things, NoSampler(), config.batch_size)
        epochs = max(1, min(config.epochs, config.updates // len(batches)))
        told = TrainingConfig(
            epochs=epochs, lr=config.lr, batch_size=config.batch_size, sampler="none", precision="float32"
        )
        train(network, batches, told, None, Settings(seed, self.name, threads=_THREADS))

    def _widths(self) -> list[int]:
        return [self.directions[name].shape[1] for name in self.known_parts]

    def _entering(self, things: Known) -> tuple[Floats, Mask]:
        """Return all parts side by side as the network reads them, and which are there; float32[n, w], bool[n, m]."""
        n = len(things.codes)
        rows = [things.rows[name] @ self.directions[name] for name in self.known_parts]
        present = [things.present[name] for name in self.known_parts]
        if not rows:
            return np.zeros((n, 0), np.float32), np.zeros((n, 0), bool)
        return np.hstack(rows), np.column_stack(present)

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        from palate.complete._autoencoder import made

        rows, present = self._entering(things)
        place = self.known_parts.index(name)
        widths = self._widths()
        start = sum(widths[:place])
        found = made(self.learned, rows, present)[:, start : start + widths[place]]
        turned = self.directions[name]
        lengths = np.square(turned).sum(axis=0)
        return np.asarray(found @ (turned / lengths).T, dtype=np.float32), np.asarray(present.any(axis=1))

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        turned = {f"directions.{number}": self.directions[name] for number, name in enumerate(self.known_parts)}
        return {**turned, **{f"network.{key}": values for key, values in self.learned.items()}}

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.directions = {name: arrays[f"directions.{number}"] for number, name in enumerate(self.known_parts)}
        self.learned = {
            key.removeprefix("network."): values for key, values in arrays.items() if key.startswith("network.")
        }
