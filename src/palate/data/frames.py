"""DataFrames to a dataset: pandas or polars."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from palate.core.errors import DataError
from palate.data import quarantine
from palate.data.assemble import Table, assemble, check_types, relative_to, typed_table
from palate.data.catalogue import MEDIA_TYPES, Catalogue, ColumnType
from palate.data.dataset import Dataset
from palate.data.media import is_url, names_file
from palate.data.rows import Rows, find_columns, typed_rows

Frame = Any
"""A pandas or polars DataFrame."""


def from_frames(
    interactions: Frame = None,
    items: Frame = None,
    users: Frame = None,
    *,
    types: Mapping[str, ColumnType] | None = None,
    columns: Mapping[str, str] | None = None,
    media_root: Path | str | None = None,
    name: str = "dataset",
    licence: str = "",
    positive: str = "weight>0",
    bad_rows: Literal["raise", "drop"] = "raise",
) -> Dataset:
    """Build a dataset from DataFrames.

    Args:
        interactions: one row an interaction: user, item, and any of weight (or rating), timestamp, kind, text, split;
            None for a catalogue only.
        items: one row an item, with its id and any columns.
        users: one row a user, likewise.
        types: column -> text, image, audio, video, series, number or category; the others are guessed. Columns of
            interactions without a role are kept where they are named here.
        columns: role (user, item, weight, timestamp, kind, text, split) -> column, where the names are unusual.
        media_root: the folder that media paths are relative to.
        name, licence, positive: what to call it, the terms of use, which interactions count as liked.
        bad_rows: what to do with rows that cannot be used: refuse, or leave them out with a warning.

    Missing data:
        Ids that are numbers become text (1 and 1.0 are "1"); None, NaN and empty text become null. A row without an
        id, with a NaN weight or with an impossible time cannot be used.

    Raises:
        DataError: a column is missing, or a row cannot be used; the message counts them by reason.

    Example:
        >>> events = pl.DataFrame({"user": ["ann", "bob"], "item": [1, 2], "rating": [5, 0]})
        >>> data = from_frames(events, pl.DataFrame({"item": [1, 2], "title": ["cup", "saucer"]}))
        >>> data.items.ids, data.interactions.weight.tolist()
        (('1', '2'), [5.0, 0.0])
    """
    if interactions is None and items is None:
        raise DataError("from_frames was given no table: give interactions, items, or both")
    given, kinds = dict(columns or {}), dict(types or {})
    root = None if media_root is None else Path(os.path.abspath(media_root))
    item_table = None if items is None else to_polars(items, "items")
    user_table = None if users is None else to_polars(users, "users")
    raw = None if interactions is None else to_polars(interactions, "interactions")
    check_types(kinds, item_table, user_table, raw)
    catalogue, root = _table(item_table, "item", "item_id", kinds, given, root)
    people, root = _table(user_table, "user", "user_id", kinds, given, root)
    rejected = [table.rejected for table in (catalogue, people) if table is not None]
    rows = None
    notes: list[str] = []
    if raw is not None:
        if not raw.height and items is None:
            raise DataError("the table of interactions has no rows: give at least one, or a table of items")
        roles = find_columns(raw, given, "interactions", ("user", "item"))
        taken = {
            *roles.values(),
            *(name for table in (item_table, user_table) if table is not None for name in table.columns),
        }
        more = {name: (name, kind) for name, kind in kinds.items() if name in raw.columns and name not in taken}
        rows, root = _rooted_rows(typed_rows(raw, roles, "interactions", more=more), root)
        rejected.append(rows.rejected)
        notes += rows.notes
    _tell(pl.concat(rejected), notes, bad_rows)
    return assemble(rows, catalogue, people, name, licence, positive, root)[0]


def to_polars(frame: Frame, what: str = "table") -> pl.DataFrame:
    """Return a pandas or polars DataFrame as a polars one, column by column.

    Raises:
        DataError: it is neither.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if type(frame).__module__.partition(".")[0] == "pandas" and hasattr(frame, "columns"):
        names = [str(name) for name in frame.columns]
        if len({*names}) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"the table of {what} has the column '{twice}' more than once: rename or drop one")
        return pl.DataFrame([_column(name, frame.iloc[:, place]) for place, name in enumerate(names)])
    raise DataError(f"{what} was given as a {type(frame).__name__}: give a pandas or polars DataFrame")


