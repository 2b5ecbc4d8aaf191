"""How a registry is printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from palate.cli._app import emit
from palate.core.registry import Registry

LETTERS = (
    "n things, m parts (of a late fusion members), d numbers of a part, w of all parts, k of the result, q people; "
    "h, f, r and l are settings: hidden numbers, filters, rank, layers; b is a batch."
)
"""What the letters of a cost stand for."""


def listing(registry: Registry[Any] | Mapping[str, Registry[Any]], as_json: bool) -> None:
    """Print the parts of a registry, or of several by their kind, as tables or as `{"rows": [{"name", "summary", ..}]}`.

    With several, each row says its `kind`.
    """
    if isinstance(registry, Registry):
        groups = {"": registry.summaries()}
    else:
        groups = {kind: [{**row, "kind": kind} for row in one.summaries()] for kind, one in registry.items()}

    def show() -> None:
        console = Console()
        for kind, rows in groups.items():
            if kind:
                console.print(f"{kind}:", style="bold")
            console.print(_table(rows))
        if any("cost" in row for rows in groups.values() for row in rows):
            console.print(Text(LETTERS, style="dim"))

    emit({"rows": [row for rows in groups.values() for row in rows]}, as_json, show)


def _table(rows: list[dict[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("what it is")
    for row in rows:
        table.add_row(row["name"], row["summary"])
        more = [f"acts on {row['modality']}"] if "modality" in row else []
        more += [row["paper"]] if "paper" in row else []
        more += [f"fitting takes {row['cost']}"] if "cost" in row else []
        if more:
            table.add_row("", Text("; ".join(more), style="dim"))
    return table
