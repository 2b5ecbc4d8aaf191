"""What lies behind the layers of an encoder's network, for every row of a column: made once, kept as float16 in the dataset folder.

features/.states/<part>/<encoder>/   shape.json, chunk-00000.safetensors …: each written all or nothing, by content
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError, StoreError
from palate.core.files import read_json, write_json
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.encoders._base import Encoder
from palate.encoders._states import States
from palate.encoders.pipeline.columns import compute
from palate.encoders.pipeline.inputs import check_column, read_inputs
from palate.encoders.pipeline.store import PartStore, Vectors

STATES = ".states"


class StateStore(PartStore):
    """Where the states of one part are kept; they are never a part themselves."""

    width = np.float16

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder, name)
        self.partial = self.final.parent / STATES / name

    def shape(self, encoder: str) -> tuple[int, ...] | None:
        """Return how many layers there are and how wide they are; None where nobody has looked yet."""
        try:
            return tuple(read_json(self._work(encoder) / "shape.json"))
        except StoreError:
            return None

    def began(self, encoder: str, shape: Sequence[int]) -> None:
        """Note the shape of the states, and take away those of another encoder."""
        for other in self.partial.glob("*/"):
            if other != self._work(encoder):
                shutil.rmtree(other, ignore_errors=True)
        write_json(self._work(encoder) / "shape.json", list(shape))


class Behind:
    """The states of items, read from where they lie when they are asked for.

    Shapes:
        called with int32[b], which items -> float32[b, layers, width]; zeros for those without any.
    """

    def __init__(self, vectors: Vectors, rows: npt.NDArray[np.int64], shape: tuple[int, ...]) -> None:
        self.vectors, self.rows, self.shape = vectors, rows, shape

    def __call__(self, codes: Codes) -> Floats:
        """Return the states of these items."""
        rows = self.rows[codes]
        found = np.zeros((len(rows), self.vectors.dim), np.float32)
        found[rows >= 0] = self.vectors[rows[rows >= 0]]
        return found.reshape(len(rows), *self.shape)


def states_of(data: Dataset, column: str, encoder: Encoder[Any]) -> Behind:
    """Return the states of the items of a dataset; the network is run for contents alone that it was not run for before.

    Args:
        data: with its folder, or else nothing is kept.
        column: what the encoder reads.
        encoder: of the column.

    Raises:
        ConfigError: the encoder has no hidden states.
        DataError: the column is not there or of another kind, or another process is at it.
    """
    table = data.table_of("items")
    store = None if data.root is None else StateStore(data.root, column)
    identity = States(encoder).fingerprint
    states = States(encoder, None if store is None else store.shape(identity))
    check_column(table, column, states)
    inputs = read_inputs(table, column, states)
    if store is None:
        vectors, _ = compute(column, states, inputs, None, "items", decoder=encoder)
    else:
        with store.locked():
            store.began(identity, states.shape)
            vectors, _ = compute(column, states, inputs, store, "items", decoder=encoder)
    if not vectors.place:
        raise DataError(
            f"nothing of the column '{column}' could be read, so that there are no states: bring back its files"
        )
    return Behind(vectors, vectors.rows(inputs.keys), states.shape)
