"""Raw rows to typed rows: ids become text, times unix seconds, and what cannot be used is told, with the reason."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from palate.core.errors import DataError, did_you_mean
from palate.core.wording import some
from palate.data.catalogue import MEDIA_TYPES, VALUE_TYPES, ColumnType
from palate.data.interactions import LABELS
from palate.data.quarantine import frame_of

ALIASES: dict[str, tuple[str, ...]] = {
    "user": ("user", "userid", "uid", "customer", "customerid", "visitor", "visitorid", "reviewerid", "person", "memberid"),
    "item": (
        "item", "itemid", "iid", "product", "productid", "sku", "asin", "parentasin", "movie", "movieid", "film", "filmid",
        "video", "videoid", "song", "songid", "track", "trackid", "article", "articleid", "news", "newsid", "book",
        "bookid", "isbn", "business", "businessid",
    ),
    "weight": ("weight", "rating", "ratings", "stars", "score", "overall", "value", "count", "plays", "playcount"),
    "timestamp": ("timestamp", "time", "ts", "unixtime", "unixreviewtime", "eventtime", "createdat", "datetime", "date"),
    "kind": ("kind", "event", "eventtype", "action", "behaviour", "behavior", "type"),
    "text": ("text", "review", "reviewtext", "comment"),
    "split": ("split", "xlabel"),
}  # fmt: skip
"""Column names by role, in lower case without spaces, hyphens and underscores; the first that is there is taken."""

ROW_COLUMNS = ("user_id", "item_id", "weight", "timestamp", "kind", "text", "split")
"""What the columns with a role are called in a dataset."""
_SPLITS = {
    "0": "train",
    "1": "valid",
    "2": "test",
    "training": "train",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
}
_UNITS = ((1e17, 1_000_000_000, "nanoseconds"), (1e14, 1_000_000, "microseconds"), (1e11, 1_000, "milliseconds"))
DAY = r"^\d{4}-\d{2}-\d{2}([T ]|$)"
"""How a day begins, with or without a time."""
_Test = tuple[pl.Expr, str, pl.Expr]
"""Which rows are wrong, why, and what value to show."""
_DAY = 86_400
_WRITTEN = 1_767_225_600  # 2026-01-01: a clock that stands before this is wrong


@dataclass(frozen=True)
class Rows:
    """Typed interactions (user_id, item_id, weight, then any of timestamp, kind, text, split, more), and those set aside."""

    table: pl.DataFrame
    rejected: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    notes: tuple[str, ...] = ()
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    """Types of the columns that have no role."""


def find_columns(table: pl.DataFrame, given: Mapping[str, str], place: str, needed: tuple[str, ...]) -> dict[str, str]:
    """Return the column of each role: the given one, else the first of the usual names.

    Raises:
        DataError: a given column is not there, or a needed role has none.
    """
    found: dict[str, str] = {}
    for role, name in given.items():
        if role not in ALIASES:
            raise DataError(f"there is no role '{role}' for a column: {did_you_mean(role, ALIASES)}")
        if name not in table.columns:
            raise DataError(f"{place} has no column '{name}': {did_you_mean(name, table.columns)}")
        found[role] = name
    plain = {plain_name(name): name for name in reversed(table.columns) if name not in found.values()}
    for role, aliases in ALIASES.items():
        match = next((plain[alias] for alias in aliases if alias in plain), None)
        if role not in found and match is not None:
            found[role] = match
    for role in needed:
        if role not in found:
            raise DataError(
                f"{place} has no column for the {role} (it has {', '.join(table.columns)}): name it with --column {role}=NAME"
            )
    return found


def plain_name(name: str) -> str:
    """Return a column name in lower case without spaces, hyphens, underscores and a type after a colon."""
    return name.partition(":")[0].strip().lower().replace("_", "").replace("-", "").replace(" ", "")


def typed_rows(
    raw: pl.DataFrame,
    columns: Mapping[str, str],
    place: str,
    rows: pl.Series | None = None,
    more: Mapping[str, tuple[str, ColumnType]] | None = None,
) -> Rows:
    """Bring raw interactions into one form.

    Args:
        raw: any columns of any types.
        columns: the column of each role, as `find_columns` tells.
        place: what to call the table in the quarantine.
        rows: the number of each row where some were set aside before; else counted from 1.
        more: further columns to keep: what to call each -> its column and type.

    Missing data:
        Ids that are missing, weights that are NaN or infinite and impossible times go to `rejected`.
        Without a column of weights each row weighs 1. A text of white space is missing.
    """
    numbers = pl.Series("row", range(1, raw.height + 1), dtype=pl.Int64) if rows is None else rows.alias("row")
    work = pl.DataFrame({"row": numbers})
    notes: list[str] = []
    tests: list[_Test] = []
    for role in ("user", "item"):
        ids, note = id_text(raw[columns[role]], columns[role])
        work, notes = work.with_columns(ids.alias(f"{role}_id")), notes + note
        tests.append((pl.col(f"{role}_id").is_null(), f"the {role} id is missing", pl.lit(None, pl.String)))
    weight, unread = (
        numbers_of(raw[columns["weight"]]) if "weight" in columns else (pl.repeat(1.0, raw.height, eager=True), None)
    )
    work = work.with_columns(weight.cast(pl.Float32, strict=False).alias("weight"))
    if unread is not None:
        work = work.with_columns(unread.alias("_unread"))
        tests.append((pl.col("_unread").is_not_null(), "the weight is not a number", pl.col("_unread")))
        tests.append(
            (pl.col("weight").fill_null(float("nan")).is_nan(), "the weight is missing", pl.lit(None, pl.String))
        )
        tests.append((pl.col("weight").is_infinite(), "the weight is infinite", pl.col("weight").cast(pl.String)))
    if "timestamp" in columns and raw[columns["timestamp"]].null_count() < raw.height:
        raw_time = raw[columns["timestamp"]]
        seconds, note = unix_seconds(raw_time, columns["timestamp"])
        work = work.with_columns(seconds.alias("timestamp"), shown_text(raw_time).alias("_time"))
        notes += note
        tests += _time_tests()
    for role in ("kind", "text", "split"):
        if role in columns:
            column = shown_text(raw[columns[role]])
            column = (filled_text(column) if role == "text" else column).alias(role)
            work = work.with_columns(column if role != "split" else _split_names(column))
    if "split" in columns:
        known = pl.col("split").is_in(LABELS).fill_null(False)
        tests.append((~known, "the split is none of train, valid, test", pl.col("split")))
    kept = dict(more or {})
    for name, (where, kind) in kept.items():
        value, note = _more(raw[where], name, kind)
        work, notes = work.with_columns(value.alias(f"more.{name}")), notes + note
    found = _parted(work, tests, place, tuple(notes))
    table = found.table.rename({f"more.{name}": name for name in kept})
    return replace(found, table=table, types={name: kind for name, (_, kind) in kept.items()})


def _more(column: pl.Series, name: str, kind: ColumnType) -> tuple[pl.Series, list[str]]:
    """Return a column without a role as its type wants it, and what is to be said about it."""
    if kind == "number":
        number, wrong = numbers_of(column)
        unread = 0 if wrong is None else len(wrong) - wrong.null_count()
        told = some(unread, f"value of '{name}' is not a number", f"values of '{name}' are not numbers")
        notes = [f"{told}: left empty"] if unread else []
        return pl.select(pl.when(number.is_finite()).then(number)).to_series(), notes
    notes = no_days(column, name) if kind == "date" else []
    if column.dtype.is_nested() and kind not in (*VALUE_TYPES, *MEDIA_TYPES):
        return column, []
    return filled_text(shown_text(column)), notes


def filled_text(text: pl.Series) -> pl.Series:
    """Return texts, null where there is nothing but white space."""
    return pl.select(pl.when(text.str.strip_chars() != "").then(text)).to_series()


def no_days(column: pl.Series, name: str) -> list[str]:
    """Return what is to be said about values of a column of dates that are none.

    Example:
        >>> no_days(pl.Series(["2026-01-31", "2026-01-31T10:00:00Z", None, "31/01/2026"]), "since")
        ["1 value of 'since' is no day as 2026-01-31, and the encoder 'table' cannot read it as one"]
    """
    text = shown_text(column).str.strip_chars()
    odd = text.filter(text.is_not_null() & (text != "") & ~text.str.contains(DAY))
    told = some(len(odd), f"value of '{name}' is no day", f"values of '{name}' are no days")
    them = "it as one" if len(odd) == 1 else "them as such"
    return [f"{told} as 2026-01-31, and the encoder 'table' cannot read {them}"] if len(odd) else []


def _parted(work: pl.DataFrame, tests: list[_Test], place: str, notes: tuple[str, ...]) -> Rows:
    reason = pl.coalesce(pl.when(test).then(pl.lit(why)) for test, why, _ in tests)
    value = pl.coalesce(pl.when(test).then(shown) for test, _, shown in tests)
    work = work.with_columns(reason.alias("_reason"), value.alias("_value"))
    wrong = work.filter(pl.col("_reason").is_not_null())
    who = pl.concat_str([pl.col("user_id").fill_null("?"), pl.col("item_id").fill_null("?")], separator=" → ")
    rejected = wrong.select(
        pl.lit(place).alias("place"),
        "row",
        who.alias("id"),
        pl.col("_reason").alias("reason"),
        pl.col("_value").alias("value"),
    )
    fields = [name for name in work.columns if name != "row" and not name.startswith("_")]
    return Rows(work.filter(pl.col("_reason").is_null()).select(fields), rejected, notes)


def id_text(column: pl.Series, name: str = "id") -> tuple[pl.Series, list[str]]:
    """Return ids as text, null where one is missing, and what is to be said about it; 1 and 1.0 become "1".

    Example:
        >>> id_text(pl.Series([1.0, None, 12345678901.0]))[0].to_list()
        ['1', None, '12345678901']
    """
    notes = []
    if column.dtype.is_float():
        whole = column.is_finite() & (column == column.round())
        text = pl.select(
            pl.when(whole).then(column.cast(pl.Int128, strict=False).cast(pl.String))
            .when(column.is_finite()).then(column.cast(pl.String))
        ).to_series()  # fmt: skip
    else:
        text = shown_text(column)
        floats = text.str.contains(r"^-?\d+\.0$")
        if len(text) > text.null_count() and floats.all():
            text = text.str.strip_suffix(".0")
            notes.append(f"the ids in '{name}' are numbers such as '1.0': they are read as '1'")
    blank = text.str.strip_chars() == ""
    return pl.select(pl.when(~blank).then(text)).to_series().alias(column.name), notes


def numbers_of(column: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Return a column as numbers (null where there is none) and, by row, the text that is not a number.

    Example:
        >>> numbers_of(pl.Series(["4,5", "1.299,00", "12", ""]))[0].to_list()
        [4.5, 1299.0, 12.0, None]
    """
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64), None if column.dtype.is_integer() and not column.null_count() else _nothing(
            column
        )
    text = shown_text(column).str.strip_chars()
    text = pl.select(pl.when(text != "").then(text)).to_series()
    text = _points(text)
    number = text.cast(pl.Float64, strict=False)
    return number, pl.select(pl.when(number.is_null()).then(text)).to_series()


