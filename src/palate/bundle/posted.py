"""Posted items as rows of a catalogue and of its parts."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from palate.core.types import Floats
from palate.data.catalogue import MEDIA_TYPES, Catalogue
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.store import Posted, Store
from palate.encoders import BrokenInput, Encoder
from palate.encoders.pipeline.decoding import Decoded, decoded
from palate.encoders.pipeline.inputs import column_of, read_inputs
from palate.interfaces import Raw

VECTORS = "vectors"
"""The field of an item that holds numbers for parts that no encoder makes, unless a column is called so."""


class PostedParts:
    """Encodes posted items as the parts of a dataset were encoded.

    Vectors are kept in the store under what made them, so that nothing is encoded twice; files are brought to a folder of this
    process when they are first needed.

    Args:
        store: where the files are.
        decode: reads files, where another way than the encoder's own is wanted.
    """

    def __init__(self, store: Store, decode: Callable[[Encoder[Any], Path], Any] | None = None) -> None:
        self.store, self._decode = store, decode
        self.troubles: dict[str, dict[str, str]] = {}
        """By item and part, why something of an item could not be encoded."""
        self._folder = tempfile.TemporaryDirectory(prefix="palate-posted-")

    def close(self) -> None:
        """Remove the files of this process."""
        self._folder.cleanup()

    def file(self, item_id: str, column: str, name: str) -> Path | None:
        """Return where the file of a posted item lies by now; None where the store has it no more."""
        path = Path(self._folder.name) / name
        if not path.exists():
            content = self.store.medium(item_id, column)
            if content is None:
                return None
            aside = path.with_suffix(".part")
            aside.write_bytes(content)
            aside.replace(path)
        return path

    def of(
        self, data: Dataset, items: Sequence[Posted], maker: Callable[[str], Encoder[Any]]
    ) -> dict[str, FeatureTable]:
        """Return the rows of each part of items of a dataset; absent where an item has nothing for it.

        Args:
            data: whose parts they are.
            items: not gone.
            maker: gives the encoder of a part by its name.
        """
        rows = Catalogue(rows_of(data, items), data.catalogue.types, Path(self._folder.name))
        tables = {name: table for name, table in data.features.items() if table.of == "items"}
        return {name: self._part(name, table, items, rows, maker) for name, table in tables.items()}

    def _part(
        self,
        name: str,
        table: FeatureTable,
        items: Sequence[Posted],
        rows: Catalogue,
        maker: Callable[[str], Encoder[Any]],
    ) -> FeatureTable:
        values = np.zeros((len(items), table.dim), np.float32)
        present = np.zeros(len(items), bool)
        if table.encoder is None:
            for row, item in enumerate(items):
                numbers = item.columns.get(VECTORS)
                if isinstance(numbers, Mapping) and name in numbers:
                    values[row], present[row] = numbers[name], True
            return FeatureTable(values, present, "posted", modality=table.modality)
        encoder = maker(name)
        raw, keys = self._inputs(name, encoder, items, rows)
        kept = self.store.vectors(key for key in keys if key)
        fresh: dict[str, bytes] = {}
        for row, (item, given, key) in enumerate(zip(items, raw, keys, strict=True)):
            self.troubles.get(item.item_id, {}).pop(name, None)
            if key is None:
                continue
            found = np.frombuffer(kept[key], np.float32) if key in kept else self._encode(name, encoder, item, given)
            if found is not None:
                values[row], present[row] = found, True
                fresh |= {} if key in kept else {key: found.tobytes()}
        self.store.keep_vectors(fresh)
        return FeatureTable(values, present, "posted", modality=table.modality, encoder=table.encoder)

    def _inputs(
        self, name: str, encoder: Encoder[Any], items: Sequence[Posted], rows: Catalogue
    ) -> tuple[list[Any], list[str | None]]:
        """Return what is encoded of each item, and the key of what comes of it; files by item, and fetched when they are needed."""
        if encoder.modality in MEDIA_TYPES:
            column = column_of(rows, name)
            names = [item.media.get(column) for item in items]
            return [(item.item_id, column, file) for item, file in zip(items, names, strict=True)], [
                _key(encoder, file.encode()) if file else None for file in names
            ]
        inputs = read_inputs(rows, name, encoder)
        return list(inputs.raw), [None if key is None else _key(encoder, bytes(key)) for key in inputs.keys]

    def _encode(self, name: str, encoder: Encoder[Any], item: Posted, given: Any) -> Floats | None:
        """Return the vector of one thing; None, and a trouble, where none can be made."""
        raw: Raw | None = self.file(*given) if isinstance(given, tuple) else given
        reason: str | None = "its file is gone"
        present = np.zeros(1, bool)
        try:
            found, reason = (None, reason) if raw is None else self._decoded(encoder, raw)
            values, present = encoder.encode([found])
        except Exception as error:  # noqa: BLE001  the fault of one item among many
            reason = f"the encoder failed on it ({type(error).__name__}: {error})"
        if present[0]:
            vector: Floats = values[0]
            return vector
        self.troubles.setdefault(item.item_id, {})[name] = reason or encoder.emptiness
        return None

    def _decoded(self, encoder: Encoder[Any], raw: Raw) -> Decoded:
        """Decode as whoever asks wants strangers' files to be decoded."""
        if self._decode is None or not isinstance(raw, Path):
            return decoded(encoder, raw)
        try:
            return self._decode(encoder, raw), None
        except BrokenInput as error:
            return None, str(error)


def rows_of(data: Dataset, posted: Sequence[Posted]) -> pl.DataFrame:
    """Return rows of the catalogue for posted items; cells of media hold the name of the file."""
    table = data.catalogue.table
    columns = []
    for name, dtype in table.schema.items():
        values = [
            item.item_id if name == "item_id" else item.media.get(name, item.columns.get(name)) for item in posted
        ]
        columns.append(cells(name, values, dtype))
    return pl.DataFrame(columns)


def cells(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    """Return cells of a type; lists where the column is text become what such a column holds.

    Raises:
        TypeError, ValueError, PolarsError: a value is of another type.
    """
    if dtype == pl.String:
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)
    if dtype.is_numeric():
        if any(isinstance(value, (str, bool, list, dict)) for value in values):
            raise ValueError(name)
        return pl.Series(name, values, dtype=pl.Float64).cast(dtype)
    if dtype.is_temporal():
        return pl.Series(name, values, dtype=pl.String).cast(dtype)
    return pl.Series(name, values, dtype=dtype, strict=True)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "|".join(value)
    if isinstance(value, list):
        return json.dumps(value, allow_nan=False)
    raise TypeError(value)


def _key(encoder: Encoder[Any], content: bytes) -> str:
    return hashlib.blake2b(encoder.fingerprint.encode() + b"\0" + content, digest_size=20).hexdigest()
