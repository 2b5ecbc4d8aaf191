"""From the columns of a catalogue to parts of a dataset: each content once, resumable, nothing dropped silently."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from palate.core.errors import DataError
from palate.core.fingerprint import fingerprint
from palate.core.progress import Advance, progress
from palate.core.types import Floats
from palate.data import quarantine
from palate.data.dataset import Dataset
from palate.data.feature_folder import feature_path
from palate.data.features import FeatureTable, Of, part_name
from palate.data.folder import holds_log, whose_rows
from palate.data.lazy import LazyRows
from palate.data.quarantine import Rejected
from palate.encoders import named
from palate.encoders._base import Encoder
from palate.encoders.pipeline.inputs import MANY, Chosen, Inputs, cells_of, check_column, modality_of, read_inputs
from palate.encoders.pipeline.run import Batch, run
from palate.encoders.pipeline.store import Key, PartStore, Vectors, pack
from palate.encoders.pipeline.views import taught
from palate.encoders.pipeline.workers import workers_for

FLUSH_SECONDS = 2.0
"""How much work a kill may cost."""
FLUSH_NUMBERS = 1 << 23
"""How many numbers stand in memory at most (32 MB)."""


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
    views: int = 1
    """Of how many views of a value its vector is the mean."""

    @property
    def coverage(self) -> float:
        """Share of rows that are present."""
        return self.present / self.rows if self.rows else 0.0

    @property
    def reused(self) -> int:
        """Rows whose vector was there: from an earlier run, or from an equal row."""
        return max(0, self.present - self.computed)


def encode(data: Dataset, /, *, of: Of = "items", retry: bool = False, **columns: str | Encoder[Any]) -> Dataset:
    """Return the dataset with a part for each named column, made by an encoder or the encoder of a name.

    A dataset with a folder keeps its parts there; what was encoded before is not encoded again, and a run that was
    killed goes on where it stood. Interactions that are a cut of those in the folder are encoded in memory. The part of a column of users or interactions is called as in `users.avatar`,
    `interactions.text`; models read a part of interactions as one of items (see `Dataset.item_parts`).

    Args:
        data: the dataset.
        of: whose columns they are: items, users or interactions.
        retry: try what is broken once more, as after a decoder crashed or took too long; what has changed is always tried.
        columns: the encoder of each column, or its name.

    Missing data:
        A row without content, or with a broken one, is absent; the broken ones go to the folder's quarantine.
    Raises:
        DataError: there is no such column, the encoder reads another kind of media, or it would learn from
            interactions of which some will be the test.
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
    return encode_columns(data, columns, of, retry)[0]


def encode_columns(
    data: Dataset, columns: Mapping[str, str | Encoder[Any]], of: Of = "items", retry: bool = False
) -> tuple[Dataset, list[Encoded]]:
    """Do what `encode` does, and tell what was done for each part."""
    encoders = _encoders(data, columns, of)
    for name, encoder in encoders.items():
        check_column(data.table_of(of), name, encoder)
        feature_path(Path(), part_name(name, of))
        _check_name(data, name, of)
        _check_learner(data, encoder, of)
    done = []
    for name, encoder in encoders.items():
        table, about = _encode_column(data, name, encoder, of, retry)
        data = data.with_features(**{about.part: table})
        done.append(about)
    return data, done


def _check_name(data: Dataset, column: str, of: Of) -> None:
    """Refuse to overwrite a part of something else, as of an item's column that is called users.avatar."""
    name = part_name(column, of)
    table = data.features.get(name)
    if table is not None and table.of != of:
        raise DataError(
            f"the part '{name}' is of {table.of}, and the column '{column}' of {of} would take its place: rename the column"
        )


def _check_learner(data: Dataset, encoder: Encoder[Any], of: Of) -> None:
    """Refuse to learn from interactions of which nobody knows yet which will be the test."""
    if of == "interactions" and _learns(encoder) and data.interactions.column("split") is None:
        raise DataError(
            f"'{encoder.name}' would learn from every interaction, those of the test among them: choose one that learns "
            "nothing, such as use, or cut the data first ('palate data split'), and it learns from training rows"
        )


def _learns(encoder: Encoder[Any]) -> bool:
    return encoder.learns and not encoder.state().arrays


def _encoders(data: Dataset, columns: Mapping[str, str | Encoder[Any]], of: Of) -> dict[str, Encoder[Any]]:
    """Return an encoder for each column; columns share a pretrained one, so that its weights are loaded once."""
    shared: dict[tuple[str, str], Encoder[Any]] = {}
    encoders = {}
    for column, choice in columns.items():
        if isinstance(choice, str):
            modality = modality_of(data.table_of(of), column)
            made = named(choice, modality)
            encoders[column] = made if made.learns else shared.setdefault((choice, modality), made)
        else:
            encoders[column] = choice
    return encoders


def _encode_column(
    data: Dataset, column: str, encoder: Encoder[Any], of: Of, retry: bool
) -> tuple[FeatureTable, Encoded]:
    began = time.perf_counter()
    name = part_name(column, of)
    store = None if data.root is None or not _belongs(data, of) else PartStore(data.root, name)
    inputs = read_inputs(data.table_of(of), column, encoder)
    labels = data.interactions.column("split") if of == "interactions" and _learns(encoder) else None
    source = fingerprint(encoder.fingerprint, pack(inputs.keys), labels, inputs.reasons)
    table, computed = None if retry else _finished(data, name, store, source), 0
    if table is not None and _found_as(table, encoder):
        set_aside = 0 if store is None else _set_aside_before(store.folder, name)
    else:
        with nullcontext() if store is None else store.locked():
            if _learns(encoder):
                _learn(name, encoder, inputs, labels)
            vectors, computed = compute(name, encoder, inputs, store, of, retry)
            table = _assemble(encoder, inputs, vectors, source, of)
            rejected = _rejected(data, column, inputs, vectors, of)
            if store is not None:
                quarantine.append(store.folder, f"encode:{name}", rejected)
                with progress(f"writing {name}" if len(table) > MANY else None):
                    table = store.finish(table, partial(whose_rows, data), encoder.fingerprint, inputs.keys)
        set_aside = len(rejected)
    seconds = time.perf_counter() - began
    views = 1 if encoder.views is None else encoder.views.count
    done = Encoded(
        name, encoder.name, table.dim, len(table), int(table.present.sum()), seconds, computed, set_aside, views
    )
    return table, done


