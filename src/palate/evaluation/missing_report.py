"""Missing-modality curves as a file: a page, Markdown, or the plot alone."""

from __future__ import annotations

from html import escape
from pathlib import Path

from palate.core.files import write_text
from palate.data.dataset import Dataset
from palate.evaluation._missing_show import head_of, notes, plot, reading, table
from palate.evaluation._report_page import NOTE, kind_of, markdown_page, page, refuse_foreign, row
from palate.evaluation._report_page import table as html_table
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
        write_text(path, markdown_page(data, f"## Missing parts\n\n{found.to_markdown()}"))
    else:
        write_text(path, page(data, section(found)))
    return path


def section(found: MissingCurves) -> str:
    """Return the plot, how to read it, and the table, as a section of a page."""
    whole = found.whole
    rows = [row(line[0], [escape(cell) for cell in line[1:]]) for line in table(found)]
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes(found))
    return (
        f"<section><h2>Missing parts <small>{escape(found.model)}, {escape(whole.how)}, {escape(whole.protocol)}</small></h2>"
        f'<div class="wide">{plot(found)}</div><p class="lead">{escape(reading(found))}</p>'
        f"{html_table(head_of(found), rows)}<ul class='fine'>{listed}</ul></section>"
    )