def _column(name: str, column: Any) -> pl.Series:
    kind = column.dtype
    numpy_kind = getattr(kind, "kind", "O")
    if str(kind).startswith("datetime64"):
        if getattr(kind, "tz", None) is not None:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return pl.Series(name, column.to_numpy(dtype="datetime64[us]")).cast(pl.Datetime("us"))
    plain = type(kind).__module__.startswith("numpy")
    if plain and numpy_kind in "iufb":
        return pl.Series(name, column.to_numpy())
    missing = column.isna().tolist()
    values = [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]
    if numpy_kind in "iub":
        return pl.Series(name, values, dtype={"i": pl.Int64, "u": pl.UInt64, "b": pl.Boolean}[numpy_kind])
    try:
        return pl.Series(name, [_plain(value) for value in values], strict=False)
    except UnicodeEncodeError as error:
        raise DataError(f"the column '{name}' holds text that is not Unicode ({error}): decode it anew") from error


def _plain(value: Any) -> Any:
    """Return ids of a mixed column as text, whole floats without the point."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if value is None or isinstance(value, (list, tuple, dict)) else str(value)


def _table(
    raw: pl.DataFrame | None,
    role: str,
    key: str,
    types: Mapping[str, ColumnType],
    columns: Mapping[str, str],
    root: Path | None,
) -> tuple[Table | None, Path | None]:
    if raw is None:
        return None, root
    own = {role: columns[role]} if columns.get(role) in raw.columns else {}
    if role not in own and "id" in raw.columns and not any(name in raw.columns for name in (role, key)):
        own = {role: "id"}
    found = find_columns(raw, own, f"{role}s", (role,))
    table = typed_table(raw, found[role], key, types, f"{role}s")
    return _rooted(table, root)


def _rooted(table: Table, root: Path | None) -> tuple[Table, Path | None]:
    frame, root = _placed(table.table, table.types, root)
    return Table(frame, table.types, table.rejected, table.notes), root


def _rooted_rows(rows: Rows, root: Path | None) -> tuple[Rows, Path | None]:
    frame, root = _placed(rows.table, rows.types, root)
    return replace(rows, table=frame), root


def _placed(
    frame: pl.DataFrame, types: Mapping[str, ColumnType], root: Path | None
) -> tuple[pl.DataFrame, Path | None]:
    """Make the media paths relative to one folder: the given one, or the one that holds all absolute paths."""
    for name in Catalogue(frame, types).file_columns:
        if frame[name].dtype.is_nested():
            continue
        values = frame[name].to_list()
        always = types[name] in MEDIA_TYPES
        paths = [value for value in values if value and not is_url(value) and (always or names_file(value))]
        if root is None and paths and all(Path(path).is_absolute() for path in paths):
            root = Path(os.path.commonpath([str(Path(path).parent) for path in paths]))
        if root is not None:
            named = set(paths)
            inside = [relative_to(root, value) if value in named else value for value in values]
            frame = frame.with_columns(pl.Series(name, inside, dtype=pl.String))
    return frame, root


def _tell(rejected: pl.DataFrame, notes: list[str], bad_rows: str) -> None:
    if rejected.height:
        first = rejected.row(0, named=True)
        counts = ", ".join(f"{reason} ({count:,})" for reason, count in quarantine.reasons(rejected).items())
        what = f"{rejected.height:,} rows cannot be used: {counts}; the first is row {first['row']} of {first['place']}"
        if bad_rows == "raise":
            raise DataError(f"{what}; mend them, or leave them out with bad_rows='drop'")
        warnings.warn(what, stacklevel=3)
    for note in notes:
        warnings.warn(note, stacklevel=3)
