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


def trackers_of(words: list[str] | None, model: Model[Any]) -> tuple[Tracker[Any], ...]:
    """Return trackers by name; what follows a colon is the first setting of one.

    Raises:
        UnknownNameError: there is no such tracker.
        ConfigError: what follows the colon will not do, or the model is not trained by epochs.
    """
    from palate.training.trackers import registry

    made = []
    for word in words or ():
        name, _, where = word.partition(":")
        kind = registry.get(name)
        made.append(kind(**{next(iter(kind.config_type.model_fields)): where} if where else {}))
    if made and not _by_epochs(model):
        raise ConfigError(
            f"the model '{model.name}' is not trained by epochs, there is nothing to follow: leave out --track"
        )
    return tuple(made)


def _by_epochs(model: Model[Any]) -> bool:
    return model.extra == "deep" or any(map(_by_epochs, getattr(model, "members", {}).values()))


@contextmanager
def going_on(bundle: Path) -> Iterator[Path]:
    """Yield the folder beside a bundle in which its training leaves what it needs to go on; gone when the block ends well.

    Raises:
        Stopped: Ctrl-C, and something is left to go on with.
    """
    from palate.training.checkpoint import clear

    partial = bundle.with_name(f"{bundle.name}.partial")
    try:
        yield partial
    except KeyboardInterrupt:
        if not partial.is_dir():
            raise
        raise Stopped(
            f"stopped; the same command goes on after the last epoch that was done, with what is left in {partial}"
        ) from None
    clear(partial)
