"""The loop: batches, losses, steps, judgements, and the end."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np

from palate.core.cores import cores
from palate.core.errors import ConfigError, PalateError
from palate.core.fingerprint import fingerprint
from palate.core.progress import progress
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.interfaces import Run
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.nn.precision import mixed
from palate.training.batches import Batches
from palate.training.checkpoint import Keeper, Progress
from palate.training.config import TrainingConfig
from palate.training.judge import Judge, Scores
from palate.training.pairs import Batch
from palate.training.trackers import Tracker

_SMALL = 1 << 18
"""Learned numbers up to which one core is quicker than several that wait for each other."""


class Network(Protocol):
    """What is trained: weights, a loss of them, and scores by which validation judges."""

    weights: Weights

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return by name what to make smaller; their sum is descended. `noise` is a stream of torch."""
        ...

    def scorer(self) -> Scores:
        """Return what scores all items for users, as the network stands; made once for all users of a judgement."""
        ...


@runtime_checkable
class Redraws(Protocol):
    """A network of which each epoch changes something, such as the edges that are left out."""

    def begin_epoch(self, rng: np.random.Generator) -> None:
        """Draw what this epoch changes."""
        ...


@runtime_checkable
class Tempers(Protocol):
    """A network that changes its gradients before they are stepped by."""

    def temper(self, noise: Any) -> None:
        """Change them where they are; `noise` is a stream of torch."""
        ...


@dataclass(frozen=True)
class Settings:
    """How this training runs, beside what the config says."""

    seed: int = 0
    label: str = "training"
    threads: int | None = None
    """At most this many cores; None takes all."""
    checkpoint: Path | None = None
    """Folder in which it leaves what it needs to go on after a break, and from which it goes on."""
    checkpoint_seconds: float = 60.0
    """How long from one checkpoint to the next."""
    trackers: Sequence[Tracker[Any]] = ()

    @classmethod
    def of(cls, run: Run, label: str, config: TrainingConfig, train: Dataset, valid: Dataset | None) -> Self:
        """Take over how to fit; what a training leaves has a folder of its own, named after all that makes it."""
        place = run.checkpoint
        if place is not None:
            seen = [None if part is None else part.fingerprint for part in (train, valid)]
            made_of = fingerprint(label, config, run.seed, seen, torch.get_default_device().type, version("palate"))
            place = place / f"{label}-{made_of}"
        return cls(run.seed, label, run.threads, place, _checkpoint_seconds(), run.trackers)


@dataclass
class History:
    """What came of a training."""

    epochs: int = 0
    best_epoch: int = 0
    best_value: float | None = None
    seconds: float = 0.0
    """Of all epochs, those before a break too."""
    stopped: Literal["epochs", "patience", "seconds"] = "epochs"
    """What ended it: all epochs were done, validation saw no gain for too long, or the time was over."""
    figures: list[dict[str, float]] = field(default_factory=list)


def train(
    network: Network, batches: Batches, config: TrainingConfig, judge: Judge | None, settings: Settings
) -> History:
    """Descend until validation sees no more gain; the network is left with the weights that it judged best.

    Raises:
        PalateError: the loss is no number any more; the message says at which step.
    """
    small = sum(weight.numel() for weight in network.weights.parameters()) < _SMALL
    with _at_most(1 if small else settings.threads):
        return _trained(network, batches, config, judge, settings)


def _trained(
    network: Network, batches: Batches, config: TrainingConfig, judge: Judge | None, settings: Settings
) -> History:
    optimizer = torch.optim.Adam(network.weights.parameters(), lr=config.lr, fused=True)
    noise = torch.Generator(device=network.weights.device).manual_seed(settings.seed)
    where = Progress(network.weights, optimizer, generator(settings.seed, settings.label, "batches"), noise)
    keeper = Keeper(where, settings.checkpoint, settings.checkpoint_seconds)
    history, began = History(), time.monotonic() - where.seconds
    with _tracked(config, settings), keeper, progress(settings.label, config.epochs, "epochs") as advance:
        advance(where.epoch)
        while not (ended := _ended(where, config)):
            figures = _epoch(network, batches, config, where)
            where.epoch += 1
            if judge is not None and where.epoch % config.judge_every == 0:
                figures[f"valid {config.judge_by}"] = _judged(network, judge, where)
            where.seconds = time.monotonic() - began
            history.figures.append(figures)
            for tracker in settings.trackers:
                tracker.epoch(where.epoch, figures)
            keeper.epoch()
            advance(1)
    if where.best:
        network.weights.load(where.best)
    history.epochs, history.best_epoch = where.epoch, where.best_epoch or where.epoch
    history.best_value = where.best_value if where.best else None
    history.seconds, history.stopped = where.seconds, ended
    return history


