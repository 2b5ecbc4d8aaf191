"""Missing-modality curves as a file: a page, Markdown, or the plot alone."""

from __future__ import annotations

from pathlib import Path

from palate.core.files import write_text
from palate.data.dataset import Dataset
from palate.evaluation._missing_show import head_of, notes, plot, reading, table
from palate.evaluation._report_blocks import Block, Grid, Heading, Picture, Points, Row, html, markdown
from palate.evaluation._report_page import NOTE, kind_of, markdown_page, page, refuse_foreign
from palate.evaluation.missing import MissingCurves

KINDS = (".html", ".md", ".svg")


def write_missing(path: Path | str, data: Dataset, found: MissingCurves) -> Path:
    """Write the curves: `.html` with plot and table, `.md` with the table, `.svg` with the plot alone.

    Args:
        path: where to; a report that stands there is replaced, all or nothing.
        data: what was dropped from.
        found: the curves.

    Raises:
        StoreError: the disk is full or refuses; what stood there is untouched.
        RequestError: something other than a report stands there, or the ending is none of the three.
    """
    path = Path(path)
    refuse_foreign(path, KINDS)
    kind = kind_of(path)
    if kind == ".svg":
        write_text(path, f"{NOTE}\n{found.plot()}\n")
    elif kind == ".md":
        write_text(path, markdown_page(data, markdown(blocks(found))))
    else:
        write_text(path, page(data, f"<section>{html(blocks(found))}</section>"))
    return path


def blocks(found: MissingCurves) -> list[Block]:
    """Return the plot, how to read it, and the table."""
    whole = found.whole
    return [
        Heading("Missing parts", f"{found.model}, {whole.how}, {whole.protocol}", 2),
        Picture(plot(found), reading(found)),
        Grid(head_of(found), [Row(line[0], line[1:]) for line in table(found)]),
        Points(notes(found)),
    ]
