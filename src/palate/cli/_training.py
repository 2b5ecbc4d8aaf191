"""How a training runs, as commands that train are told: who follows it, and where it goes on after a break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import Stopped
from palate.core.errors import ConfigError

if TYPE_CHECKING:
    from palate.complete import Completer
    from palate.finetune import Tuner
    from palate.interfaces import Run
    from palate.models import Model
    from palate.training.trackers import Tracker

Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="NAME[:WHERE]",
        help="Who follows the training: console, jsonl:run.jsonl, tensorboard:runs, wandb:PROJECT.",
    ),
]
Complete = Annotated[
    str | None,
    typer.Option("--complete", help="What estimates parts that items lack; 'palate completers' lists them."),
]
Standardise = Annotated[
    str | None,
    typer.Option(
        "--standardise",
        help="What brings the dimensions of parts to a common scale; 'palate standardisers' lists them.",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", help="Where a network is trained: auto, cpu, cuda, cuda:1; default PALATE_DEVICE, or auto."
    ),
]


def run_of(
    model: Model[Any] | Tuner[Any],
    track: list[str] | None = None,
    device: str | None = None,
    before: Completer[Any] | None = None,
) -> Run:
    """Return how to fit a model, and what is fitted `before` it.

    Raises:
        UnknownNameError: there is no such tracker.
        ConfigError: a tracker's place will not do, the device is not here, or the model has no use for these words.
    """
    from palate.interfaces import Run

    for word, given, heeded in (("--track", track, by_epochs), ("--device", device, has_network)):
        if given is not None and not (heeded(model) or (word == "--device" and has_network(before))):
            raise ConfigError(
                f"the model '{model.name}' is not trained by epochs: leave out {word}, it would do nothing"
            )
    if device == "":
        raise ConfigError("--device was '': allowed are auto, cpu, cuda, and cuda:N for one of several")
    if device is not None:
        from palate.nn.device import device_for

        device_for(device)  # refused before anything is read
    return Run(trackers=tuple(map(_tracker, track or ())), device=device)


def _tracker(word: str) -> Tracker[Any]:
    """Return a tracker by name; what follows a colon is its first setting."""
    from palate.training.trackers import registry

    name, _, where = word.partition(":")
    kind = registry.get(name)
    return kind(**{next(iter(kind.config_type.model_fields)): where} if where else {})


def by_epochs(model: Model[Any] | Tuner[Any]) -> bool:
    """Tell whether a model has a network to train, or a member of it has."""
    return model.extra == "deep" or any(map(by_epochs, getattr(model, "members", {}).values()))


def has_network(part: Any) -> bool:
    """Tell whether there is a network to train in a model, in a member of it, or in what aligns or fuses its parts."""
    from palate.fusion import registry

    inner = [*getattr(part, "members", {}).values(), getattr(part, "fusion", None), getattr(part, "aligner", None)]
    groups = getattr(getattr(part, "config", None), "groups", None) or {}
    inner += [registry.get(group.fuse)(**group.fuse_settings) for group in groups.values()]
    return getattr(part, "extra", None) == "deep" or any(has_network(each) for each in inner if each is not None)


@contextmanager
def going_on(bundle: Path) -> Iterator[Path]:
    """Yield the folder beside a bundle in which its training leaves what it needs to go on; gone when the block ends well.

    Raises:
        ConfigError: something else stands there.
        Stopped: Ctrl-C, and something is left to go on with.
    """
    from palate.training.checkpoint import clear

    partial = bundle.with_name(f"{bundle.name}.partial")
    if partial.exists() and not partial.is_dir():
        raise ConfigError(
            f"{partial} is a file, and a training keeps there what it needs to go on: move it away, or give another --out"
        )
    try:
        yield partial
    except KeyboardInterrupt:
        if not partial.is_dir():
            raise
        raise Stopped(
            f"stopped; the same command goes on after the last epoch that was done, with what is left in {partial}"
        ) from None
    clear(partial)
