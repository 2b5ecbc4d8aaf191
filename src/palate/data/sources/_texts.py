"""Columns of any type to text, lists and objects as JSON, so that tables and lines are read by the same rules."""

from __future__ import annotations

import polars as pl


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