def _points(text: pl.Series) -> pl.Series:
    """Write decimal commas as points, where a column has commas that cannot part thousands: 1.299,50 is 1299.50."""
    decimal = text.str.contains(r"^[+-]?\d[\d.]*,(\d{1,2}|\d{4,})$")
    if not decimal.any() or text.str.contains(r",\d{3}[.,]").any():
        return text
    whole = text.str.contains(r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$")
    plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return pl.select(pl.when(whole).then(plain).otherwise(text)).to_series().alias(text.name)


def unix_seconds(column: pl.Series, name: str = "timestamp") -> tuple[pl.Series, list[str]]:
    """Return times as unix seconds, null where one cannot be read, and what is to be said about it.

    Numbers may be seconds, milliseconds, microseconds or nanoseconds: the median decides for the column as a whole.
    Dates and ISO 8601 texts without a zone are UTC.

    Example:
        >>> seconds, notes = unix_seconds(pl.Series([1700000000000, 1700000001000]))
        >>> seconds.to_list(), len(notes)
        ([1700000000, 1700000001], 1)
    """
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return column.cast(pl.Datetime("us", getattr(column.dtype, "time_zone", None))).dt.epoch("s"), []
    number, _ = numbers_of(column)
    if not column.dtype.is_numeric() and number.null_count() > column.null_count():
        dates = _dates(shown_text(column))
        if dates.null_count() < number.null_count():
            return dates.dt.epoch("s"), []
    number = pl.select(pl.when(number.is_finite()).then(number)).to_series()
    middle = number.abs().median()
    for bound, factor, unit in _UNITS:
        if isinstance(middle, float) and middle >= bound:
            exact = column if column.dtype.is_integer() else number
            note = f"the times in '{name}' are in {unit}: they are converted to seconds"
            return (exact // factor).cast(pl.Int64, strict=False), [note]
    return number.floor().cast(pl.Int64, strict=False), []


def latest_possible() -> int:
    """Return the last unix second that is not in the future; a day is granted to zones and clocks."""
    return int(max(clock.time(), _WRITTEN)) + _DAY


def _time_tests() -> list[_Test]:
    shown = pl.col("_time")
    return [
        (shown.is_null(), "the time is missing", pl.lit(None, pl.String)),
        (pl.col("timestamp").is_null(), "the time cannot be read", shown),
        (pl.col("timestamp") < 0, "the time is before 1970", shown),
        (pl.col("timestamp") > latest_possible(), "the time is in the future", shown),
    ]


def _dates(text: pl.Series) -> pl.Series:
    zoned = text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    try:
        plain = text.str.strip_suffix("Z").str.to_datetime(time_unit="us", strict=False)
    except pl.exceptions.PolarsError:  # no format fits the first values
        return zoned
    return zoned if zoned.null_count() < plain.null_count() else plain


def _split_names(column: pl.Series) -> pl.Series:
    plain = column.str.to_lowercase().str.strip_suffix(".0")
    return plain.replace(_SPLITS)


def shown_text(column: pl.Series) -> pl.Series:
    """Return any column as text, null where it is missing."""
    if column.dtype == pl.Object:
        return pl.Series(column.name, [None if value is None else str(value) for value in column], dtype=pl.String)
    if isinstance(column.dtype, (pl.List, pl.Array)):
        return column.cast(pl.List(pl.String)).list.join(", ", ignore_nulls=True)
    if isinstance(column.dtype, pl.Struct):
        text = column.struct.json_encode()
        return pl.select(pl.when(column.is_not_null()).then(text)).to_series().alias(column.name)
    if column.dtype == pl.Binary:
        texts = [None if value is None else value.decode("utf-8", "backslashreplace") for value in column.to_list()]
        return pl.Series(column.name, texts, dtype=pl.String)
    return column.cast(pl.String)


def _nothing(column: pl.Series) -> pl.Series:
    return pl.repeat(None, len(column), dtype=pl.String, eager=True)
