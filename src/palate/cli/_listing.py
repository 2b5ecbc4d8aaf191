"""How a registry is printed."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from palate.cli._app import emit
from palate.core.registry import Registry


def listing(registry: Registry[Any], as_json: bool) -> None:
    """Print the parts of a registry, as a table or as `{"rows": [{"name", "summary"}]}`."""
    rows = registry.summaries()

    def show() -> None:
        table = Table(box=None, pad_edge=False)
        table.add_column("name", style="bold", no_wrap=True)
        table.add_column("what it is")
        for row in rows:
            table.add_row(row["name"], row["summary"])
        Console().print(table)

    emit({"rows": rows}, as_json, show)
