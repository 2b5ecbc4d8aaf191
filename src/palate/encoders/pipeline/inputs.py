"""What a column holds: for each row the raw input and the digest of its content, or why there is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.core.cores import cores
from palate.core.errors import DataError
from palate.core.progress import progress
from palate.data.catalogue import MEDIA_TYPES, Catalogue
from palate.data.media import fetched, is_url, stray
from palate.encoders._base import Encoder
from palate.encoders.pipeline.rows import made_of_rows
from palate.encoders.pipeline.store import Key
from palate.interfaces import Raw

TUNED = ".tuned"
"""Ends the name of a part that a fine-tuned encoder makes of what the part before it is made of."""
VIEWS = {"sound": "audio", "motion": "video"}
"""What a video column `trailer` has besides its pictures, as in `trailer.sound`, by the modality as which it is encoded."""
_CHUNK = 1 << 20
_SLICE = 1 << 14
MANY = 100_000
"""From so many rows on, what is done besides encoding takes long enough for a bar."""


@dataclass(frozen=True)
class Inputs:
    """Rows of one column.

    Missing data:
        A row without content has None in `raw` and `keys`; `reasons` tells of those that should have had one.
    """

    raw: Sequence[Raw | None]
    keys: list[Key | None]
    reasons: dict[int, str]


class Texts(Sequence[str | None]):
    """The cells of a column as texts, read from it when they are looked at; a blank one is None, a list is JSON."""

    def __init__(self, column: pl.Series) -> None:
        self.column = column if column.dtype.is_nested() else column.cast(pl.String)

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, rows: int) -> str | None: ...
    @overload
    def __getitem__(self, rows: slice) -> list[str | None]: ...
    def __getitem__(self, rows: int | slice) -> str | list[str | None] | None:
        if isinstance(rows, slice):
            return [_text(value) for value in self.column[rows].to_list()]
        return _text(self.column[rows])

    def __iter__(self) -> Iterator[str | None]:
        for start in range(0, len(self), _SLICE):
            yield from self[start : start + _SLICE]


class Chosen(Sequence[Raw]):
    """Some rows of a column, all of which hold something."""

    def __init__(self, raw: Sequence[Raw | None], rows: npt.NDArray[np.int64]) -> None:
        self.raw, self.rows = raw, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, places: int) -> Raw: ...
    @overload
    def __getitem__(self, places: slice) -> list[Raw]: ...
    def __getitem__(self, places: int | slice) -> Raw | list[Raw]:
        found = [self.raw[int(row)] for row in np.atleast_1d(self.rows[places])]
        there = [entry for entry in found if entry is not None]
        return there if isinstance(places, slice) else there[0]


def modality_of(catalogue: Catalogue, name: str) -> str:
    """Return what kind of media a column holds; `trailer.sound`, of a video column `trailer`, is audio,
    and `trailer.motion` is video; `title.tuned` is what `title` is.

    Raises:
        DataError: there is no such column.
    """
    name = _before_tuning(catalogue, name)
    if (made := made_of_rows(catalogue).get(name)) is not None:
        return made.modality
    values = catalogue.column(column_of(catalogue, name))
    if values.name != name:
        return VIEWS[name.rpartition(".")[2]]
    return catalogue.types.get(name, "text" if values.dtype == pl.String else "untyped")


def cells_of(catalogue: Catalogue, name: str) -> pl.Series:
    """Return the cells that a part is made of: those of its column, or several of each row as JSON.

    Raises:
        DataError: there is no such column.
    """
    made = made_of_rows(catalogue).get(_before_tuning(catalogue, name))
    return catalogue.column(column_of(catalogue, name)) if made is None else made.cells(catalogue)


def column_of(catalogue: Catalogue, name: str) -> str:
    """Return the column that a part is made of: itself, or the video of which it is a view."""
    name = _before_tuning(catalogue, name)
    column, _, view = name.rpartition(".")
    is_view = view in VIEWS and name not in catalogue.table.columns and catalogue.types.get(column) == "video"
    return column if is_view else name


def _before_tuning(catalogue: Catalogue, name: str) -> str:
    """Return `title` for `title.tuned`, unless a column is called so."""
    return name if name in catalogue.table.columns else name.removesuffix(TUNED)


def columns_of(catalogue: Catalogue, modality: str) -> list[str]:
    """Return what can be encoded as this kind of media: columns of that type; the sound tracks of videos; rows as a table."""
    made = [name for name, row in made_of_rows(catalogue).items() if row.modality == modality]
    tracks = [f"{column}.sound" for column in catalogue.of_type("video")] if modality == "audio" else []
    return [*catalogue.of_type(modality), *made, *(name for name in tracks if name not in catalogue.table.columns)]


def check_column(catalogue: Catalogue, column: str, encoder: Encoder[Any]) -> None:
    """Check that an encoder can read a column.

    Raises:
        DataError: there is no such column, or the encoder reads another kind of media.
    """
    kind = modality_of(catalogue, column)
    if kind != encoder.modality:
        part = next((name for name, row in made_of_rows(catalogue).items() if row.modality == encoder.modality), None)
        if part is not None:
            raise DataError(
                f"'{column}' is {kind}, and '{encoder.name}' reads columns of a row together, which make the part '{part}': write "
                f"{part}={encoder.name}"
            )
        raise DataError(
            f"the column '{column}' is {kind} and the encoder '{encoder.name}' reads {encoder.modality}: choose another "
            "encoder ('palate encoders' lists them) or another column"
        )


def read_inputs(catalogue: Catalogue, column: str, encoder: Encoder[Any]) -> Inputs:
    """Look at every row of a column that the encoder can read."""
    if encoder.modality in MEDIA_TYPES:
        return read_media(catalogue, column)
    texts = Texts(cells_of(catalogue, column))
    if column not in catalogue.table.columns:
        return _texts(column, texts)
    named = catalogue.paths(column)
    if named.null_count() < len(named):
        return _values_and_files(texts, _media(catalogue, column, named.to_list()), named)
    return _texts(column, texts)


def _texts(column: str, texts: Texts) -> Inputs:
    keys: list[Key | None] = []
    with progress(f"reading {column}" if len(texts) > MANY else None, len(texts), "texts") as advance:
        for start in range(0, len(texts), _SLICE):
            some = texts[start : start + _SLICE]
            keys += [None if text is None else _digest(text.encode()) for text in some]
            advance(len(some))
    return Inputs(texts, keys, {})


def _values_and_files(texts: Texts, files: Inputs, named: pl.Series) -> Inputs:
    """Put the values that name no file beside the files of the others."""
    raw, keys = list(files.raw), files.keys
    for row in np.flatnonzero(named.is_null().to_numpy()).tolist():
        text = raw[row] = texts[row]
        keys[row] = None if text is None else _digest(text.encode())
    return Inputs(raw, keys, files.reasons)


def read_media(catalogue: Catalogue, column: str) -> Inputs:
    """Look at every file of a column."""
    return _media(catalogue, column, catalogue.column(column_of(catalogue, column)).to_list())


def _media(catalogue: Catalogue, column: str, values: Sequence[str | None]) -> Inputs:
    raw: list[Raw | None] = [None] * len(values)
    keys: list[Key | None] = [None] * len(values)
    reasons: dict[int, str] = {}
    with ThreadPoolExecutor(cores()) as pool, progress(f"reading {column}", len(values), "files") as advance:
        found = pool.map(_look, [catalogue.root] * len(values), values)
        for row, (path, key, reason) in enumerate(found):
            raw[row], keys[row] = path, key
            if reason is not None:
                reasons[row] = reason
            advance(1)
    return Inputs(raw, keys, reasons)


def _look(root: Path | None, value: str | None) -> tuple[Path | None, Key | None, str | None]:
    if value is None or not value.strip():
        return None, None, None
    if is_url(value):
        if root is None or not (root / fetched(value)).is_file():
            return None, None, "it is an address that was not fetched: 'palate data fetch' brings the file"
        value = fetched(value)
    elif root is not None and stray(value):
        return None, None, "the path leads out of the dataset folder"
    path = Path(value) if root is None else root / value
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            return None, None, "it is no file"
        digest = hashlib.blake2b(digest_size=16)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return None, None, "there is no such file"
    except (OSError, ValueError) as error:
        return None, None, f"the file cannot be read: {getattr(error, 'strerror', None) or error}"
    return path, digest.digest(), None


def _text(value: str | pl.Series | Sequence[float | None] | None) -> str | None:
    if value is not None and not isinstance(value, str):
        value = json.dumps(list(value), default=str)
    return value if value is not None and value.strip() else None


def _digest(content: bytes) -> Key:
    return hashlib.blake2b(content, digest_size=16).digest()
