"""Fingerprints: a short digest of everything that made a thing."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

_CHUNK = 1 << 20
_SLICE = 1 << 16


def fingerprint(*things: Any) -> str:
    """Return 32 hex digits that change when any of `things` changes.

    Takes None, bool, int, float, str, bytes, numpy arrays, table columns, configs, and lists, tuples, sets and dicts
    of those (sets and dicts in sorted order). A `Path` stands for its file's content.

    Raises:
        TypeError: a thing of another type, since its identity cannot be told.

    Example:
        >>> fingerprint("use", {"dim": 512}) == fingerprint("use", {"dim": 512})
        True
    """
    digest = hashlib.blake2b(digest_size=16)
    for thing in things:
        _feed(digest, thing)
    return digest.hexdigest()


def file_fingerprint(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _feed(digest: Any, thing: Any) -> None:
    match thing:
        case None | bool() | int() | float() | str() | np.generic():
            text = repr(thing.item() if isinstance(thing, np.generic) else thing)
            digest.update(f"{type(thing).__name__}:{len(text)}:{text};".encode())
        case bytes():
            digest.update(f"bytes:{len(thing)}:".encode() + thing)
        case np.ndarray():
            if thing.dtype == object:
                _feed(digest, thing.tolist())
            else:
                digest.update(f"array:{thing.dtype.str}:{thing.shape}:".encode())
                digest.update(np.ascontiguousarray(thing).data)
        case pl.Series():
            _feed_column(digest, thing)
        case Path():
            digest.update(f"file:{file_fingerprint(thing)};".encode())
        case BaseModel():
            _feed(digest, [type(thing).__name__, thing.model_dump(mode="json")])
        case Mapping():
            digest.update(f"map:{len(thing)}:".encode())
            for key in sorted(thing, key=str):
                _feed(digest, key)
                _feed(digest, thing[key])
        case set() | frozenset():
            _feed(digest, sorted(thing))
        case list() | tuple():
            digest.update(f"list:{len(thing)}:".encode())
            for item in thing:
                _feed(digest, item)
        case _ if dataclasses.is_dataclass(thing) and hasattr(thing, "fingerprint"):
            _feed(digest, thing.fingerprint)
        case _:
            raise TypeError(f"cannot fingerprint a {type(thing).__name__}")


def _feed_column(digest: Any, column: pl.Series) -> None:
    """Feed the type, the length of each value as text (-1 for null) and the texts, so that no two columns look alike."""
    if column.dtype.is_nested():
        text = pl.Series([None if value is None else repr(value) for value in column.to_list()], dtype=pl.String)
    else:
        text = column.cast(pl.String)
    lengths, given = text.str.len_bytes(), text.drop_nulls()
    _feed(digest, str(column.dtype))
    _feed(digest, lengths.cast(pl.Int64).fill_null(-1).to_numpy())
    digest.update(f"bytes:{lengths.sum()}:".encode())
    for start in range(0, len(given), _SLICE):  # a million reviews need not stand in memory twice
        digest.update("".join(given.slice(start, _SLICE).to_list()).encode())
