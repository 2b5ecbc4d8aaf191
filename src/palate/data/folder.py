"""The dataset folder: what a dataset is on disk.

    dataset.toml           format version, name, licence, the rule for likes, column types, what was done for people
    interactions.parquet   user_id, item_id, weight, then any of timestamp, kind, text, split
    items.parquet          item_id and typed columns; row order is code order
    users.parquet          user_id and typed columns, likewise
    media/<column>/        the files that media columns point to
    features/<name>/       see palate.data.feature_folder
    quarantine.parquet     every rejected row or file, with the reason
    forgotten/             receipts for people who were removed

A catalogue without interactions is a dataset too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import tomli_w

from palate.core.errors import BundleError, DataError, StoreError
from palate.core.files import replacing_file, replacing_folder, write_text
from palate.core.ids import IdMap
from palate.data import media, quarantine
from palate.data.catalogue import MEDIA_TYPES, Catalogue, ColumnType
from palate.data.dataset import Dataset
from palate.data.feature_folder import FEATURES, load_features, log_of, save_features, set_before
from palate.data.features import FeatureTable, Of
from palate.data.interactions import Interactions
from palate.data.positive import Positive
from palate.data.privacy.record import Privacy

__all__ = [
    "FORMAT",
    "holds_log",
    "is_dataset",
    "load",
    "load_features",
    "privacy_of",
    "refuse_foreign",
    "save",
    "save_column",
    "save_features",
    "save_split",
    "whose_rows",
    "write_into",
]

FORMAT = 1
MANIFEST = "dataset.toml"


def is_dataset(path: Path) -> bool:
    """Tell whether a dataset folder lies at `path`."""
    return (path / MANIFEST).is_file()


def load(path: Path | str, *, stale: bool = False) -> Dataset:
    """Read a dataset folder.

    Args:
        path: the folder.
        stale: leave out parts that are to be encoded again, instead of refusing: those that are damaged, and those of
            interactions whose log has changed since.

    Raises:
        DataError: there is no folder, or its tables do not fit together.
        BundleError: it is not a dataset folder, or a newer Palate wrote it.
        StoreError: a file is damaged, or a part of interactions was made for another log than is there.
    """
    path = Path(path)
    about = _manifest(path)
    items_table = _table(path / "items.parquet", "item_id")
    items = _ids(items_table["item_id"], path / "items.parquet")
    events = _table(path / "interactions.parquet", "user_id") if (path / "interactions.parquet").is_file() else None
    users_table = _table(path / "users.parquet", "user_id") if (path / "users.parquet").is_file() else None
    if users_table is not None:
        users = _ids(users_table["user_id"], path / "users.parquet")
    else:
        users = IdMap(()) if events is None else IdMap.of_series(events["user_id"])
    people = None
    if users_table is not None and (users_table.width > 1 or "users" in about):
        people = Catalogue(users_table, about.get("users", {}), path)
    interactions = _interactions(events, users, items, path, about.get("interactions", {}))
    return Dataset(
        users,
        items,
        interactions,
        Catalogue(items_table, about.get("items", {}), path),
        people,
        load_features(path, items, users, interactions, stale=stale),
        Positive(rule=about.get("positive", Positive().rule)),
        about.get("name", path.name),
        about.get("licence", ""),
        path,
        Privacy.of(about.get("privacy", {})),
    )


def privacy_of(path: Path) -> Privacy:
    """Return what was done for the people in the dataset folder at `path`; nothing, where there is no such folder."""
    return Privacy.of(_manifest(path).get("privacy", {})) if is_dataset(path) else Privacy()


def save(data: Dataset, path: Path | str, aside_rows: Mapping[str, pl.DataFrame] | None = None) -> None:
    """Write a dataset folder in place of `path`, all or nothing; media files are linked or copied into it.

    The fingerprint of what `load` reads back is that of `data`. `aside_rows` are put into the quarantine, by step.

    Raises:
        DataError: something that is not a dataset folder stands at `path`.
        StoreError: the disk is full or refuses; what stood there is untouched.
    """
    path = Path(path)
    refuse_foreign(path)
    with replacing_folder(path) as aside:
        write_into(data, aside)
        if data.root is not None:
            _carry(data.root, aside, everything=data.root.resolve() == path.resolve())
            set_before(data.root, aside)
        for step, rows in (aside_rows or {}).items():
            quarantine.append(aside, step, rows)


def write_into(data: Dataset, folder: Path) -> None:
    """Write tables, media and parts into an empty folder, for a caller that puts it in place."""
    _write_tables(data, folder)
    for name, table in data.features.items():
        save_features(folder, name, table, whose_rows(data, table))


def whose_rows(data: Dataset, table: FeatureTable) -> IdMap | str:
    """Return the ids of a part's rows; of a part of interactions the fingerprint of their log."""
    if table.of == "interactions":
        return log_of(data.interactions, data.users, data.items, table)
    return data.items if table.of == "items" else data.users


