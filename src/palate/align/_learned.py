"""What aligners with networks share: one tower a part, taught on the things of training, applied by numpy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, TypeVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field, PositiveFloat, PositiveInt

from palate.align._base import Aligner, AlignerConfig, Views
from palate.align._towers import Dense, Tower
from palate.core.types import Floats
from palate.data.dataset import Dataset
from palate.linalg.neighbours import unit_rows
from palate.nn import device
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.nn.noise import dropped

_NOISE = 0.2
"""Share of the numbers of a row that are dropped where a part is held to itself."""
_THREADS = 1
"""Of the training: networks so small make several cores wait for each other."""
_SEEDS = 1 << 31


class LearnedConfig(AlignerConfig):
    """What every aligner with networks can be told."""

    hidden: PositiveInt = 128
    """Width of the layer between a part and the common space."""
    epochs: PositiveInt = 100
    """Passes over the things of training, at most."""
    updates: PositiveInt = 1000
    """Steps, about: where things are many, fewer epochs are run, one at least."""
    lr: PositiveFloat = 3e-3
    """Step of Adam."""
    batch_size: PositiveInt = 256
    """Things of a step."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Share of the numbers of a row that are dropped each time it teaches. The less parts share, and the wider and fewer their
    rows, the more of it helps: without any, rows are learned by heart."""


class ContrastedConfig(LearnedConfig):
    """What every aligner can be told that holds a thing against the others."""

    temperature: PositiveFloat = 0.1
    """Cosines are divided by it: the lower, the more the nearest others count."""


K = TypeVar("K", bound=LearnedConfig)


@dataclass(frozen=True, eq=False)
class Placed:
    """The things of a batch, as the towers place them now.

    Shapes:
        vectors: float32[b, dim] by part, of length one; present: bool[b] by part.
        rows: float32[b, d] by part, with nothing dropped, zeros where absent.
    """

    vectors: Mapping[str, Tensor]
    present: Mapping[str, Tensor]
    rows: Mapping[str, Tensor]


class PartsNetwork(ABC):
    """Base of these networks: `losses` is what a new one writes. A part that no trained thing has gets no tower."""

    def __init__(
        self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator, config: LearnedConfig
    ) -> None:
        self.weights, self.config = Weights(rng), config
        self.rows = {name: self.weights.constant(entering(views.rows[name])) for name in towers}
        self.present = {name: self.weights.constant(views.present[name]) for name in towers}
        numbers = {name: number for number, name in enumerate(views.rows)}
        self.towers: dict[str, Callable[[Tensor], Tensor]] = {
            name: tower.built(self.weights, f"tower.{numbers[name]}") for name, tower in towers.items()
        }
        self.pairs = [
            pair for pair in combinations(towers, 2) if int((views.present[pair[0]] & views.present[pair[1]]).sum()) > 1
        ]
        """Parts that two things at least have both of."""
        paired = {name for pair in self.pairs for name in pair}
        self.lonely = [name for name in towers if name not in paired]
        """Parts without such another."""

    def placed(self, codes: Tensor, noise: Any) -> Placed:
        """Place things by the towers, which read rows of which numbers are dropped; int64[b]."""
        rows = {name: values.index_select(0, codes) for name, values in self.rows.items()}
        present = {name: mask.index_select(0, codes) for name, mask in self.present.items()}
        share = self.config.dropout
        vectors = {name: self.place(name, dropped(values, share, noise)) for name, values in rows.items()}
        return Placed(vectors, present, rows)

    def place(self, name: str, rows: Tensor) -> Tensor:
        """Return vectors of length one; float32[b, d] -> float32[b, dim]."""
        return torch.nn.functional.normalize(self.towers[name](rows), dim=1)

    def losses(self, batch: Any, noise: Any) -> Mapping[str, Tensor]:
        """Return by name what to make smaller; `batch.items` are the things."""
        codes = torch.from_numpy(batch.items.astype(np.int64)).to(self.weights.device)
        return self.lost(self.placed(codes, noise), noise)

    @abstractmethod
    def lost(self, placed: Placed, noise: Any) -> Mapping[str, Tensor]:
        """Return by name what to make smaller."""

    def own(self, placed: Placed, noise: Any, temperature: float) -> Tensor:
        """Return how ill parts that nothing pairs with keep their things apart: each is held to itself, twice with noise."""
        found = []
        for name in self.lonely:
            one, other = (self.place(name, dropped(placed.rows[name], _NOISE, noise)) for _ in range(2))
            found.append(likeness(one, other, placed.present[name], temperature))
        return mean(found, placed)


class LearnedAligner(Aligner[K], ABC):
    """Base of these aligners: `_network` is what a new one writes, and `_tower` where a part is more than a row.

    Rows come in times the root of their width, so that a number's mean square is about one, and go out of length one. The
    networks learn where `palate.nn.device` says (PALATE_DEVICE); numpy applies them.

    Missing data:
        A part that no trained thing has cannot be placed, and comes out absent.
    """

    extra: ClassVar[str | None] = "deep"
    learned: Mapping[str, Mapping[str, Floats]]
    """By part, what its tower learned."""

    @abstractmethod
    def _network(self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator) -> PartsNetwork:
        """Return what is trained."""

    def _tower(self, name: str, width: int) -> Tower:
        """Return how rows of a part become vectors."""
        return Dense(width, self.config.hidden, self.dim)

    def _fit(self, views: Views, data: Dataset, rng: np.random.Generator) -> None:
        towers = {
            name: self._tower(name, rows.shape[1]) for name, rows in views.rows.items() if views.present[name].any()
        }
        if not towers:
            self.learned = {}
            return
        with device.on(device.device_for()):
            network = self._network(views, towers, rng)
            self._descend(network, views, int(rng.integers(_SEEDS)))
            self._take(network.weights.arrays())

    def _descend(self, network: Any, views: Views, seed: int) -> None:
        from palate.training.batches import Batches
        from palate.training.config import TrainingConfig
        from palate.training.loop import Settings, train
        from palate.training.samplers.none import NoSampler

        config = self.config
        there = np.flatnonzero(np.any(list(views.present.values()), axis=0))
        things = sp.csr_array((np.ones(len(there), np.float32), (np.zeros_like(there), there)), (1, len(views.codes)))
        batches = Batches(things, NoSampler(), config.batch_size)
        told = TrainingConfig(
            epochs=max(1, min(config.epochs, config.updates // len(batches))),
            lr=config.lr,
            batch_size=config.batch_size,
            sampler="none",
            precision="float32",
        )
        train(network, batches, told, None, Settings(seed, self.name, threads=_THREADS))

    def _map(self, name: str, rows: Floats) -> Floats:
        if name not in self.learned:
            return np.zeros((len(rows), self.dim), np.float32)
        return unit_rows(self._tower(name, rows.shape[1]).applied(self.learned[name], entering(rows)))

    def _arrays(self) -> Mapping[str, Floats]:
        numbers = {name: number for number, name in enumerate(self.standards)}
        return {
            f"tower.{numbers[name]}.{key}": values
            for name, learned in self.learned.items()
            for key, values in learned.items()
        }

    def _take(self, arrays: Mapping[str, Floats]) -> None:
        found: dict[str, dict[str, Floats]] = {}
        for number, name in enumerate(self.standards):
            prefix = f"tower.{number}."
            own = {key.removeprefix(prefix): values for key, values in arrays.items() if key.startswith(prefix)}
            if own:
                found[name] = own
        self.learned = found


def entering(rows: Floats) -> Floats:
    """Return rows of length one as the towers read them."""
    return np.asarray(rows * np.sqrt(rows.shape[1]), dtype=np.float32)


def likeness(one: Tensor, other: Tensor, both: Tensor, temperature: float) -> Tensor:
    """Return how ill things find their other view among those of the batch, both ways; 0 where fewer than two have both.

    -ln softmax over j of one_i . other_j / temperature at j = i, and the same from the other side, mean of both.

    Shapes:
        one, other: float32[b, dim], of length one; both: bool[b] -> float32[].
    """
    there = both.nonzero()[:, 0]
    cosines = one.index_select(0, there) @ other.index_select(0, there).T / temperature
    if len(there) < 2:
        return cosines.sum() * 0
    own = torch.arange(len(there), device=one.device)
    lost: Tensor = sum(torch.nn.functional.cross_entropy(way, own) for way in (cosines, cosines.T)) / 2
    return lost


def mean(found: list[Tensor], placed: Placed) -> Tensor:
    """Return the mean of losses; 0 where there is none."""
    nothing = sum(vectors.sum() for vectors in placed.vectors.values()) * 0
    total: Tensor = sum(found, nothing) / max(len(found), 1)
    return total
