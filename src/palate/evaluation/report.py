"""One file that shows what was measured and what is recommended: a page, or Markdown without pictures and people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from palate.core.files import write_text
from palate.data.dataset import Dataset
from palate.data.split._base import Split
from palate.evaluation._report_blocks import Block, Grid, Heading, Row, html, markdown
from palate.evaluation._report_charts import Bar, bars
from palate.evaluation._report_comparison import blocks
from palate.evaluation._report_media import Media
from palate.evaluation._report_page import kind_of, markdown_page, page, refuse_foreign
from palate.evaluation._report_people import people
from palate.evaluation._table import share_text
from palate.evaluation.comparison import Comparison
from palate.interfaces import Recommender
from palate.models import Model

__all__ = ["refuse_foreign", "write_report"]


def write_report(
    path: Path | str,
    data: Dataset,
    split: Split,
    comparison: Comparison | Sequence[Comparison],
    model: Model[Any] | None = None,
    *,
    users: int = 6,
    seed: int = 0,
) -> Path:
    """Write a report that opens in any browser, without a network: one file, below 3 MB; or the same in Markdown.

    Args:
        path: where to, `.html` or `.md` (no plots and no people); a report that stands there is replaced, all or nothing.
        data: the dataset compared on.
        split: how it was cut; gives the users' pasts.
        comparison: what was found; several are shown one after the other.
        model: whose lists are shown; the best of the first comparison unless given.
        users: how many people to show, drawn at random.
        seed: of that draw.

    Raises:
        StoreError: the disk is full or refuses; what stood there is untouched.
        RequestError: something other than a report stands there, or the ending is neither.
    """
    path = Path(path)
    refuse_foreign(path)
    comparisons = [comparison] if isinstance(comparison, Comparison) else list(comparison)
    if kind_of(path) == ".md":
        told = [*_data_blocks(data, split), *(block for each in comparisons for block in blocks(each))]
        write_text(path, markdown_page(data, markdown(told)))
        return path
    first = comparisons[0]
    shown = model if model is not None else first.winner
    known = split.train if first.protocol == "strict" else split.refit().train
    faces = ""
    if isinstance(shown, Model):
        faces = people(shown, known, split.test, users, seed, Media(data.catalogue))
    sections = [
        f'<section class="bare"><div class="tiles">{_tiles(data, split)}</div></section>',
        f"<section><h2>Coverage <small>share of the items, by modality</small></h2>{_coverage(data)}</section>",
        *(f"<section>{html(blocks(each))}</section>" for each in comparisons),
        _people(faces, _called(shown, first), seed),
    ]
    write_text(path, page(data, "\n".join(sections)))
    return path


def _data_blocks(data: Dataset, split: Split) -> list[Block]:
    """Return what the tiles and the bars of coverage show, as tables."""
    covered = [
        Row(f"{kind}: {bar.label}", [bar.detail, share_text(bar.share)])
        for kind, bars_of in zip(("named", "encoded"), _covered(data), strict=True)
        for bar in bars_of
    ]
    told: list[Block] = [
        Heading("Data", level=2),
        Grid(["", ""], [Row(label, [value]) for value, label in _figures(data, split)]),
    ]
    return [*told, Heading("Coverage"), Grid(["", "what", "share of the items"], covered)] if covered else told


def _people(faces: str, model: str, seed: int) -> str:
    return (
        f"<section><h2>People <small>liked beside recommended, by {escape(model)}</small></h2>"
        f'<p class="lead">Drawn at random (seed {seed}), not picked. <span class="badge inline">✓</span> marks what the '
        "user in fact liked: an item of the test part, which the model never saw.</p>"
        f"{faces or '<p>There is no fitted model whose lists could be shown.</p>'}</section>"
    )


def _called(model: Recommender | None, comparison: Comparison) -> str:
    if model is not None and model is comparison.winner:
        return str(comparison.best)
    return "no model" if model is None else model.name


def _figures(data: Dataset, split: Split) -> list[tuple[str, str]]:
    cells = max(1, len(data.users) * len(data.items))
    parts = " / ".join(f"{len(part.interactions):,}" for part in (split.train, split.valid, split.test))
    return [
        (f"{len(data.users):,}", "users"),
        (f"{len(data.items):,}", "items"),
        (f"{len(data.interactions):,}", f"interactions{_dates(data)}"),
        (f"{int(data.liked_rows.sum()):,}", f"liked: {data.positive.rule}"),
        (share_text(data.seen.nnz / cells), "of all pairs known"),
        (parts, f"train / valid / test: {split.how}, seed {split.seed}"),
    ]


def _tiles(data: Dataset, split: Split) -> str:
    return "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
        for value, label in _figures(data, split)
    )


def _dates(data: Dataset) -> str:
    times = data.interactions.time
    if times is None or len(times) == 0:
        return ""
    first, last = (datetime.fromtimestamp(int(moment), UTC).date().isoformat() for moment in (times.min(), times.max()))
    return f", {first} to {last}"


def _covered(data: Dataset) -> tuple[list[Bar], list[Bar]]:
    """Return what the catalogue names and what is encoded, as shares of the items."""
    catalogue = data.catalogue
    named = []
    for column in catalogue.content_columns:
        values = catalogue.table[column]
        filled = len(values) - values.null_count() - (int((values == "").sum()) if values.dtype == pl.String else 0)
        named.append(Bar(column, f"{catalogue.types[column]} in the catalogue", filled / max(1, len(values))))
    usable = [
        Bar(name, f"{table.modality}{f', {table.encoder.told}' if table.encoder else ''}, {table.dim} numbers", data.item_coverage(name))
        for name, table in ((name, data.part(name)) for name in data.part_names())
    ]  # fmt: skip
    return named, usable


def _coverage(data: Dataset) -> str:
    named, usable = _covered(data)
    parts = [f"<h3>{title}</h3>{bars(rows)}" for title, rows in (("Named", named), ("Encoded", usable)) if rows]
    return "".join(parts) or "<p>The catalogue has no text, picture, sound or video, and nothing is encoded.</p>"
