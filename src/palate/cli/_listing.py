"""How a registry is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from palate.cli._app import emit
from palate.core.registry import Registry


def listing(registry: Registry[Any] | Sequence[Registry[Any]], as_json: bool) -> None:
    """Print the parts of one or more registries, as a table or as `{"rows": [{"name", "summary", ..}]}`."""
    registries = [registry] if isinstance(registry, Registry) else registry
    rows = [row for one in registries for row in one.summaries()]

    def show() -> None:
        table = Table(box=None, pad_edge=False)
        table.add_column("name", style="bold", no_wrap=True)
        table.add_column("what it is")
        for row in rows:
            table.add_row(row["name"], row["summary"])
            more = [row["paper"]] if "paper" in row else []
            more += [f"fitting takes {row['cost']}"] if "cost" in row else []
            if more:
                table.add_row("", Text("; ".join(more), style="dim"))
        Console().print(table)

    emit({"rows": rows}, as_json, show)
