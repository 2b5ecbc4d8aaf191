"""Arrays that are larger than one wants in memory: written block by block, mapped rather than read."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from safetensors import safe_open

from palate.core.state import Array
from palate.core.types import Floats

_NAMES = {
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
    "I32": np.int32,
    "I64": np.int64,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_OF = {np.dtype(kind): name for name, kind in _NAMES.items()}


def map_arrays(path: Path) -> dict[str, Array]:
    """Return the arrays of a safetensors file, which are read where they are looked at.

    Raises:
        Exception: the file is damaged, or shorter than its header says.
    """
    with safe_open(path, "np"):  # checks the header against the length of the file
        pass
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    arrays: dict[str, Array] = {}
    for name, about in header.items():
        kind, shape, start = _NAMES[about["dtype"]], tuple(about["shape"]), 8 + length + about["data_offsets"][0]
        empty = 0 in shape
        arrays[name] = np.zeros(shape, kind) if empty else np.memmap(path, kind, "r", start, shape)
    return arrays


def write_blocks(path: Path, name: str, width: int, blocks: Iterable[Floats], rest: Mapping[str, Array]) -> None:
    """Write a safetensors file with one large array, block by block, and small ones after it.

    Args:
        path: where.
        name: of the large array.
        width: numbers a row.
        blocks: its rows in order, as many as the arrays of `rest` have.
        rest: further arrays, of which each has one entry a row.

    Raises:
        OSError: the disk is full or refuses.
    """
    rows = {len(array) for array in rest.values()}
    (n,) = rows
    header: dict[str, object] = {name: {"dtype": "F32", "shape": [n, width], "data_offsets": [0, 4 * n * width]}}
    end = 4 * n * width
    for key, array in rest.items():
        header[key] = {"dtype": _OF[array.dtype], "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for block in blocks:
            file.write(np.ascontiguousarray(block, np.float32).data)
        for array in rest.values():
            file.write(np.ascontiguousarray(array).data)
        if file.tell() != 8 + len(text) + end:
            raise ValueError(f"the blocks of '{name}' hold another number of rows than {n}")
