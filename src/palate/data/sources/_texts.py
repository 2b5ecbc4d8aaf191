"""Columns to plain text: lists and objects through JSON, so that tables and lines are read by the same rules."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

import polars as pl

_MARKUP = r"&(#\d+|#x[0-9a-fA-F]+|[A-Za-z]\w*);"


def as_text(column: pl.Series) -> pl.Series:
    """Return a column as text: lists and objects as JSON, everything else as it is written.

    Example:
        >>> as_text(pl.Series([["a", "b"], None])).to_list(), as_text(pl.Series([1.5, 2])).to_list()
        (['["a","b"]', None], ['1.5', '2.0'])
    """
    if not column.dtype.is_nested():
        return column.cast(pl.String)
    # only objects can be written as JSON: the value is put into one and taken out of its text
    boxed = pl.DataFrame({"v": column}).select(pl.struct("v").struct.json_encode().alias(column.name)).to_series()
    inner = boxed.str.strip_prefix('{"v":').str.strip_suffix("}")
    return pl.select(pl.when(column.is_not_null()).then(inner)).to_series().alias(column.name)


def plain_text(column: pl.Series) -> pl.Series:
    """Return texts with `&amp;` and the like written out, and without space around."""
    marked = column.str.contains(_MARKUP).fill_null(False)
    if marked.any():
        texts = [html.unescape(text) for text in column.filter(marked).to_list()]
        column = column.scatter(marked.arg_true(), texts)
    return column.str.strip_chars()


def joined(column: pl.Series, between: str) -> pl.Series:
    """Return lists, which are JSON text, as text; of lists in lists every word once.

    Example:
        >>> joined(pl.Series(['[["a", "b"], ["a", "c"]]', "[]", "d"]), ", ").to_list()
        ['a, b, c', None, 'd']
    """
    lists = column.str.starts_with("[").fill_null(False)
    if not lists.any():
        return column
    texts = []
    for value in column.filter(lists).to_list():
        try:
            words = dict.fromkeys(word.strip() for word in _words(json.loads(value)))
        except (ValueError, RecursionError):
            words = {value: None}
        texts.append(between.join(word for word in words if word) or None)
    return column.scatter(lists.arg_true(), texts)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif value is not None:
        yield str(value)
