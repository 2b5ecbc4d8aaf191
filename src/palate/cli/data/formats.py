"""`palate data formats`: what can be imported, and what each format consists of."""

from __future__ import annotations

import textwrap
from typing import Annotated, Any

import typer

from palate.cli._app import AsJson, emit
from palate.cli.data import data_app
from palate.cli.data._print import say
from palate.data.sources import registry

_WIDTH = 80


@data_app.command()
def formats(
    name: Annotated[str | None, typer.Argument(metavar="FORMAT", help="Only this one, with its lines in full.")] = None,
    as_json: AsJson = False,
) -> None:
    """Tell which formats can be imported: their files, with a line of each."""
    rows = [_row(one) for one in (registry.names() if name is None else [name])]
    emit({"rows": rows}, as_json, lambda: _show(rows, whole=name is not None))


def _row(name: str) -> dict[str, Any]:
    kind = registry.get(name)
    summary = (kind.__doc__ or "").strip().partition("\n")[0]
    return {"name": name, "summary": summary, "terms": kind.terms, "files": [file.as_dict() for file in kind.expects]}


def _show(rows: list[dict[str, Any]], whole: bool) -> None:
    for row in rows:
        say(f"{row['name']}  {row['summary']}")
        layout = ""
        for file in row["files"]:
            if file["layout"] != layout:
                layout = file["layout"]
                say(f"  layout of {layout}:" if layout else "  in any layout:")
            say(f"  {file['file']}  {file['holds']}{' (needed)' if file['needed'] else ''}", indent="    ")
            for line in filter(None, (file["header"], file["example"])):
                _line(line.replace("\t", "  "), whole)
        if row["terms"]:
            say(f"  terms: {row['terms']}", indent="    ")
        if not whole:
            typer.echo()
    if not whole:
        say("the lines in full: palate data formats FORMAT; import: palate data import FORMAT SRC DST")


def _line(text: str, whole: bool) -> None:
    width = _WIDTH - 6
    lines = textwrap.wrap(text, width, break_on_hyphens=False) if whole else [text]
    for line in lines:
        typer.echo("      " + (line if len(line) <= width else line[: width - 1] + "…"))
