"""A part on disk: `features/<name>/`.

manifest.json                  name, of, modality, dim, source, encoder (name and settings)
values.safetensors             values float32[n, d], present bool[n]
ids.parquet                    whose row each is
encoder.json, .safetensors     what the encoder learned, where it learned something
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors.numpy import load_file

from palate.core.errors import BundleError, DataError, StoreError
from palate.core.files import read_json, replacing_folder, write_json
from palate.core.ids import IdMap
from palate.core.state import State, write_arrays
from palate.data.features import EncoderRef, FeatureTable
from palate.data.media import bring

FORMAT = 1
FEATURES = "features"
BEFORE = ".before"
"""Holds the parts of a dataset that another took the place of: rows may be stale, vectors can be used again."""
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


def save_features(folder: Path, name: str, table: FeatureTable, ids: IdMap) -> None:
    """Write one part into a dataset folder, all or nothing; row = code of `ids`."""
    if len(ids) != len(table):
        raise DataError(f"the part '{name}' has {len(table)} rows for {len(ids)} ids: give one row each")
    encoder = None if table.encoder is None else {"name": table.encoder.name, "settings": table.encoder.settings}
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
    }
    values = np.where(table.present[:, None], table.values, np.float32(0))
    with replacing_folder(feature_path(folder, name)) as aside:
        write_arrays(aside / "values.safetensors", {"values": values, "present": table.present})
        ids.series.to_frame().write_parquet(aside / "ids.parquet")
        if table.encoder is not None and (table.encoder.state.arrays or table.encoder.state.meta):
            table.encoder.state.save(aside, "encoder")
        write_json(aside / "manifest.json", manifest)


def set_before(old: Path, new: Path) -> None:
    """Keep the encoded parts of the dataset folder `old` for `new`, so that no content is encoded twice.

    A part that `new` has just as it was gets its digests; any other is laid aside.
    """
    for part in [*(old / FEATURES).glob("[!.]*"), *(old / FEATURES / BEFORE).glob("[!.]*")]:
        here, aside = new / FEATURES / part.name, new / FEATURES / BEFORE / part.name
        if not (part / CONTENT).is_file() or aside.exists():
            continue
        if _source(here) == _source(part):
            bring(part / CONTENT, here / CONTENT)
            continue
        for file in part.iterdir():
            bring(file, aside / file.name)


def load_features(folder: Path, items: IdMap | None = None, users: IdMap | None = None) -> dict[str, FeatureTable]:
    """Read every part of a dataset folder, rows brought into the order of its ids; an id without a row is absent.

    A folder without a manifest is unfinished work and is passed over.

    Raises:
        StoreError: a file is damaged.
        BundleError: a newer Palate wrote it.
    """
    tables = {}
    for manifest in sorted((folder / FEATURES).glob("*/manifest.json")):
        if manifest.parent.name.startswith("."):
            continue
        table, ids = load_part(manifest.parent)
        wanted = {"items": items or _ids(folder / "items.parquet", "item_id")}
        wanted["users"] = users or _ids(folder / "users.parquet", "user_id")
        order = wanted.get(table.of)
        if order is not None and order != ids:
            table = table.take(ids.codes(order))
        tables[manifest.parent.name] = table
    return tables


def load_part(path: Path) -> tuple[FeatureTable, IdMap]:
    """Read one part and the ids of its rows."""
    manifest = read_json(path / "manifest.json")
    if manifest.get("format", FORMAT) > FORMAT:
        raise BundleError(
            f"{path} was written in feature format {manifest['format']} and this Palate reads up to {FORMAT}: upgrade Palate"
        )
    arrays = _values(path / "values.safetensors")
    ids = _ids(path / "ids.parquet", "id")
    encoder = manifest.get("encoder")
    ref = None
    if encoder is not None:
        state = State.load(path, "encoder") if (path / "encoder.json").is_file() else State()
        ref = EncoderRef(encoder["name"], encoder["settings"], state)
    table = FeatureTable(
        arrays["values"],
        arrays["present"],
        manifest["source"],
        manifest.get("of", "items"),
        manifest.get("modality", "vector"),
        ref,
    )
    if len(ids) != len(table):
        raise StoreError(f"{path} has {len(table)} rows and {len(ids)} ids: encode it again")
    return table, ids


def _source(part: Path) -> str | None:
    manifest = part / "manifest.json"
    return read_json(manifest)["source"] if manifest.is_file() else None


def _values(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except Exception as error:
        raise StoreError(f"{path} could not be read ({error}): encode it again") from error


def _ids(path: Path, column: str) -> IdMap:
    if not path.is_file():
        return IdMap(())
    try:
        return IdMap(pl.read_parquet(path, columns=[column], memory_map=False)[column].to_list())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path} could not be read ({error}): encode it again") from error
