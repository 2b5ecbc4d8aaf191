"""Reading a TensorFlow checkpoint without TensorFlow.

A checkpoint is an index and a data shard. The index is a sorted table as LevelDB writes it: a footer of 48 bytes points
to a block that lists the data blocks; in a block each key shares a prefix with the one before. A value is a protocol
buffer (BundleEntryProto): 1 the type, 2 the shape, 3 the shard, 4 the offset in it, 5 the size in bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.errors import WeightsError
from palate.core.state import Array

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}
_TYPE, _SHAPE, _SHARD, _OFFSET, _SIZE = 1, 2, 3, 4, 5


def read_checkpoint(index: Path, data: Path) -> dict[str, Array]:
    """Return the tensors of a checkpoint of one shard, by name.

    Raises:
        WeightsError: a file is damaged, or holds what is not read here (compressed blocks, further shards).
    """
    try:
        table, shard = index.read_bytes(), data.read_bytes()
        # the row without a name tells of the whole
        return {name.decode(): _tensor(entry, shard) for name, entry in _rows(table) if name}
    except (OSError, IndexError, KeyError, ValueError, TypeError, struct.error) as error:
        raise WeightsError(f"{index} could not be read as a TensorFlow checkpoint: {error}") from error


def _rows(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(table) < _FOOTER or struct.unpack("<Q", table[-8:])[0] != _MAGIC:
        raise ValueError("it does not end as such a table does")
    place = len(table) - _FOOTER
    for _ in range(2):  # two numbers point to a block of statistics, the next two to the list of blocks
        _, place = _varint(table, place)
    for _, where in _block(table, place):
        yield from _block(where, 0, table)


def _block(pointer: bytes, place: int, table: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of the block that a pointer (offset and size) tells of."""
    table = pointer if table is None else table
    start, place = _varint(pointer, place)
    size, _ = _varint(pointer, place)
    if table[start + size] != 0:
        raise ValueError("its blocks are compressed")
    block = table[start : start + size]
    (restarts,) = struct.unpack("<I", block[-4:])
    end, place, key = len(block) - 4 * (restarts + 1), 0, b""
    while place < end:
        shared, place = _varint(block, place)
        rest, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + rest]
        place += rest + length
        yield key, block[place - length : place]


def _tensor(entry: bytes, shard: bytes) -> Array:
    about = dict(_fields(entry))
    if about.get(_SHARD, 0):
        raise ValueError("it has more than one shard")
    sizes = [dict(_fields(size)).get(1, 0) for number, size in _fields(about.get(_SHAPE, b"")) if number == 2]
    offset = about.get(_OFFSET, 0)
    content = shard[offset : offset + about[_SIZE]]
    return np.frombuffer(content, _DTYPES[about[_TYPE]]).reshape(sizes)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a protocol buffer: number, and an integer or bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        match tag & 7:
            case 0:
                value, place = _varint(message, place)
                yield tag >> 3, value
            case 2:
                size, place = _varint(message, place)
                yield tag >> 3, message[place : place + size]
                place += size
            case 5:
                place += 4  # the checksum, which the digest of the file makes superfluous
            case other:
                raise ValueError(f"a field of the kind {other}")


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place
