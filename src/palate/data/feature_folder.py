"""A part on disk: `features/<name>/`.

manifest.json                  name, of, modality, dim, source, encoder (name, settings, and views where there are some); of interactions: log;
                               standardised, where it was; taught, where it was learned from interactions
values.safetensors             values float32[n, d], present bool[n]; where rows were estimated also completed bool[n]
ids.parquet                    whose row each is; interactions have no ids, their rows are those of the log, in order
encoder.json, .safetensors     what the encoder learned, where it learned something
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from palate.core.arrays import map_arrays, write_blocks
from palate.core.errors import BundleError, DataError, StoreError
from palate.core.files import read_json, replacing_folder, write_json
from palate.core.fingerprint import fingerprint
from palate.core.ids import IdMap
from palate.core.state import State
from palate.core.types import Floats
from palate.data.features import EncoderRef, FeatureTable
from palate.data.interactions import Interactions
from palate.data.lazy import BLOCK, LazyRows
from palate.data.media import bring

FORMAT = 1
FEATURES = "features"
BEFORE = ".before"
"""Holds the parts of a dataset that another took the place of: rows may be stale, vectors can be used again."""
SPEECH = ".speech"
"""Where in the features what was said in sounds is kept, by content."""
CONTENT = "content.safetensors"
"""Digest of each row's content, where an encoder made the part."""


def feature_path(folder: Path, name: str) -> Path:
    """Return where a dataset folder keeps the part `name`.

    Raises:
        DataError: the name cannot be a folder's name.
    """
    if not name or name.startswith(".") or any(letter in '/\\:*?"<>|' for letter in name):
        raise DataError(f"'{name}' cannot name a part: use letters, digits, dots, hyphens and underscores")
    return folder / FEATURES / name


def log_of(interactions: Interactions, users: IdMap, items: IdMap, table: FeatureTable) -> str:
    """Return the fingerprint of the log whose rows a part of interactions describes, by which it is found again.

    Everything in it counts, in order, but for the split column: a split changes no row. It counts for a part whose
    encoder has learned from the training rows.
    """
    extra = interactions.table()
    learned = table.encoder is not None and bool(table.encoder.state.arrays)
    columns = [name for name in extra.table.columns if learned or name != "split"]
    who = [users.series.gather(interactions.user), items.series.gather(interactions.item)]
    told = {name: extra.placeless(name, "interactions") for name in columns}
    return fingerprint(*who, interactions.weight, interactions.time, told)


def save_features(folder: Path, name: str, table: FeatureTable, whose: IdMap | str) -> None:
    """Write one part into a dataset folder, all or nothing.

    Args:
        folder: the dataset folder.
        name: of the part.
        table: what to write.
        whose: the ids of its rows in order; of a part of interactions the fingerprint of the log, as `log_of` tells.

    Raises:
        DataError: there is another number of ids than of rows.
    """
    ids, log = (None, whose) if isinstance(whose, str) else (whose, None)
    if ids is not None and len(ids) != len(table):
        raise DataError(f"the part '{name}' has {len(table)} rows for {len(ids)} ids: give one row each")
    ref = table.encoder
    views = {} if ref is None or ref.views is None else {"views": ref.views}
    encoder = None if ref is None else {"name": ref.name, "settings": ref.settings, **views}
    manifest = {
        "format": FORMAT,
        "name": name,
        "of": table.of,
        "modality": table.modality,
        "dim": table.dim,
        "rows": len(table),
        "present": int(table.present.sum()),
        "source": table.source,
        "encoder": encoder,
        **({} if log is None else {"log": log}),
        **({} if table.standardised is None else {"standardised": table.standardised}),
        **({} if table.taught is None else {"taught": dict(table.taught)}),
    }
    slices = (slice(start, start + BLOCK) for start in range(0, len(table), BLOCK))
    blocks = (np.where(table.present[rows, None], table.values[rows], np.float32(0)) for rows in slices)
    with replacing_folder(feature_path(folder, name)) as aside:
        masks = (
            {"present": table.present}
            if table.completed is None
            else {"present": table.present, "completed": table.completed}
        )
        write_blocks(aside / "values.safetensors", "values", table.dim, blocks, masks)
        if ids is not None:
            ids.series.to_frame().write_parquet(aside / "ids.parquet")
        if table.encoder is not None and (table.encoder.state.arrays or table.encoder.state.meta):
            table.encoder.state.save(aside, "encoder")
        write_json(aside / "manifest.json", manifest)


def set_before(old: Path, new: Path) -> None:
    """Keep the encoded parts of the dataset folder `old` for `new`, so that no content is encoded twice.

    A part that `new` has just as it was gets its digests; any other is laid aside.
    """
    for heard in (old / FEATURES / SPEECH).glob("*.jsonl"):
        bring(heard, new / FEATURES / SPEECH / heard.name)
    for part in [*(old / FEATURES).glob("[!.]*"), *(old / FEATURES / BEFORE).glob("[!.]*")]:
        here, aside = new / FEATURES / part.name, new / FEATURES / BEFORE / part.name
        if not (part / CONTENT).is_file() or aside.exists():
            continue
        if _source(here) == _source(part):
            bring(part / CONTENT, here / CONTENT)
            continue
        for file in part.iterdir():
            bring(file, aside / file.name)


