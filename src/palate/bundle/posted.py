"""Posted items as rows of a catalogue and of its parts."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
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
from palate.encoders.pipeline.rows import made_of_rows
from palate.interfaces import Raw
from palate.retrieval import Decode

LOG = logging.getLogger("palate.bundle")
UNFIT = (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError)
"""What `cells` raises where a column cannot hold a value."""
_KEPT = 256 << 20
"""Bytes of files that are kept beside the store."""
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

    def __init__(self, store: Store, decode: Decode | None = None) -> None:
        self.store, self._decode = store, decode
        self.troubles: dict[str, dict[str, str]] = {}
        """By item and part, why something of an item could not be encoded."""
        self._folder = tempfile.TemporaryDirectory(prefix="palate-posted-")
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Remove the files of this process."""
        self._folder.cleanup()

    def file(self, item_id: str, column: str, name: str) -> Path | None:
        """Return where the file of a posted item lies by now; None where the store has it no more.

        Of files that were not asked for lately only so many are left as take 256 MB.
        """
        path = Path(self._folder.name) / name
        if not path.exists():
            content = self.store.medium(item_id, column)
            if content is None:
                return None
            aside = path.with_name(uuid.uuid4().hex)  # several threads may bring the same file
            aside.write_bytes(content)
            aside.replace(path)
            with self._lock:
                self._sizes[name] = len(content)
        with self._lock:
            if name in self._sizes:
                self._sizes.move_to_end(name)
            while len(self._sizes) > 1 and sum(self._sizes.values()) > _KEPT:
                old, _ = self._sizes.popitem(last=False)
                (path.parent / old).unlink(missing_ok=True)
        return path

    def of(
        self, data: Dataset, items: Sequence[Posted], maker: Callable[[str], Encoder[Any]]
    ) -> dict[str, FeatureTable]:
        """Return the rows of each part of items of a dataset; absent where an item has nothing for it.

        What no column makes, such as reviews of an item, stays as the dataset has it.

        Args:
            data: whose parts they are.
            items: not gone.
            maker: gives the encoder of a part by its name.
        """
        rows = Catalogue(rows_of(data, items), data.catalogue.types, Path(self._folder.name))
        tables = {name: table for name, table in data.features.items() if table.of == "items"}
        made = {
            name: self._part(name, table, items, rows, maker)
            for name, table in tables.items()
            if _is_made(table, rows, name)
        }
        codes = data.items.codes(item.item_id for item in items)
        return {name: made[name] if name in made else table.take(codes) for name, table in tables.items()}

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
                given = item.columns.get(VECTORS)
                numbers = given.get(name) if isinstance(given, Mapping) else None
                self.troubles.get(item.item_id, {}).pop(name, None)
                if numbers is None:
                    continue
                if len(numbers) == table.dim:
                    values[row], present[row] = numbers, True
                else:
                    self._trouble(item, name, f"{len(numbers):,} numbers were posted, and the part takes {table.dim:,}")
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
        self._trouble(item, name, reason or encoder.emptiness)
        return None

    def _trouble(self, item: Posted, name: str, reason: str) -> None:
        self.troubles.setdefault(item.item_id, {})[name] = reason

    def _decoded(self, encoder: Encoder[Any], raw: Raw) -> Decoded:
        """Decode as whoever asks wants strangers' files to be decoded."""
        if self._decode is None or not isinstance(raw, Path):
            return decoded(encoder, raw)
        try:
            return self._decode(encoder, raw), None
        except BrokenInput as error:
            return None, str(error)


def rows_of(data: Dataset, posted: Sequence[Posted]) -> pl.DataFrame:
    """Return rows of the catalogue for posted items; cells of media hold the name of the file.

    A value is left out, and the log says so, where its column is of another type by now.
    """
    table = data.catalogue.table
    columns = []
    for name, dtype in table.schema.items():
        values = [
            item.item_id if name == "item_id" else item.media.get(name, item.columns.get(name)) for item in posted
        ]
        columns.append(_fitting(name, values, dtype))
    return pl.DataFrame(columns)


def cells(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    """Return cells of a type; lists where the column is text become what such a column holds, and a column of whole numbers takes
    others too, and is no longer one of whole numbers then.

    Raises:
        TypeError, ValueError, OverflowError, PolarsError: a value is of another type.
    """
    if dtype == pl.String:
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)
    if dtype.is_numeric():
        return _numbers(name, values, dtype)
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return _dates(name, values, dtype)
    return pl.Series(name, values, dtype=dtype, strict=True)


def _fitting(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    """Return cells of a type, null where a value is of another."""
    try:
        return cells(name, values, dtype)
    except UNFIT:
        left = [value if _fits(name, value, dtype) else None for value in values]
        lost = sum(value is not None for value in values) - sum(value is not None for value in left)
        LOG.warning("%d posted values of '%s' are left out: the column is of the type %s by now", lost, name, dtype)
        return cells(name, left, dtype)


def _fits(name: str, value: Any, dtype: pl.DataType) -> bool:
    try:
        cells(name, [value], dtype)
    except UNFIT:
        return False
    return True


def _numbers(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    if any(isinstance(value, (str, bool, list, dict)) for value in values):
        raise ValueError(name)
    if dtype.is_integer() and all(value is None or float(value).is_integer() for value in values):
        return pl.Series(name, [None if value is None else int(value) for value in values], dtype=dtype)
    column = pl.Series(name, values, dtype=pl.Float64)
    narrow = column if dtype.is_integer() else column.cast(dtype)
    if narrow.dtype.is_float() and not narrow.is_finite().all():
        raise ValueError(name)
    return narrow


def _dates(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    """Return ISO 8601 texts as dates; UTC where they have no zone."""
    read = [None if value is None else datetime.fromisoformat(value) for value in values]
    zoned = [when if when is None or when.tzinfo else when.replace(tzinfo=UTC) for when in read]
    utc = pl.Series(
        name, [when and when.astimezone(UTC).replace(tzinfo=None) for when in zoned], dtype=pl.Datetime("us")
    )
    zone = getattr(dtype, "time_zone", None)
    return (utc if zone is None else utc.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)).cast(dtype)


def _is_made(table: FeatureTable, rows: Catalogue, name: str) -> bool:
    """Tell whether a part is made of what is posted: of numbers, or of columns."""
    column = column_of(rows, name)
    return table.encoder is None or column in rows.table.columns or column in made_of_rows(rows)


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
