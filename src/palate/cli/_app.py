"""The application that the command files register with, and what they share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from palate.core.errors import PalateError

ROAD = (
    "demo",
    "data",
    "encode",
    "fine-tune",
    "compare",
    "compare-fusion",
    "tune",
    "train",
    "evaluate",
    "recommend",
    "similar",
    "search",
    "explain",
    "refit",
    "serve",
    "key",
)


class RoadOrder(TyperGroup):
    """Help that lists the commands in the order in which one uses them, the listings last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, the road first."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: (ROAD.index(name) if name in ROAD else len(ROAD), name))


app = typer.Typer(
    name="palate",
    cls=RoadOrder,
    help="Recommendations from text, pictures, sound, video and behaviour.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"palate {version('palate')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Hold the options that belong to no command."""


class Stopped(PalateError):
    """Ctrl-C, with something to say about it."""

    exit_code = 130


Where = Annotated[
    str | None, typer.Option("--filter", metavar="EXPR", help="Which items may come, as in 'price < 20'.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def emit(value: dict[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    """Print `value` as one JSON object, or call `show` to print it for people.

    Numbers that are not finite become null, since JSON has no word for them.
    """
    if as_json:
        sys.stdout.write(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False) + "\n")
    else:
        show()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value - value != 0:
        return None
    return value