def holds_log(data: Dataset) -> bool:
    """Tell whether the interactions of a dataset are those of the folder it was read from, and not a cut of them."""
    if data.root is None or not (data.root / "interactions.parquet").is_file():
        return False
    events = _table(data.root / "interactions.parquet", "user_id")
    if events.height != len(data.interactions):
        return False
    try:
        there = _interactions(events, data.users, data.items, data.root, data.interactions.types)
    except StoreError:  # it names users or items that the dataset does not have
        return False
    return there.fingerprint == data.interactions.fingerprint


def save_split(path: Path, labels: pl.Series) -> None:
    """Write the split column (train, valid, test; one value a row) of a dataset folder, all or nothing."""
    file = path / "interactions.parquet"
    events = _table(file, "user_id").with_columns(labels.alias("split"))
    with replacing_file(file) as aside:
        events.write_parquet(aside)


def save_column(folder: Path, of: Of, name: str, values: pl.Series, kind: ColumnType) -> None:
    """Add a column to the items or users of a dataset folder, or replace it; what is encoded stays valid.

    Raises:
        StoreError: a table is missing or damaged, or the disk refuses.
    """
    about = {**_manifest(folder)}
    file = folder / f"{of}.parquet"
    table = _table(file, f"{of[:-1]}_id").with_columns(values.alias(name))
    with replacing_file(file) as aside:
        table.write_parquet(aside)
    # the type comes last: a column without a type hinders nobody, a type without a column does
    about[of] = {**about.get(of, {}), name: kind}
    write_text(folder / MANIFEST, tomli_w.dumps(about))


def refuse_foreign(path: Path) -> None:
    """Refuse to write a dataset over something else.

    Raises:
        DataError: a file, or a folder with other content, stands at `path`, or it holds the working folder.
    """
    if path.is_dir() and not is_dataset(path) and any(path.iterdir()):
        raise DataError(f"the folder {path} holds something other than a dataset: choose another place or empty it")
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is a file: a dataset is a folder, choose another place")
    here = Path.cwd()
    if path.resolve() in (here, *here.parents):
        raise DataError(f"{path} holds the folder you are in, and it would be replaced: go elsewhere first")


def _manifest(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        raise DataError(f"there is no dataset folder at {path}: 'palate data import' makes one")
    if not is_dataset(path):
        what = "a folder without dataset.toml" if path.is_dir() else "a file"
        raise BundleError(f"{path} is {what}, not a dataset folder: 'palate data import' makes one")
    try:
        about = tomllib.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path / MANIFEST} could not be read ({error}): import the dataset again") from error
    version = about.get("format")
    if not isinstance(version, int) or version < 1:
        raise BundleError(f"{path / MANIFEST} names no format version: it should say format = {FORMAT}")
    if version > FORMAT:
        raise BundleError(
            f"{path} was written in dataset format {version} and this Palate reads up to {FORMAT}: upgrade Palate"
        )
    return about


def _table(path: Path, key: str) -> pl.DataFrame:
    if not path.is_file():
        raise StoreError(f"{path} is missing: import the dataset again")
    try:
        table = pl.read_parquet(path, memory_map=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path} could not be read ({error}): import the dataset again") from error
    if key not in table.columns:
        raise StoreError(f"{path} has no column '{key}' (it has {', '.join(table.columns)}): import the dataset again")
    return table


