"""What --augment, --views and --set of `palate encode` say of views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.core.config import parse_settings
from palate.core.errors import RequestError, did_you_mean

if TYPE_CHECKING:
    from palate.augment import Augmentation, Views
    from palate.encoders import Encoder

Augment = Annotated[
    list[str] | None,
    typer.Option(
        "--augment",
        metavar="[NAME=]METHODS",
        help="What makes views of a value, as in flip,crop, or of one column, as in title=word-dropout; may be repeated. 'palate "
        "augmentations' lists them.",
    ),
]
Count = Annotated[
    int | None,
    typer.Option(
        "--views",
        help="Of how many views a vector is the mean, the value itself among them; 4 where --augment is given.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Of the views; default 0.")]


def views_of(
    kinds: Mapping[str, str], augment: Sequence[str], count: int | None, seed: int | None, settings: Sequence[str]
) -> tuple[dict[str, Views], list[str]]:
    """Return the views of each column that has some, and the settings that are of no method.

    Args:
        kinds: what is encoded: the modality of each column.
        augment: as typed, METHODS or COLUMN=METHODS.
        count: of the views.
        seed: of the views.
        settings: as typed; COLUMN.METHOD.KEY=VALUE is of a method.

    Raises:
        UnknownNameError: there is no such method.
        RequestError: a method acts on nothing that is encoded, there are fewer views than 1, or no method for them.
    """
    from palate.augment import Views

    if not augment:
        if count is not None or seed is not None:
            given = f"--views {count}" if count is not None else f"--seed {seed}"
            raise RequestError(
                f"{given} needs what makes the views: add --augment METHODS ('palate augmentations' lists them)"
            )
        return {}, list(settings)
    left, views = list(settings), {}
    for column, methods in _methods(kinds, augment).items():
        made = []
        for method in methods:
            start = f"{column}.{method.name}."
            own = [setting for setting in left if setting.startswith(start)]
            left = [setting for setting in left if setting not in own]
            made.append(method(**parse_settings([setting.removeprefix(start) for setting in own])))
        views[column] = Views(tuple(made), 4 if count is None else count, seed or 0)
    return views, left


def _methods(kinds: Mapping[str, str], augment: Sequence[str]) -> dict[str, list[type[Augmentation[Any]]]]:
    """Return the methods of each column; those that name it go before those of all columns."""
    from palate.augment import registry

    shared: dict[str, list[type[Augmentation[Any]]]] = {}
    own: dict[str, list[type[Augmentation[Any]]]] = {}
    for words in augment:
        column, equals, names = words.rpartition("=")
        methods = [registry.get(name.strip()) for name in names.split(",")]
        if equals and column not in kinds:
            raise RequestError(f"'{column}' of --augment {words} is not encoded here: {did_you_mean(column, kinds)}")
        for method in methods:
            fitting = [name for name, kind in kinds.items() if kind == method.modality and column in ("", name)]
            if not fitting:
                raise RequestError(_unfit(method, column, kinds))
            for name in fitting:
                (own if equals else shared).setdefault(name, []).append(method)
    return {name: own.get(name) or shared[name] for name in kinds if name in own or name in shared}


def _unfit(method: type[Augmentation[Any]], column: str, kinds: Mapping[str, str]) -> str:
    from palate.augment import registry

    told = ", ".join(f"'{name}' is {kind}" for name, kind in kinds.items() if column in ("", name))
    wanted = {kind for name, kind in kinds.items() if column in ("", name)}
    fit = [name for name in registry.names() if registry.get(name).modality in wanted]
    which = f"choose {' or '.join(fit)}" if fit else "nothing makes views of that"
    return f"'{method.name}' acts on {method.modality}, and {told or 'nothing is encoded here'}: {which}"


def seeing(
    encoders: Mapping[str, str | Encoder[Any]], views: Mapping[str, Views], kinds: Mapping[str, str]
) -> dict[str, str | Encoder[Any]]:
    """Return the encoders with the views of their columns; columns share a pretrained one with the same views."""
    from palate.encoders import named

    shared: dict[tuple[str, str], Encoder[Any]] = {}
    found = dict(encoders)
    for column, seen in views.items():
        choice = encoders[column]
        encoder = named(choice, kinds[column]) if isinstance(choice, str) else choice
        encoder = encoder.with_views(seen)
        alike = isinstance(choice, str) and not encoder.learns
        found[column] = shared.setdefault((str(choice), seen.fingerprint), encoder) if alike else encoder
    return found
