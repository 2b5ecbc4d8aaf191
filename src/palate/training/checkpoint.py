"""Where a training stands, on disk: enough to go on as if nothing had happened, bit for bit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
        for name, parameter in self.weights.named.items():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                arrays[f"moments/{name}/{key}"] = value.detach().cpu().numpy().copy()
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
        for name, parameter in self.weights.named.items():
            moments = _under(f"moments/{name}/", state.arrays)
            if moments:
                self.optimizer.state[parameter] = {
                    key: torch.from_numpy(value.copy()).to(parameter.device) for key, value in moments.items()
                }
        meta = state.meta
        self.epoch, self.best_epoch, self.waited = meta["epoch"], meta["best_epoch"], meta["waited"]
        self.seconds = meta["seconds"]
        self.best_value = -np.inf if meta["best_value"] is None else meta["best_value"]
        self.rng.bit_generator.state = meta["rng"]


class Keeper:
    """Leaves in a folder what a training needs to go on: every so many seconds, when it is done, and at Ctrl-C.

    Ctrl-C mostly comes within an epoch: what is left is how things stood after the last whole one. Whoever named the
    folder clears it when what was trained is safe. Without a folder nothing is kept.
    """

    def __init__(self, where: Progress, folder: Path | None, seconds: float) -> None:
        self.where, self.folder, self.seconds = where, folder, seconds
        self.state: State | None = None
        self.saved = time.monotonic()
        if folder is not None and folder.is_dir():
            where.load(State.load(folder, _FILE))

    def epoch(self) -> None:
        """Take note of how things stand after an epoch."""
        if self.folder is None:
            return
        self.state = self.where.state()
        if time.monotonic() - self.saved >= self.seconds:
            self.save()

    def save(self) -> None:
        """Write what stood after the last epoch, all or nothing."""
        if self.folder is not None and self.state is not None:
            with replacing_folder(self.folder) as aside:
                self.state.save(aside, _FILE)
            self.state, self.saved = None, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.save()


def clear(folder: Path) -> None:
    """Remove what trainings left below a folder, and the folder where nothing else is in it."""
    for place in folder.iterdir() if folder.is_dir() else ():
        if (place / f"{_FILE}.json").is_file() or place.name.startswith("."):  # the latter were being written
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    with suppress(OSError):
        folder.rmdir()


def _under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
