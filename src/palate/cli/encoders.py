"""`palate encoders`: what there is, with what is known of each."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli._app import AsJson, app, emit

if TYPE_CHECKING:
    from palate.encoders.facts import Facts


@app.command()
def encoders(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these.")] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure items a second here; fetches weights that are not in the cache.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the encoders and recognisers: what each reads, its width, its weights, and how fast it is on this machine."""
    from palate.encoders import facts as known

    wanted = _chosen(known.facts(), names or [])
    troubles = _measure([each.name for each in wanted]) if measure else []
    found = _chosen(known.facts(), names or []) if measure else wanted
    answer = {"rows": [asdict(each) for each in found]} | ({"troubles": troubles} if troubles else {})
    emit(answer, as_json, lambda: _show(found, troubles))


def _chosen(found: list[Facts], names: list[str]) -> list[Facts]:
    from palate.core.errors import UnknownNameError, did_you_mean

    known = [each.name for each in found]
    for name in names:
        if name not in known:
            raise UnknownNameError(f"there is no encoder '{name}': {did_you_mean(name, known)}")
    return [each for each in found if not names or each.name in names]


def _measure(names: list[str]) -> list[str]:
    from palate.core.errors import PalateError
    from palate.core.progress import track
    from palate.encoders.facts import measure

    troubles = []
    for name in track(names, "measuring", unit="encoders"):
        try:
            measure(name)
        except PalateError as error:
            troubles.append(f"{name} was not measured: {error}")
    return troubles


def _show(found: list[Facts], troubles: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("reads", no_wrap=True)
    for heading in ("dims", "MB", "items/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("licence", overflow="fold")
    for each in found:
        table.add_row(each.name, each.reads, _width(each), _size(each), _speed(each), each.licence or "–")
    console = Console()
    console.print(table)
    if len(found) == 1:
        console.print(found[0].summary, highlight=False)
    if any(each.per_second is None for each in found) and not troubles:
        console.print("items/s: 'palate encoders --measure' measures them on this machine", highlight=False)
    for trouble in troubles:
        console.print(trouble, soft_wrap=True, highlight=False)


def _width(each: Facts) -> str:
    return "text" if each.reads == "speech" else "varies" if not each.dim else str(each.dim)


def _size(each: Facts) -> str:
    return "varies" if each.bytes is None else "–" if each.bytes == 0 else f"{each.bytes / 1e6:,.0f}"


def _speed(each: Facts) -> str:
    rate = each.per_second
    return "–" if rate is None else f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
