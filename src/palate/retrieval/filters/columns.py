"""The columns of a catalogue as filters see them: numbers, dates, texts, or lists of texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from palate.data.rows import shown_text

Holds = Literal["numbers", "dates", "texts", "lists", "others"]
"""`lists` are of texts; `others`, such as vectors, can only be missing or not."""

_SEPARATORS = r"[|;,]"
_DAY = r"^\d{4}-\d{2}-\d{2}"


@dataclass(frozen=True, eq=False)
class Held:
    """The values of a column in one form, null where one is missing."""

    holds: Holds
    values: pl.Series

    @classmethod
    def of(cls, column: pl.Series) -> Held:
        """Tell what a column holds by its type, and for texts by whether all of them are dates.

        Missing data:
            NaN counts as missing, as null does.

        Example:
            >>> Held.of(pl.Series(["2024-05-01", None])).holds, Held.of(pl.Series(["red"])).holds
            ('dates', 'texts')
        """
        kind = column.dtype
        if kind.is_numeric() or kind == pl.Boolean:
            return cls("numbers", column.cast(pl.Float64).fill_nan(None))
        if isinstance(kind, (pl.List, pl.Array)):
            if kind.inner.is_numeric() or kind.inner.is_nested():
                return cls("others", column)
            return cls("lists", column.cast(pl.List(pl.String)))
        if isinstance(kind, pl.Duration):
            return cls("others", column)
        if kind == pl.Date or isinstance(kind, pl.Datetime):
            return cls("dates", column.cast(pl.Datetime("us")).alias(column.name))
        text = shown_text(column)
        dates = _dates(text)
        return cls("texts", text) if dates is None else cls("dates", dates)

    @cached_property
    def days(self) -> pl.Series:
        """Dates without the time of day."""
        return self.values.cast(pl.Date)

    @cached_property
    def lower(self) -> pl.Series:
        """Texts in lower case; dates as ISO 8601 writes them."""
        if self.holds == "dates":
            return self.values.dt.to_string("%Y-%m-%d %H:%M:%S")
        if self.holds == "lists":
            return self.values.list.eval(pl.element().str.to_lowercase())
        return self.values.str.to_lowercase()

    @cached_property
    def members(self) -> pl.Series:
        """The values of each cell: `Action|Comedy` has Action and Comedy, and the whole of it is one too."""
        if self.holds == "lists":
            return self.values
        cut = self.values.str.replace_all(_SEPARATORS, "\x1f").str.split("\x1f")
        parts = cut.list.eval(pl.element().str.strip_chars())
        return pl.select(pl.concat_list(pl.lit(self.values), pl.lit(parts))).to_series()


def moment(text: str) -> tuple[pl.Expr, bool] | None:
    """Return a date and whether it is a whole day, or None where the text is no date.

    Example:
        >>> moment("2024-05-01")[1], moment("2024-05-01 12:30")[1], moment("2024-13-01")
        (True, False, None)
    """
    for form, day in (("%Y-%m-%d", True), ("%Y-%m-%d %H:%M", False), ("%Y-%m-%d %H:%M:%S", False)):
        read = pl.Series([text.replace("T", " ")]).str.to_datetime(form, time_unit="us", strict=False, exact=True)
        if read.null_count() == 0:
            return pl.lit(read[0]), day
    return None


def _dates(text: pl.Series) -> pl.Series | None:
    there = text.drop_nulls()
    if not len(there) or not there.str.contains(_DAY).all():
        return None
    plain = text.str.replace("T", " ", literal=True).str.replace(r"(\.\d+)?(Z|[+-]00:?00)?$", "")
    for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        dates = plain.str.to_datetime(form, time_unit="us", strict=False, exact=True)
        if dates.null_count() == text.null_count():
            return dates
    return None