def _checkpoint_seconds() -> float:
    """Return how long from one checkpoint to the next: 60, or what PALATE_CHECKPOINT_SECONDS says."""
    given = os.environ.get("PALATE_CHECKPOINT_SECONDS", "60")
    try:
        return float(given)
    except ValueError as error:
        raise ConfigError(f"PALATE_CHECKPOINT_SECONDS was '{given}': give a number of seconds") from error


@contextmanager
def _at_most(threads: int | None) -> Iterator[None]:
    """Let torch use so many cores while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(cores(), threads or cores())))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _tracked(config: TrainingConfig, settings: Settings) -> Iterator[None]:
    """Tell trackers of the beginning and, whatever happens, of the end."""
    about = {"label": settings.label, "seed": settings.seed, "config": config.model_dump(mode="json")}
    with ExitStack() as begun:
        for tracker in settings.trackers:
            tracker.begin(about)
            begun.push(lambda kind, error, trace, told=tracker: told.end(done=kind is None))
        yield


def _ended(where: Progress, config: TrainingConfig) -> Literal["epochs", "patience", "seconds"] | None:
    """Tell what ends the training here, if anything."""
    if where.epoch >= config.epochs:
        return "epochs"
    if config.patience and where.waited >= config.patience:
        return "patience"
    return "seconds" if config.seconds is not None and where.seconds >= config.seconds else None


def _judged(network: Network, judge: Judge, where: Progress) -> float:
    """Judge, and keep the weights where they are the best so far."""
    with torch.no_grad():
        value = judge(network.scorer())
    if value > where.best_value:
        where.best_value, where.best_epoch, where.waited = value, where.epoch, 0
        where.best = network.weights.arrays()
    else:
        where.waited += 1
    return value


def _epoch(network: Network, batches: Batches, config: TrainingConfig, where: Progress) -> dict[str, float]:
    """Go once over the likes; return the mean of each loss, and seconds."""
    sums: dict[str, float] = {}
    began = time.perf_counter()
    if isinstance(network, Redraws):
        network.begin_epoch(where.rng)
    for number, batch in enumerate(batches.epoch(where.rng)):
        if config.truncate:
            batch = replace(batch, left_out=_left_out(config, where.epoch + number / len(batches)))
        where.optimizer.zero_grad(set_to_none=True)
        with mixed(config.precision, where.weights.device.type):
            losses = network.losses(batch, where.noise)
        total: Tensor = sum(losses.values())
        values = {name: float(loss.detach()) for name, loss in losses.items()}
        if not math.isfinite(sum(values.values())):
            raise _no_number(values, where.epoch, number, config)
        total.backward()
        if isinstance(network, Tempers):
            network.temper(where.noise)
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(network.weights.parameters(), config.clip)
        where.optimizer.step()
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value
    figures = {name: value / max(len(batches), 1) for name, value in sums.items()}
    return {**figures, "seconds": time.perf_counter() - began}


def _left_out(config: TrainingConfig, epochs: float) -> float:
    """Return what share of the likes a step leaves out after so many epochs."""
    return config.truncate * min(1.0, epochs / config.truncate_ramp)


def _no_number(values: Mapping[str, float], epoch: int, batch: int, config: TrainingConfig) -> PalateError:
    parts = ", ".join(f"{name} {value:g}" for name, value in values.items())
    return PalateError(
        f"the loss was no number in epoch {epoch + 1}, batch {batch + 1} ({parts}) with lr={config.lr:g}: give a smaller "
        "lr, or cut gradients with clip=1"
    )
