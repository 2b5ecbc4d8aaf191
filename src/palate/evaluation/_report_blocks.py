"""What a report is made of, once for HTML and Markdown: headings, words, tables, lists, pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias


@dataclass(frozen=True)
class Heading:
    """A title; `level` 2 begins a section."""

    text: str
    small: str = ""
    level: int = 3


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str
    fine: bool = False


@dataclass(frozen=True)
class Row:
    """A line of a table: a name and cells, or a name and why there are none."""

    name: str
    cells: Sequence[str] = ()
    best: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Grid:
    """A table; `folded` gives it a title to open it by, on a page."""

    head: Sequence[str]
    rows: Sequence[Row]
    folded: str = ""
    left: bool = False
    """Whether the cells are words rather than figures."""


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Picture:
    """A plot, on a page only; the sentence below it tells how to read it."""

    html: str
    reading: str


Block: TypeAlias = Heading | Words | Grid | Points | Picture


def html(blocks: Iterable[Block]) -> str:
    """Return the blocks as HTML; everything but pictures is escaped here."""
    return "".join(_html(block) for block in blocks)


def markdown(blocks: Iterable[Block]) -> str:
    """Return the blocks as Markdown, without the pictures, and without headings under which nothing else stands."""
    told = [block for block in blocks if not isinstance(block, Picture)]
    following: list[Block | None] = [*told[1:], None]
    kept = [
        block
        for block, after in zip(told, following, strict=True)
        if not (
            isinstance(block, Heading)
            and (after is None or (isinstance(after, Heading) and after.level <= block.level))
        )
    ]
    return "\n\n".join(_markdown(block) for block in kept) + "\n"


def _html(block: Block) -> str:
    match block:
        case Heading(text, small, level):
            beside = f" <small>{escape(small)}</small>" if small else ""
            return f"<h{level}>{escape(text)}{beside}</h{level}>"
        case Words(text, fine):
            return f'<p class="{"fine" if fine else "lead"}">{escape(text)}</p>'
        case Grid():
            return _grid(block)
        case Points(lines):
            return f'<ul class="fine">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'
        case Picture(drawn, reading):
            return f'<div class="wide">{drawn}</div><p class="lead reading">{escape(reading)}</p>'


def _grid(block: Grid) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in block.head)
    body = "".join(_row(row, len(block.head) - 1) for row in block.rows)
    told = f'<div class="wide"><table{" class=told" if block.left else ""}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return f"<details><summary>{escape(block.folded)}</summary>{told}</details>" if block.folded else told


def _row(row: Row, width: int) -> str:
    if row.reason:
        return f'<tr class="failed"><th>{escape(row.name)}</th><td colspan="{width}">{escape(row.reason)}</td></tr>'
    mark = " <span>best</span>" if row.best else ""
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
    return f"<tr{' class=best' if row.best else ''}><th>{escape(row.name)}{mark}</th>{cells}</tr>"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, small, level):
            return f"{'#' * level} {plain(text)}{f' ({plain(small)})' if small else ''}"
        case Words(text):
            return plain(text)
        case Points(lines):
            return "\n".join(f"- {plain(line)}" for line in lines)
        case Picture():
            return ""
        case Grid(head, rows, folded, left):
            side = "---" if left else "---:"
            table = [head, ["---", *[side] * (len(head) - 1)], *(_cells(row, len(head) - 1) for row in rows)]
            told = "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in table)
            return f"{plain(folded)}:\n\n{told}" if folded else told


def _cells(row: Row, width: int) -> list[str]:
    if row.reason:
        return [row.name, row.reason, *[""] * (width - 1)]
    return [f"**{plain(row.name)}**" if row.best else row.name, *row.cells]


def _cell(text: str) -> str:
    return plain(text).replace("|", "\\|")


def plain(text: str) -> str:
    """Return words on one line in which Markdown sees no HTML."""
    return " ".join(text.split()).replace("<", "&lt;")
