"""Typed tables to a dataset: who is who, which columns are what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import polars as pl

from palate.core.errors import DataError, did_you_mean
from palate.core.ids import IdMap
from palate.data.catalogue import MEDIA_TYPES, VALUE_TYPES, Catalogue, ColumnType
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions
from palate.data.media import EXTENSIONS
from palate.data.positive import Positive
from palate.data.quarantine import frame_of
from palate.data.rows import DAY, Rows, id_text, no_days, numbers_of, plain_name, shown_text

_FEW = 50
_SHOWN = (*VALUE_TYPES, *MEDIA_TYPES)
"""Types whose cells are stored as text or number; lists of other types stay lists."""
_TEXTS = frozenset(("title", "name", "productname", "itemname", "headline", "description", "titel", "标题", "名称"))
"""What a column of texts may be called, however often a text comes again: many lamps are called 'Lamp'."""


@dataclass(frozen=True)
class Table:
    """A typed table of items or users: the id column first, one row an id; and the rows set aside."""

    table: pl.DataFrame
    types: dict[str, ColumnType] = field(default_factory=dict)
    rejected: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    notes: tuple[str, ...] = ()


def typed_table(
    raw: pl.DataFrame,
    source: str,
    key: str,
    types: Mapping[str, ColumnType],
    place: str,
    rows: pl.Series | None = None,
    guess: bool = True,
) -> Table:
    """Bring a raw table of items or users into one form.

    Args:
        raw: any columns of any types.
        source: its column of ids.
        key: what to call that: item_id or user_id.
        types: the types that are known; the others are guessed from the values, where `guess` allows.
        place: what to call the table in the quarantine.
        rows: the number of each row where some were set aside before; else counted from 1.
        guess: whether to guess; a type that is given for one column is never guessed for another.

    Missing data:
        Empty text and NaN become null. Of several rows with one id the last stays.
    Raises:
        DataError: another column than the one of ids is called as that will be.
    """
    if key != source and key in raw.columns:
        raise DataError(f"{place} has a column '{key}' beside the ids in '{source}': rename it or leave it out")
    ids, notes = id_text(raw[source], source)
    number = pl.Series("_row", range(1, raw.height + 1), dtype=pl.Int64) if rows is None else rows.alias("_row")
    table = raw.drop(source).insert_column(0, ids.alias(key)).with_columns(number)
    missing = table.filter(pl.col(key).is_null())
    known = table.filter(pl.col(key).is_not_null())
    kept = known.unique(key, keep="last", maintain_order=True)
    earlier = known.join(kept.select("_row"), on="_row", how="anti", maintain_order="left")
    rejected = [
        _aside(missing, place, key, f"the {key.replace('_', ' ')} is missing"),
        _aside(earlier, place, key, "a later row has the same id"),
    ]
    found: dict[str, ColumnType] = {name: kind for name, kind in types.items() if name in kept.columns}
    columns = [kept[key]]
    for name in raw.columns:
        if name in (source, key):
            continue
        column = kept[name]
        guessed = guess_type(column) if name not in found and guess else None
        if guessed is not None and guessed not in types.values():
            found[name] = guessed
        typed, wrong = _typed(column, found.get(name))
        columns.append(typed)
        notes += no_days(column, name) if found.get(name) == "date" else []
        if wrong is not None and wrong.null_count() < len(wrong):
            told = kept.with_columns(wrong.alias("_value")).filter(pl.col("_value").is_not_null())
            rejected.append(_aside(told, place, key, f"the {name} is not a number: left empty"))
    return Table(pl.DataFrame(columns), found, pl.concat(rejected), tuple(notes))


def guess_type(column: pl.Series) -> ColumnType | None:
    """Guess a column's type from its values; None where there is no value to judge by.

    Numbers are `number`; texts that mostly end as media files do are image, audio or video; days such as
    2026-01-31, with or without a time, are `date`; few distinct texts are `category`, many are `text`, and so is any column that is called title, name or alike.

    Example:
        >>> guess_type(pl.Series(["a.jpg", "b.png", None])), guess_type(pl.Series([3.5]))
        ('image', 'number')
    """
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return "number"
    if _is_list(column):
        return "series"
    values = shown_text(column).str.strip_chars()
    values = values.filter(values.is_not_null() & (values != ""))
    if not len(values):
        return None
    if not numbers_of(values)[0].null_count():
        return "number"
    if values.str.contains(DAY).all():
        return "date"
    endings = values.str.to_lowercase().str.extract(r"(\.[a-z0-9]{2,5})$")
    for kind in MEDIA_TYPES:
        if endings.is_in(sorted(EXTENSIONS[kind])).fill_null(False).mean() > 0.5:  # type: ignore[operator]
            return kind
    spaces = values.str.contains(r"\s|[。，！？]").mean()
    distinct = values.n_unique()
    few = distinct <= max(2, min(_FEW, len(values) // 2)) or (distinct < len(values) // 20 and spaces < 0.5)  # type: ignore[operator]
    return "category" if few and plain_name(column.name) not in _TEXTS else "text"


def assemble(
    rows: Rows | None,
    items: Table | None,
    users: Table | None,
    name: str,
    licence: str = "",
    positive: str = "weight>0",
    media_root: Path | None = None,
    features: Mapping[str, FeatureTable] | None = None,
) -> tuple[Dataset, list[str]]:
    """Build a dataset from typed tables, and say what is worth saying.

    Items and users that occur in the interactions only get a row of nulls after those of their tables.

    Raises:
        DataError: there is nothing in it.
    """
    events = None if rows is None else rows.table
    notes: list[str] = []
    item_ids, catalogue = _joined(items, events, "item_id", media_root, notes)
    user_ids, people = _joined(users, events, "user_id", media_root, notes)
    if not len(item_ids):
        raise DataError(f"'{name}' holds no items: give a table of items or of interactions")
    data = Dataset(
        user_ids,
        item_ids,
        _interactions(rows, user_ids, item_ids),
        catalogue,
        None if users is None else people,
        features or {},
        Positive(rule=positive),
        name,
        licence,
    )
    assert data.liked_rows is not None  # a rule that cannot be read is told now, not at the first training
    return data, notes


def relative_to(root: Path, value: str) -> str:
    """Return a media path relative to `root`.

    Raises:
        DataError: it lies outside.
    """
    path = Path(value)
    inside = (
        path if not path.is_absolute() else Path(*path.parts[len(root.parts) :]) if path.is_relative_to(root) else None
    )
    if inside is None or ".." in inside.parts:
        raise DataError(
            f"the media path '{value}' lies outside of {root}: give media_root the folder that holds the files"
        )
    return str(PurePosixPath(*inside.parts))


def check_types(types: Mapping[str, ColumnType], *tables: pl.DataFrame | None) -> None:
    """Refuse a type for a column that no table has.

    Raises:
        DataError: the message suggests the nearest column.
    """
    columns = [name for table in tables if table is not None for name in table.columns]
    for name in types:
        if name not in columns:
            raise DataError(f"there is no column '{name}': {did_you_mean(name, columns)}")


def _joined(
    table: Table | None, events: pl.DataFrame | None, key: str, root: Path | None, notes: list[str]
) -> tuple[IdMap, Catalogue]:
    met = [] if events is None else [events[key]]
    if table is None:
        ids = IdMap.of_series(*met) if met else IdMap(())
        return ids, Catalogue(pl.DataFrame({key: ids.series}), {}, root)
    ids = IdMap.of_series(table.table[key], *met)
    unknown = len(ids) - table.table.height
    frame = table.table
    if unknown:
        what = key.removesuffix("_id")
        notes.append(
            f"{unknown:,} {what}{'s occur' if unknown > 1 else ' occurs'} in the interactions but not in the table of "
            f"{what}s: kept, without columns"
        )
        extra = pl.DataFrame({key: ids.series[table.table.height :]})
        frame = pl.concat([frame, extra], how="diagonal")
    return ids, Catalogue(frame, table.types, root)


def _interactions(rows: Rows | None, users: IdMap, items: IdMap) -> Interactions:
    if rows is None:
        return Interactions.empty()
    events = rows.table
    rest = [name for name in ("kind", "text", "split", *rows.types) if name in events.columns]
    return Interactions(
        users.encode(events["user_id"]),
        items.encode(events["item_id"]),
        events["weight"].to_numpy(),
        events["timestamp"].to_numpy() if "timestamp" in events.columns else None,
        events.select(rest) if rest else None,
        rows.types,
    )


def _typed(column: pl.Series, kind: ColumnType | None) -> tuple[pl.Series, pl.Series | None]:
    if kind == "number":
        number, wrong = numbers_of(column)
        return pl.select(pl.when(number.is_finite()).then(number)).to_series().alias(column.name), wrong
    if (kind is None and column.dtype.is_numeric()) or (kind not in (None, *_SHOWN) and _is_list(column)):
        return column, None
    text = shown_text(column)
    return pl.select(pl.when(text.str.strip_chars() != "").then(text)).to_series().alias(column.name), None


def _is_list(column: pl.Series) -> bool:
    """Tell whether every cell is a list of numbers."""
    return isinstance(column.dtype, (pl.List, pl.Array)) and column.dtype.inner.is_numeric()


def _aside(rows: pl.DataFrame, place: str, key: str, reason: str) -> pl.DataFrame:
    value = pl.col("_value") if "_value" in rows.columns else pl.lit(None, pl.String)
    return rows.select(
        pl.lit(place).alias("place"),
        pl.col("_row").alias("row"),
        pl.col(key).alias("id"),
        pl.lit(reason).alias("reason"),
        value.alias("value"),
    )
