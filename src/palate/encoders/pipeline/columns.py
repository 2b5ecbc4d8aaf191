"""From the columns of a catalogue to parts of a dataset: each content once, resumable, nothing dropped silently."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from palate.core.fingerprint import fingerprint
from palate.core.progress import Advance, progress
from palate.data import quarantine
from palate.data.dataset import Dataset
from palate.data.feature_folder import feature_path
from palate.data.features import FeatureTable
from palate.data.quarantine import Rejected
from palate.encoders import registry
from palate.encoders._base import Encoder
from palate.encoders.pipeline.inputs import Inputs, check_column, read_inputs
from palate.encoders.pipeline.run import run
from palate.encoders.pipeline.store import Key, PartStore, Vectors
from palate.interfaces import Raw

FLUSH_SECONDS = 2.0
"""How much work a kill may cost."""


@dataclass(frozen=True)
class Encoded:
    """What was done for one part."""

    part: str
    encoder: str
    dim: int
    rows: int
    present: int
    seconds: float
    computed: int
    """Vectors that the model made now."""
    quarantined: int

    @property
    def coverage(self) -> float:
        """Share of rows that are present."""
        return self.present / self.rows if self.rows else 0.0

    @property
    def reused(self) -> int:
        """Rows whose vector was there: from an earlier run, or from an equal row."""
        return max(0, self.present - self.computed)


def encode(data: Dataset, /, **columns: str | Encoder[Any]) -> Dataset:
    """Return the dataset with a part for each named column, made by an encoder or the encoder of a name.

    A dataset with a folder keeps its parts there; what was encoded before is not encoded again, and a run that was
    killed goes on where it stood.

    Missing data:
        A row without content, or with a broken one, is absent; the broken ones go to the folder's quarantine.
    Raises:
        DataError: there is no such column, or the encoder reads another kind of media.
        WeightsError: pretrained weights cannot be had.

    Example:
        >>> import polars as pl
        >>> from palate.core.ids import IdMap
        >>> from palate.data.catalogue import Catalogue
        >>> from palate.data.interactions import Interactions
        >>> table = pl.DataFrame({"item_id": ["a", "b"], "title": ["red mug", None]})
        >>> shop = Dataset(IdMap([]), IdMap("ab"), Interactions.empty(), Catalogue(table, {"title": "text"}))
        >>> encode(shop, title="tf-idf").features["title"].present.tolist()
        [True, False]
    """
    return encode_columns(data, columns)[0]


def encode_columns(data: Dataset, columns: Mapping[str, str | Encoder[Any]]) -> tuple[Dataset, list[Encoded]]:
    """Do what `encode` does, and tell what was done for each part."""
    encoders = _encoders(columns)
    for name, encoder in encoders.items():
        check_column(data.catalogue, name, encoder)
        feature_path(Path(), name)
    done = []
    for name, encoder in encoders.items():
        table, about = _encode_column(data, name, encoder)
        data = data.with_features(**{name: table})
        done.append(about)
    return data, done


def _encoders(columns: Mapping[str, str | Encoder[Any]]) -> dict[str, Encoder[Any]]:
    """Return an encoder for each column; columns share a pretrained one, so that its weights are loaded once."""
    shared: dict[str, Encoder[Any]] = {}
    encoders = {}
    for column, choice in columns.items():
        if isinstance(choice, str):
            kind = registry.get(choice)
            encoders[column] = kind() if kind.learns else shared.setdefault(choice, kind())
        else:
            encoders[column] = choice
    return encoders


def _encode_column(data: Dataset, name: str, encoder: Encoder[Any]) -> tuple[FeatureTable, Encoded]:
    began = time.perf_counter()
    store = None if data.root is None else PartStore(data.root, name)
    inputs = read_inputs(data.catalogue, name, encoder)
    source = fingerprint(encoder.fingerprint, [key or b"" for key in inputs.keys])
    table, computed = _finished(data, name, store, source), 0
    if table is not None:
        set_aside = _set_aside_before(data, name)
    else:
        with nullcontext() if store is None else store.locked():
            vectors, computed = _compute(name, encoder, inputs, store)
            table = _assemble(encoder, inputs, vectors, source)
            rejected = _rejected(data, name, inputs, vectors)
            if store is not None and data.root is not None:
                quarantine.append(data.root, f"encode:{name}", rejected)
                store.finish(table, data.items, encoder.fingerprint, inputs.keys)
        set_aside = len(rejected)
    seconds = time.perf_counter() - began
    done = Encoded(name, encoder.name, table.dim, len(table), int(table.present.sum()), seconds, computed, set_aside)
    return table, done


def _finished(data: Dataset, name: str, store: PartStore | None, source: str) -> FeatureTable | None:
    """Return the part if it was made from exactly this before."""
    if store is not None:
        return store.finished(source, data.items)
    table = data.features.get(name)
    return table if table is not None and table.source == source else None


def _set_aside_before(data: Dataset, name: str) -> int:
    if data.root is None:
        return 0
    return quarantine.read(data.root).filter(pl.col("step") == f"encode:{name}").height


def _compute(name: str, encoder: Encoder[Any], inputs: Inputs, store: PartStore | None) -> tuple[Vectors, int]:
    """Return the vectors of every content, and how many of them were made now."""
    if encoder.learns and not encoder.state().arrays:
        with progress(f"fitting {encoder.name} on {name}"):
            encoder.fit(inputs.raw)
    identity = encoder.fingerprint
    vectors = Vectors(encoder.dim) if store is None else store.known(identity, encoder.dim)
    todo: dict[Key, Raw] = {}
    for key, raw in zip(inputs.keys, inputs.raw, strict=True):
        if key is not None and raw is not None and key not in vectors:
            todo.setdefault(key, raw)
    before = len(vectors.place)
    if todo:
        encoder.prepare()
        with progress(f"encoding {name}", len(todo), "items") as advance:
            _fill(vectors, encoder, todo, partial(store.keep, identity) if store else None, advance)
    return vectors, len(vectors.place) - before


def _fill(
    vectors: Vectors,
    encoder: Encoder[Any],
    todo: Mapping[Key, Raw],
    keep: Callable[[Vectors], None] | None,
    advance: Advance,
) -> None:
    """Encode what is left to do; every few seconds, what is done goes to disk."""
    keys, fresh, written = list(todo), Vectors(encoder.dim), time.monotonic()
    for batch in run(encoder, list(todo.values())):
        mine = keys[batch.start : batch.start + len(batch.present)]
        good = [key for key, there in zip(mine, batch.present, strict=True) if there]
        fresh.add(good, batch.values[batch.present], {mine[place]: why for place, why in batch.reasons.items()})
        advance(len(mine))
        if batch.start + len(mine) == len(keys) or time.monotonic() - written > FLUSH_SECONDS:
            if keep is not None:
                keep(fresh)
            vectors.update(fresh)
            fresh, written = Vectors(encoder.dim), time.monotonic()


def _assemble(encoder: Encoder[Any], inputs: Inputs, vectors: Vectors, source: str) -> FeatureTable:
    values = np.zeros((len(inputs.keys), encoder.dim), np.float32)
    present = np.zeros(len(inputs.keys), bool)
    for row, key in enumerate(inputs.keys):
        vector = None if key is None else vectors.get(key)
        if vector is not None:
            values[row], present[row] = vector, True
    return FeatureTable(values, present, source, "items", encoder.modality, encoder.reference())


def _rejected(data: Dataset, column: str, inputs: Inputs, vectors: Vectors) -> list[Rejected]:
    """Return a row for everything that is there and yet has no vector."""
    given = data.catalogue.column(column).to_list()
    rows = []
    for row, key in enumerate(inputs.keys):
        reason = inputs.reasons.get(row) if key is None else vectors.reasons.get(key)
        if reason is not None:
            rows.append(Rejected(column, row + 1, data.items.ids[row], reason, str(given[row])[:200]))
    return rows