def _ids(column: pl.Series, path: Path) -> IdMap:
    if column.null_count() or column.n_unique() != len(column):
        raise StoreError(f"{path} has missing or repeated ids: import the dataset again")
    return IdMap(column.cast(pl.String).to_list())


def _interactions(
    events: pl.DataFrame | None, users: IdMap, items: IdMap, path: Path, types: Mapping[str, ColumnType]
) -> Interactions:
    if events is None:
        return Interactions.empty()
    user, item = users.encode(events["user_id"]), items.encode(events["item_id"])
    for codes, what in ((user, "user"), (item, "item")):
        if (codes < 0).any():
            unknown = events[f"{what}_id"][int(np.argmin(codes))]
            raise StoreError(f"{path}: interactions name the {what} '{unknown}', which {what}s.parquet lacks")
    n = events.height
    weight = events["weight"].cast(pl.Float32).to_numpy() if "weight" in events.columns else np.ones(n, np.float32)
    time = events["timestamp"].cast(pl.Int64).to_numpy() if "timestamp" in events.columns else None
    rest = [name for name in events.columns if name not in ("user_id", "item_id", "weight", "timestamp")]
    known = {name: kind for name, kind in types.items() if name in rest}
    return Interactions(user, item, weight, time, events.select(rest) if rest else None, known)


def _write_tables(data: Dataset, folder: Path) -> None:
    about: dict[str, Any] = {
        "format": FORMAT,
        "name": data.name,
        "licence": data.licence,
        "positive": data.positive.rule,
        "items": dict(data.catalogue.types),
    }
    _with_ids(_place(data.catalogue, folder, "items"), "item_id", data.items).write_parquet(folder / "items.parquet")
    people = pl.DataFrame() if data.people is None else _place(data.people, folder, "users")
    if data.people is not None:
        about["users"] = dict(data.people.types)
    if len(data.users):
        _with_ids(people, "user_id", data.users).write_parquet(folder / "users.parquet")
    if data.interactions.types:
        about["interactions"] = dict(data.interactions.types)
    if len(data.interactions):
        _events(data, folder).write_parquet(folder / "interactions.parquet")
    if done := data.privacy.as_dict():
        about["privacy"] = done
    write_text(folder / MANIFEST, tomli_w.dumps(about))


def _with_ids(table: pl.DataFrame, key: str, ids: IdMap) -> pl.DataFrame:
    if key in table.columns:
        return table.with_columns(ids.series.alias(key))
    return table.insert_column(0, ids.series.alias(key)) if table.width else pl.DataFrame({key: ids.series})


def _events(data: Dataset, folder: Path) -> pl.DataFrame:
    events = data.interactions
    columns = {
        "user_id": data.users.series.gather(events.user),
        "item_id": data.items.series.gather(events.item),
        "weight": pl.Series(events.weight),
    }
    if events.time is not None:
        columns["timestamp"] = pl.Series(events.time)
    table = pl.DataFrame(columns)
    return (
        table if events.extra is None else table.hstack(_place(data.table_of("interactions"), folder, "interactions"))
    )


def _place(table: Catalogue, folder: Path, of: str) -> pl.DataFrame:
    if table.root is None:
        return table.table.clone()
    columns = [
        media.bring_column(
            table.table[name], table.root, folder, media.home(name, of), table.types[name] in MEDIA_TYPES
        )
        for name in table.file_columns
        if not table.table[name].dtype.is_nested()
    ]
    return table.table.with_columns(columns)


def _carry(old: Path, new: Path, everything: bool) -> None:
    """Bring along the quarantine; saving in place, also what is no part of the format."""
    ours = {MANIFEST, "interactions.parquet", "items.parquet", "users.parquet", FEATURES}
    for file in sorted(old.rglob("*")) if everything else [old / quarantine.FILE]:
        inside = file.relative_to(old)
        if file.is_file() and inside.parts[0] not in ours:
            media.bring(file, new / inside)
