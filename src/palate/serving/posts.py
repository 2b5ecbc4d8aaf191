"""Posted items on their way into what answers: followed in the store, encoded, and joined in a new edition."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from palate.core.types import Codes, Floats
from palate.data.catalogue import MEDIA_TYPES, Catalogue
from palate.data.features import FeatureTable
from palate.data.store import Posted, Store
from palate.encoders import BrokenInput, Encoder
from palate.encoders.pipeline.decoding import Decoded, decoded
from palate.encoders.pipeline.inputs import column_of, read_inputs
from palate.interfaces import Raw
from palate.retrieval import Decode
from palate.serving.engine import Engine
from palate.serving.posting import VECTORS, rows_of


@dataclass(frozen=True, eq=False)
class Change:
    """What an edition is to take over.

    Shapes:
        codes: int32[n], those behind the edition's are of new items, in order; rows: n rows of the catalogue; parts: n rows each.
    """

    new: tuple[str, ...]
    """Ids of new items."""
    codes: Codes
    rows: pl.DataFrame
    parts: Mapping[str, FeatureTable]
    gone: Codes
    """Codes of items that are taken away."""
    cursor: int
    """Of the last of it in the store."""


class Posts:
    """Reads what was posted since the last time, and makes it a change of an edition.

    Vectors are kept in the store under what made them, so that a restart need not encode again; files are brought to a folder of
    this process when they are first needed.
    """

    def __init__(self, store: Store, decode: Decode | None = None) -> None:
        self.store, self._decode = store, decode
        self.cursor = 0
        """Of the last in the store that was taken over."""
        self.items: set[str] = set()
        """Ids of all on which there was a word."""
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

    def prepare(self, engine: Engine) -> None:
        """Load the encoders now rather than at the first item."""
        for name, table in engine.bundle.data.features.items():
            if table.of == "items" and table.encoder is not None:
                engine.searcher.maker(name).prepare()

    def change(self, engine: Engine) -> Change | None:
        """Return what was posted and taken away since the last time; None where nothing was."""
        news = self.store.posted(self.cursor)
        if not news:
            return None
        items = engine.items
        self.items |= {item.item_id for item in news}
        there = [item for item in news if not item.gone]
        new = tuple(item.item_id for item in there if item.item_id not in items)
        place = {item_id: len(items) + row for row, item_id in enumerate(new)}
        codes = [place[item.item_id] if item.item_id in place else items.code(item.item_id) for item in there]
        gone = [items.code(item.item_id) for item in news if item.gone and item.item_id in items]
        data = engine.bundle.data
        rows = rows_of(data, there)
        parts = {
            name: self._part(engine, name, there, Catalogue(rows, data.catalogue.types, Path(self._folder.name)))
            for name, table in data.features.items()
            if table.of == "items"
        }
        return Change(new, np.array(codes, np.int32), rows, parts, np.array(gone, np.int32), news[-1].cursor)

    def _part(self, engine: Engine, name: str, items: Sequence[Posted], rows: Catalogue) -> FeatureTable:
        """Return the rows of a part, by its own encoder; absent where an item has nothing for it."""
        table = engine.bundle.data.features[name]
        values = np.zeros((len(items), table.dim), np.float32)
        present = np.zeros(len(items), bool)
        if table.encoder is None:
            for row, item in enumerate(items):
                numbers = item.columns.get(VECTORS)
                if isinstance(numbers, Mapping) and name in numbers:
                    values[row], present[row] = numbers[name], True
            return FeatureTable(values, present, "posted", modality=table.modality)
        encoder = engine.searcher.maker(name)
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
        """Decode as the service decodes what comes from strangers."""
        if self._decode is None or not isinstance(raw, Path):
            return decoded(encoder, raw)
        try:
            return self._decode(encoder, raw), None
        except BrokenInput as error:
            return None, str(error)


def _key(encoder: Encoder[Any], content: bytes) -> str:
    return hashlib.blake2b(encoder.fingerprint.encode() + b"\0" + content, digest_size=20).hexdigest()
