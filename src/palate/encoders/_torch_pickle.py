"""Reading a torch state dict without torch, and without running anything that the file says.

A `.pth` file of the old kind is a row of pickles: a magic number, the protocol, some sizes, the dictionary, whose
tensors name storages by key, and the keys of the storages; then each storage follows as a count and its bytes. One of the
new kind is a zip archive with the dictionary in `data.pkl` and the bytes of each storage in `data/<key>`.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from palate.core.errors import WeightsError
from palate.core.state import Array

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}
_NUMBERS = {("numpy.core.multiarray", "scalar"), ("numpy", "dtype"), ("_codecs", "encode")}
"""What a number of numpy's is made with."""
_DAMAGED = (
    OSError, EOFError, pickle.UnpicklingError, struct.error, KeyError, IndexError, ValueError, TypeError, AttributeError,
    MemoryError, OverflowError, RecursionError, zipfile.BadZipFile, zlib.error, NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True)
class _Tensor:
    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_state_dict(path: Path) -> dict[str, Array]:
    """Return the tensors of a `.pth` file as arrays; of several objects in it, those of the first.

    Raises:
        WeightsError: the file asks for anything but tensors and dictionaries, or is damaged.
    """
    try:
        if zipfile.is_zipfile(path):
            return _from_zip(path)
        with path.open("rb") as file:
            if _Plain(file).load() != _MAGIC or _Plain(file).load() != _PROTOCOL:
                raise WeightsError(f"{path} is not a torch file")
            _Plain(file).load()
            described = _Tensors(file)
            tensors = described.load()
            storages = {key: _storage(file, described.dtypes[key]) for key in _Plain(file).load()}
        return {name: _array(tensor, storages) for name, tensor in tensors.items()}
    except _DAMAGED as error:
        raise WeightsError(f"{path} could not be read as a torch state dict: {error}") from error


def _from_zip(path: Path) -> dict[str, Array]:
    with zipfile.ZipFile(path) as archive:
        (inside,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        described = _Tensors(io.BytesIO(archive.read(inside)))
        found = described.load()
        tensors = found[0] if isinstance(found, tuple) else found
        folder = inside.removesuffix(".pkl")
        used = {tensor.storage for tensor in tensors.values()}
        storages = {key: np.frombuffer(archive.read(f"{folder}/{key}"), described.dtypes[key]) for key in used}
    return {name: _array(tensor, storages) for name, tensor in tensors.items()}


class _Ignored:
    """Stands for a number of numpy's, which no tensor needs; it keeps nothing."""

    def __init__(self, *about: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


class _Plain(pickle.Unpickler):
    """Builds numbers, texts, lists and dictionaries; every name of a class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no state dict needs")


class _Tensors(_Plain):
    """Builds ordered dictionaries and descriptions of tensors besides."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.dtypes: dict[str, str] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _describe
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) in _NUMBERS:
            return _Ignored
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> str:
        kind, dtype, key = pid[:3]
        if kind != "storage":
            raise pickle.UnpicklingError(f"it refers to a {kind}, which no state dict needs")
        self.dtypes[key] = dtype
        return str(key)


def _describe(storage: str, offset: int, shape: Any, strides: Any, *rest: Any) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _storage(file: BinaryIO, dtype: str) -> Array:
    head = file.read(8)
    if len(head) < 8:
        raise EOFError("it ends too early")
    (count,) = struct.unpack("<q", head)
    size = count * np.dtype(dtype).itemsize
    content = file.read(size)
    if count < 0 or len(content) != size:
        raise EOFError("it ends too early")
    return np.frombuffer(content, dtype)


def _array(tensor: _Tensor, storages: Mapping[str, Array]) -> Array:
    flat = storages[tensor.storage][tensor.offset :]
    if min((tensor.offset, *tensor.strides, *tensor.shape)) < 0:
        raise ValueError("a tensor has a negative size")
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if 0 not in tensor.shape and last >= len(flat):
        raise ValueError("a tensor reaches past its storage")
    steps = tuple(stride * flat.itemsize for stride in tensor.strides)
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, tensor.shape, steps, writeable=False)).reshape(
        tensor.shape
    )