def load_features(
    folder: Path,
    items: IdMap | None = None,
    users: IdMap | None = None,
    interactions: Interactions | None = None,
    *,
    stale: bool = False,
) -> dict[str, FeatureTable]:
    """Read every part of a dataset folder, rows brought into the order of its ids; an id without a row is absent.

    A folder without a manifest is unfinished work and is passed over.

    Args:
        folder: the dataset folder.
        items: the ids of items; read from the folder where they are not given.
        users: those of users, likewise.
        interactions: the log; without it, parts of interactions are left out.
        stale: leave out what is to be encoded again, instead of refusing: parts that are damaged, and parts of
            interactions that were made for another log.

    Raises:
        StoreError: a file is damaged, or a part of interactions was made for another log.
        BundleError: a newer Palate wrote it.
    """
    tables: dict[str, FeatureTable] = {}
    for manifest in sorted((folder / FEATURES).glob("*/manifest.json")):
        if manifest.parent.name.startswith("."):
            continue
        try:
            table, whose = load_part(manifest.parent)
        except StoreError:
            if stale:
                continue
            raise
        items = items or _ids(folder / "items.parquet", "item_id")
        users = users or _ids(folder / "users.parquet", "user_id")
        if table.of == "interactions":
            if interactions is None:
                continue
            if whose != log_of(interactions, users, items, table):
                if stale:
                    continue
                raise StoreError(_other_log(folder, manifest.parent.name, table))
        else:
            order = items if table.of == "items" else users
            if order != whose:
                assert isinstance(whose, IdMap)
                table = table.take(whose.codes(order))
        tables[manifest.parent.name] = table
    return tables


def _other_log(folder: Path, name: str, table: FeatureTable) -> str:
    by = table.encoder.name if table.encoder else "ENC"
    option = f"--column {name.removeprefix('interactions.')}={by}"
    other = " or for another split of them," if table.encoder and table.encoder.state.arrays else ""
    return (
        f"the part '{name}' of {folder} was made for other interactions than are there now,{other} and does not fit: "
        f"encode it again with 'palate encode {folder} --of interactions {option}' (what has not changed is not computed again)"
    )


def load_part(path: Path) -> tuple[FeatureTable, IdMap | str]:
    """Read one part and the ids of its rows; of interactions, whose values are mapped, the fingerprint of their log.

    Raises:
        StoreError: it is damaged.
        BundleError: a newer Palate wrote it.
    """
    try:
        manifest = read_json(path / "manifest.json")
    except StoreError as error:
        raise StoreError(f"{error}; encode it again") from error
    try:
        return _load_part(path, manifest)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreError(f"{path} is damaged ({type(error).__name__}: {error}): encode it again") from error


def _load_part(path: Path, manifest: Any) -> tuple[FeatureTable, IdMap | str]:
    if manifest.get("format", FORMAT) > FORMAT:
        raise BundleError(
            f"{path} was written in feature format {manifest['format']} and this Palate reads up to {FORMAT}: upgrade Palate"
        )
    of = manifest.get("of", "items")
    arrays = _values(path / "values.safetensors", mapped=of == "interactions")
    encoder = manifest.get("encoder")
    ref = None
    if encoder is not None:
        state = State.load(path, "encoder") if (path / "encoder.json").is_file() else State()
        ref = EncoderRef(encoder["name"], encoder["settings"], state, encoder.get("views"))
    values = cast("Floats", LazyRows(arrays["values"])) if of == "interactions" else arrays["values"]
    present = np.array(arrays["present"])
    completed = np.array(arrays["completed"]) if "completed" in arrays else None
    marks = (completed, manifest.get("standardised"), manifest.get("taught"))
    about = (manifest["source"], of, manifest.get("modality", "vector"), ref)
    table = FeatureTable(values, present, *about, *marks)
    if of == "interactions":
        return table, str(manifest.get("log", ""))
    ids = _ids(path / "ids.parquet", "id")
    if len(ids) != len(table):
        raise StoreError(f"{path} has {len(table)} rows and {len(ids)} ids: encode it again")
    return table, ids


def part_of(part: Path) -> str | None:
    """Return whose the rows of a part on disk are: items, users or interactions; None where that cannot be told."""
    try:
        return str(read_json(part / "manifest.json").get("of", "items"))
    except (StoreError, AttributeError):
        return None


def _source(part: Path) -> str | None:
    manifest = part / "manifest.json"
    return read_json(manifest)["source"] if manifest.is_file() else None


def _values(path: Path, mapped: bool) -> dict[str, Any]:
    try:
        return map_arrays(path) if mapped else dict(load_file(path))
    except Exception as error:
        raise StoreError(f"{path} could not be read ({error}): encode it again") from error


def _ids(path: Path, column: str) -> IdMap:
    if not path.is_file():
        return IdMap(())
    try:
        return IdMap(pl.read_parquet(path, columns=[column], memory_map=False)[column].to_list())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path} could not be read ({error}): encode it again") from error
