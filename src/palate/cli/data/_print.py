"""How the data commands print: words and figures in columns, within 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import typer

_WIDTH = 80


def say(text: str = "", indent: str = "  ") -> None:
    """Print a sentence, wrapped; the lines after the first are indented."""
    typer.echo(textwrap.fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))


def figures(rows: Mapping[str, str]) -> None:
    """Print names and what is to be told of each, names in one column."""
    _columns(list(rows.items()))


def counted(reasons: Mapping[str, int]) -> None:
    """Print how often each reason was met, the counts in one column."""
    _columns([(f"{count:,}", reason) for reason, count in reasons.items()])


def _columns(rows: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in rows), default=0) + 2
    for name, told in rows:
        body = textwrap.wrap(told, _WIDTH - width - 2, break_long_words=False, break_on_hyphens=False) or [""]
        typer.echo(f"  {name:<{width}}{body[0]}")
        for line in body[1:]:
            typer.echo(f"  {'':<{width}}{line}")


def listed(names: list[str], most: int = 5) -> str:
    """Return names with commas, at most so many of them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