def _finished(data: Dataset, name: str, store: PartStore | None, source: str) -> FeatureTable | None:
    """Return the part if it was made from exactly this before."""
    if store is not None:
        return store.finished(source, partial(whose_rows, data))
    table = data.features.get(name)
    return table if table is not None and table.source == source else None


def _found_as(table: FeatureTable, encoder: Encoder[Any]) -> bool:
    """Tell whether a part names its encoder as it is named now: a model's folder may have moved since."""
    return _learns(encoder) or (table.encoder is not None and table.encoder.settings == encoder.reference().settings)


def _belongs(data: Dataset, of: Of) -> bool:
    """Tell whether the rows are those that the folder holds, so that their part may lie there."""
    return of != "interactions" or holds_log(data)


def _set_aside_before(folder: Path, name: str) -> int:
    return quarantine.read(folder).filter(pl.col("step") == f"encode:{name}").height


def _learn(name: str, encoder: Encoder[Any], inputs: Inputs, labels: pl.Series | None) -> None:
    """Fit an encoder on all inputs and their views, or on those that are labelled as training."""
    raw = inputs.raw
    if labels is not None:
        raw = [entry if label == "train" else None for entry, label in zip(raw, labels, strict=True)]
    with progress(f"fitting {encoder.name} on {name}"):
        try:
            encoder.fit(taught(encoder, raw))
        except DataError as error:
            raise DataError(
                f"'{name}' cannot be encoded: {error}; encode others without it, by --column NAME={encoder.name}"
            ) from error


def compute(
    name: str,
    encoder: Encoder[Any],
    inputs: Inputs,
    store: PartStore | None,
    of: Of,
    retry: bool = False,
    decoder: Encoder[Any] | None = None,
) -> tuple[Vectors, int]:
    """Return the vectors of every content, and how many of them were made now.

    Files are decoded in processes that know the encoder by its name; where it has none, `decoder` is one that decodes alike.
    """
    identity = encoder.fingerprint
    vectors = Vectors(encoder.dim) if store is None else store.known(identity, encoder.dim)
    if retry:
        vectors.reasons.clear()
    todo: dict[Key, int] = {}
    for row, key in enumerate(inputs.keys):
        if key is not None and key not in vectors:
            todo.setdefault(key, row)
    before = len(vectors.place)
    if todo:
        keep = partial(store.keep, identity) if store else None
        chosen = Chosen(inputs.raw, np.fromiter(todo.values(), np.int64, len(todo)))
        with workers_for(decoder or encoder, chosen) as workers:
            encoder.prepare()
            with progress(f"encoding {name}", len(todo), of) as advance:
                _fill(vectors, list(todo), run(encoder, chosen, workers), keep, advance)
    return vectors, len(vectors.place) - before


def _fill(
    vectors: Vectors,
    keys: Sequence[Key],
    batches: Iterable[Batch],
    keep: Callable[[Vectors], Path] | None,
    advance: Advance,
) -> None:
    """Encode what is left to do; every few seconds, what is done goes to disk and leaves the memory."""
    fresh, written = Vectors(vectors.dim), time.monotonic()
    for batch in batches:
        mine = keys[batch.start : batch.start + len(batch.present)]
        good = [key for key, there in zip(mine, batch.present, strict=True) if there]
        fresh.add(good, batch.values[batch.present], {mine[place]: why for place, why in batch.reasons.items()})
        advance(len(mine))
        due = fresh.shape[0] * fresh.dim > FLUSH_NUMBERS or time.monotonic() - written > FLUSH_SECONDS
        if due or batch.start + len(mine) == len(keys):
            if keep is None:
                vectors.update(fresh)
            else:
                vectors.add(list(fresh.place), keep(fresh), fresh.reasons)
            fresh, written = Vectors(vectors.dim), time.monotonic()


def _assemble(encoder: Encoder[Any], inputs: Inputs, vectors: Vectors, source: str, of: Of) -> FeatureTable:
    rows = vectors.rows(inputs.keys)
    chosen = LazyRows(vectors, rows)
    values = cast("Floats", chosen) if of == "interactions" else chosen[:]
    ref = encoder.reference()
    return FeatureTable(values, rows >= 0, source, of, encoder.modality, ref, taught=encoder.taught)


def _rejected(data: Dataset, column: str, inputs: Inputs, vectors: Vectors, of: Of) -> list[Rejected]:
    """Return a row for everything that is there and yet has no vector."""
    if not inputs.reasons and not vectors.reasons:
        return []
    reasons = {
        row: inputs.reasons.get(row) if key is None else vectors.reasons.get(key) for row, key in enumerate(inputs.keys)
    }
    rows = [row for row, reason in reasons.items() if reason is not None]
    table, name = data.table_of(of), part_name(column, of)
    given = cells_of(table, column)
    return [
        Rejected(name, row + 1, who, str(reasons[row]), str(given[row])[:200])
        for row, who in zip(rows, data.names_of(of, rows), strict=True)
    ]
