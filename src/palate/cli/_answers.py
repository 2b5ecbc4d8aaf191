"""How lists of items are printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from palate.cli._app import emit

if TYPE_CHECKING:
    from palate.explain import Reason
    from palate.serving.engine import Engine
    from palate.serving.schemas import Answer

WIDTH = 80


def console() -> Console:
    """Return a console of at most 80 columns."""
    return Console(width=min(WIDTH, Console().width), highlight=False)


def answer(engine: Engine, found: Answer, as_json: bool, head: str, say: str = "", where: str | None = None) -> None:
    """Print a list of items: as a table with titles, or as `{"items", "fallback"}`.

    Args:
        engine: knows the titles.
        found: the list.
        as_json: whether to print JSON.
        head: the first line.
        say: follows where it fell back.
        where: the filter, if there was one.
    """

    def show() -> None:
        out = console()
        out.print(Text(head, style="bold"))
        if found.fallback is not None:
            out.print(Text(say))
        if not found.items:
            empty = where is not None and not engine.filters.mask(where).any()
            out.print("nothing was found" + (": no item passes the filter" if empty else ""))
            return
        table = Table(box=None, pad_edge=False)
        why = [in_short(hit.reasons) for hit in found.items]
        table.add_column("#", justify="right")
        table.add_column("item", max_width=14, overflow="fold")
        table.add_column("title", max_width=26, no_wrap=True, overflow="ellipsis")
        table.add_column("score", justify="right", no_wrap=True)
        if any(why):
            table.add_column("why")
        named = engine.titles(hit.item_id for hit in found.items)
        for hit, title, reason in zip(found.items, named, why, strict=True):
            cells: list[str | Text] = [str(hit.rank), Text(hit.item_id), Text(title), f"{hit.score:.4g}", Text(reason)]
            table.add_row(*cells[: len(table.columns)])
        out.print(table)

    emit(found.model_dump(mode="json"), as_json, show)


def in_short(reasons: Sequence[Reason]) -> str:
    """Return reasons as lines: what was liked, then words and tastes, then the parts."""
    liked = [reason.label for reason in reasons if reason.kind == "liked"]
    lines = [f"liked {', '.join(liked)}"] if liked else []
    lines += [reason.text for reason in reasons if reason.kind in ("popular", "words", "taste")]
    parts = [reason.text for reason in reasons if reason.kind == "part"]
    return "\n".join([*lines, ", ".join(parts).replace(" %", "\u00a0%")] if parts else lines)
