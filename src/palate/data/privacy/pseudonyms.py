"""Ids of users become pseudonyms, wherever a dataset holds them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
import polars as pl

from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.wording import some
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import OF, Of, part_name
from palate.data.media import fetched, home, is_url
from palate.data.privacy.key import Key

_PEOPLE: tuple[Of, ...] = ("users", "interactions")
Files = Mapping[str, Path]
"""Path inside the dataset folder -> the file that goes there."""


@dataclass(frozen=True)
class Renamed:
    """A dataset whose users have pseudonyms, its files under their new names, and what is to be said."""

    data: Dataset
    files: Files
    notes: list[str] = field(default_factory=list)


def check_key(key: str, given: Key, place: Path) -> None:
    """Refuse another key than the one by which the ids of a dataset became pseudonyms.

    Raises:
        DataError: it is another.
    """
    if key and key != given.fingerprint:
        raise DataError(
            f"the ids of {place} are pseudonyms by the key {key}, and the key {given.fingerprint} was given: give the file of that "
            "key"
        )


def renamed(data: Dataset, files: Files, key: Key) -> Renamed:
    """Give every user a pseudonym, in all tables; files that are named after a user are named after the pseudonym.

    A file that one user alone has gets the user's pseudonym as its name; in any other path, the id is replaced where it
    stands by itself. An address that holds the id of its user stays only as the file that was fetched from it.
    """
    names = key.pseudonyms(data.users.series)
    users = IdMap(names.to_list())
    moved, notes = dict(files), _doubts(data)
    tables: dict[Of, Catalogue] = {}
    for of in _PEOPLE:
        table, lost = _places(data, of, names, moved)
        tables[of] = table
        if lost:
            told = some(
                lost, f"address of {of} held the id of its user", f"addresses of {of} held the ids of their users"
            )
            notes.append(f"{told} and no file was fetched from it: left out")
    people = data.people and tables["users"]
    if people is not None and "user_id" in people.table.columns:
        people = replace(people, table=people.table.with_columns(names.alias("user_id")))
    events = data.interactions
    if events.extra is not None:
        events = replace(events, extra=tables["interactions"].table)
    fresh = replace(
        data, users=users, people=people, interactions=events, privacy=replace(data.privacy, key=key.fingerprint)
    )
    return Renamed(fresh, moved, notes)


def hushed(rejected: pl.DataFrame, real: IdMap, items: IdMap) -> pl.DataFrame:
    """Return what was set aside without ids and values, which may be those of people; rows of items keep theirs.

    Step, place, row and reason stay, by which a row is found again in the file that it came from.
    """
    from palate.data.privacy.masks import masked_column

    of_item = pl.col("id").is_in(items.ids) & ~pl.col("id").is_in(real.ids)
    clean = rejected.with_columns(masked_column(rejected["value"])[0])
    return clean.with_columns(pl.when(of_item).then(pl.col(name)).alias(name) for name in ("id", "value"))


def _places(data: Dataset, of: Of, names: pl.Series, moved: dict[str, Path]) -> tuple[Catalogue, int]:
    """Return a table whose paths name pseudonyms, and how many addresses were lost; brings `moved` up to date."""
    table, lost = data.table_of(of), 0
    codes = np.arange(len(data.users)) if of == "users" else data.interactions.user
    for column in table.file_columns:
        values = table.table[column]
        if values.dtype != pl.String:
            continue
        paths = table.paths(column).to_list()
        owners = Counter(path for path in paths if path)
        fresh = values.to_list()
        gone: set[str] = set()
        for row, (path, code) in enumerate(zip(paths, codes, strict=True)):
            if not path:
                continue
            alone = of == "users" and owners[path] == 1
            new = _renamed(path, data.users.ids[code], names[int(code)], home(column, of), alone, moved)
            if new != path:
                gone.add(path)
                fresh[row] = new
                lost += new is None
        for path in gone - set(fresh):
            moved.pop(fetched(path) if is_url(path) else path, None)
        table = replace(table, table=table.table.with_columns(pl.Series(column, fresh, dtype=pl.String)))
    return table, lost


def _renamed(path: str, user: str, name: str, prefix: str, alone: bool, moved: dict[str, Path]) -> str | None:
    """Return the new path of one row's file, under which `moved` then has it too."""
    itself = re.compile(rf"(?<![0-9A-Za-z]){re.escape(user)}(?![0-9A-Za-z])")
    if is_url(path):
        if not itself.search(path):
            return path
        source = moved.get(fetched(path))
        new = None if source is None else f"{prefix}{name}{PurePosixPath(fetched(path)).suffix}"
    else:
        source, inside = moved.get(path), PurePosixPath(path.removeprefix(prefix))
        if alone:
            new = f"{prefix}{name}{inside.suffix}"
        else:
            new = prefix + itself.sub(name, str(inside.with_suffix(""))) + inside.suffix
    if source is not None and new is not None:
        moved[new] = source
    return new


def _doubts(data: Dataset) -> list[str]:
    """Tell columns that seem to hold ids of users too: more than a tenth of what stands there is one."""
    notes = []
    for of in OF:
        table = data.table_of(of)
        for name in table.table.columns:
            column = table.table[name]
            if (
                column.dtype != pl.String
                or name in ("item_id", "user_id")
                or table.types.get(name) not in ("text", "category")
            ):
                continue
            given = column.drop_nulls()
            hits = int(given.is_in(data.users.ids).sum())
            if hits * 10 > len(given):
                notes.append(
                    f"{hits:,} of {len(given):,} values of '{part_name(name, of)}' equal ids of users: if they are ids, leave the "
                    "column out, since they stay as they are"
                )
    return notes
