"""What can be wrong with interactions and with the tables of items and users."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.clean._problem import Problem, problem
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import Of, part_name
from palate.data.interactions import Interactions
from palate.data.rows import latest_possible

FEW = 3
"""A user with fewer interactions than this cannot be in training, validation and test."""
_1990 = 631_152_000


def of_interactions(data: Dataset) -> list[Problem]:
    """Find repeated rows, impossible times, users with too little and items and users never met."""
    events, found = data.interactions, []
    if not len(events):
        return []
    again = repeated(events)
    found += _told(data, "duplicate-interactions", "{n} interactions repeat an earlier row", again)
    found += _told(data, "impossible-timestamps", "{n} interactions have an impossible time", impossible(events))
    counts = np.bincount(events.user, minlength=len(data.users))
    met = np.bincount(events.item, minlength=len(data.items))
    n_users, n_items = f"{len(data.users):,}", f"{len(data.items):,}"
    few = np.flatnonzero((counts > 0) & (counts < FEW))
    found += problem(
        "few-interactions", f"{{n}} of {n_users} users have fewer than {FEW} interactions", data.users.decode(few)
    )
    found += problem(
        "users-never-seen",
        f"{{n}} of {n_users} users have no interaction",
        data.users.decode(np.flatnonzero(counts == 0)),
    )
    return found + problem(
        "items-never-seen",
        f"{{n}} of {n_items} items occur in no interaction",
        data.items.decode(np.flatnonzero(met == 0)),
    )


def of_catalogue(data: Dataset) -> list[Problem]:
    """Find items and users without text or media, items without anything, and items that read the same."""
    table = data.catalogue
    found = _absent(data, "items") + _absent(data, "users") + _bare(data)
    texts = table.of_type("text")
    if texts:
        twins = np.flatnonzero(twin_of(table) >= 0)
        what = "{n} items read the same as an earlier item, in texts, numbers and categories"
        found += problem("identical-items", what, data.items.decode(twins))
    return found


def _absent(data: Dataset, of: Of) -> list[Problem]:
    table, found = data.table_of(of), []
    for name in table.content_columns:
        absent = np.flatnonzero(table.table[name].is_null().to_numpy())
        kind = "missing-text" if table.types[name] == "text" else "missing-media"
        what = f"{{n}} of {len(table):,} {of} have no {name}"
        found += problem(kind, what, data.names_of(of, absent), part_name(name, of))
    return found


def repeated(events: Interactions) -> npt.NDArray[np.bool_]:
    """Return which rows repeat an earlier one: the same user, item, weight and, where known, time and kind."""
    keys = {"user": events.user, "item": events.item, "weight": events.weight}
    frame = pl.DataFrame(keys if events.time is None else {**keys, "time": events.time})
    kind = events.column("kind")
    frame = frame if kind is None else frame.with_columns(kind.alias("kind"))
    return np.asarray(~frame.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy())


def impossible(events: Interactions) -> npt.NDArray[np.bool_]:
    """Return which rows have a time that is negative, in the future or, among times of today, of before 1990."""
    if events.time is None or not len(events):
        return np.zeros(len(events), dtype=bool)
    wrong = (events.time < 0) | (events.time > latest_possible())
    if np.median(events.time) > _1990:
        wrong |= events.time < _1990
    return np.asarray(wrong)


def twin_of(table: Catalogue) -> npt.NDArray[np.int64]:
    """Return for each row the first row that has the same texts, -1 where it is the first or has no text."""
    texts = table.table.select(table.of_type("text"))
    if not texts.width:
        return np.full(len(table), -1, dtype=np.int64)
    frame = texts.with_row_index("row").with_columns(
        pl.concat_str(pl.struct(texts.columns).struct.json_encode()).alias("all")
    )
    first = frame.select(pl.col("row").min().over("all").cast(pl.Int64)).to_series().to_numpy()
    told = ~texts.select(pl.all_horizontal(pl.all().is_null())).to_series().to_numpy()
    return np.where(told & (first < np.arange(len(table))), first, -1)


def _bare(data: Dataset) -> list[Problem]:
    columns = [name for name in data.catalogue.table.columns if name != "item_id"]
    if not columns:
        return []
    empty = data.catalogue.table.select(pl.all_horizontal(pl.col(columns).is_null())).to_series().to_numpy()
    what = f"{{n}} of {len(data.items):,} items have no columns at all: the table of items lacks them"
    return problem("items-without-columns", what, data.items.decode(np.flatnonzero(empty)))


def _told(data: Dataset, kind: str, what: str, rows: npt.NDArray[np.bool_]) -> list[Problem]:
    index = np.flatnonzero(rows)
    pairs = [
        f"{data.users.ids[data.interactions.user[row]]} → {data.items.ids[data.interactions.item[row]]}"
        for row in index[:10_000]
    ]
    return problem(kind, what, pairs, count=len(index))
