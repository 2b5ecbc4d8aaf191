"""Where a training stands, on disk: enough to go on as if nothing had happened, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.files import replacing_folder
from palate.core.state import Array, State
from palate.core.types import JSON
from palate.nn._torch import torch
from palate.nn.network import Weights

_FILE = "training"


class Progress:
    """Weights, moments of the optimiser, random streams, and the best so far.

    The stream `rng` shuffles and draws; `noise` is the one of torch, for what is dropped at random inside a network.
    """

    def __init__(self, weights: Weights, optimizer: Any, rng: np.random.Generator, noise: Any) -> None:
        self.weights, self.optimizer, self.rng, self.noise = weights, optimizer, rng, noise
        self.epoch = 0
        """Epochs that are done."""
        self.seconds = 0.0
        """What they took."""
        self.best: dict[str, Array] = {}
        self.best_epoch, self.best_value, self.waited = 0, -np.inf, 0

    def state(self) -> State:
        """Return everything, as arrays and JSON."""
        arrays: dict[str, Array] = {f"weights/{name}": value for name, value in self.weights.arrays().items()}
        arrays |= {f"best/{name}": value for name, value in self.best.items()}
        arrays["noise"] = self.noise.get_state().numpy()
        for name, parameter in self.weights.module.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                arrays[f"moments/{name}/{key}"] = value.detach().cpu().numpy()
        meta: dict[str, JSON] = {
            "epoch": self.epoch,
            "seconds": self.seconds,
            "best_epoch": self.best_epoch,
            "best_value": None if np.isinf(self.best_value) else self.best_value,
            "waited": self.waited,
            "rng": self.rng.bit_generator.state,
        }
        return State(arrays, meta)

    def load(self, state: State) -> None:
        """Take over what `state` returned."""
        self.weights.load(_under("weights/", state.arrays))
        self.best = _under("best/", state.arrays)
        self.noise.set_state(torch.from_numpy(state.arrays["noise"].copy()))
        for name, parameter in self.weights.module.named_parameters():
            moments = _under(f"moments/{name}/", state.arrays)
            if moments:
                self.optimizer.state[parameter] = {
                    key: torch.from_numpy(value.copy()).to(parameter.device if value.ndim else "cpu")
                    for key, value in moments.items()
                }
        meta = state.meta
        self.epoch, self.best_epoch, self.waited = meta["epoch"], meta["best_epoch"], meta["waited"]
        self.seconds = meta["seconds"]
        self.best_value = -np.inf if meta["best_value"] is None else meta["best_value"]
        self.rng.bit_generator.state = meta["rng"]

    def save(self, folder: Path) -> None:
        """Write to a folder, all or nothing."""
        with replacing_folder(folder) as aside:
            self.state().save(aside, _FILE)

    def resume(self, folder: Path) -> bool:
        """Take over what stands in a folder; tell whether there was anything."""
        if not folder.is_dir():
            return False
        self.load(State.load(folder, _FILE))
        return True


def _under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
