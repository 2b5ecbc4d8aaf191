"""Values between two processes over a pipe: JSON for their shape, raw bytes for arrays, no pickle.

A worker reads files from strangers, so nothing that it answers may make its parent run code.
"""

from __future__ import annotations

import importlib
import json
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from palate.core.state import Array
from palate.core.types import JSON

_HEAD = struct.Struct("<4sI")
_MAGIC = b"plt1"
_PLAIN = "biufcSUmM"
"""Kinds of numpy types that are nothing but bytes."""


class Bounded:
    """A pipe of which no more than so many bytes are read."""

    def __init__(self, pipe: BinaryIO, most: int) -> None:
        self.pipe, self.most, self.left = pipe, most, most

    def read(self, length: int) -> bytes:
        """Read so many bytes.

        Raises:
            ValueError: they are more than are left.
        """
        self._take(length)
        return self.pipe.read(length)

    def readinto(self, space: memoryview) -> int:
        """Fill a space; raises as `read` does."""
        self._take(space.nbytes)
        return self.pipe.readinto(space)  # type: ignore[attr-defined,no-any-return]

    def _take(self, length: int) -> None:
        self.left -= length
        if self.left < 0:
            raise ValueError(f"it holds more than {self.most:,} bytes")


def send(pipe: BinaryIO, value: Any) -> None:
    """Write a value: None, bool, int, float, str, bytes, Path, arrays, and lists, tuples, dicts, named tuples and dataclasses of those.

    Raises:
        TypeError: a value of another type; nothing has been written.
        OSError: the other side is gone.
    """
    arrays: list[Array] = []
    head = json.dumps(_take_apart(value, arrays)).encode()
    pipe.write(_HEAD.pack(_MAGIC, len(head)) + head)
    for array in arrays:
        if array.size:
            pipe.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    pipe.flush()


def receive(pipe: BinaryIO | Bounded, package: str = "palate") -> Any:
    """Read a value that `send` wrote; arrays can be written to, named tuples and dataclasses come from `package`.

    Raises:
        EOFError: the other side is gone.
        ValueError: what came makes no sense.
    """
    magic, length = _HEAD.unpack(_read(pipe, _HEAD.size))
    if magic != _MAGIC:
        raise ValueError("it does not begin as a value does")
    head = _read(pipe, length)
    try:
        return _put_together(json.loads(head), pipe, package)
    except (TypeError, KeyError, AttributeError, ImportError, MemoryError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _read(pipe: BinaryIO | Bounded, length: int) -> bytes:
    content = pipe.read(length)
    if len(content) < length:
        raise EOFError
    return content


def _take_apart(value: Any, arrays: list[Array]) -> JSON:
    """Return the value as JSON, in which anything but plain numbers and texts is {kind: content}; arrays go aside."""
    match value:
        case None | bool() | int() | str():
            return value
        case np.ndarray() | np.generic() if value.dtype.kind in _PLAIN and value.dtype.names is None:
            arrays.append(np.asarray(value))
            return {"array" if isinstance(value, np.ndarray) else "number": [value.dtype.str, list(value.shape)]}
        case float():
            return value
        case bytes():
            arrays.append(np.frombuffer(value, np.uint8))
            return {"bytes": len(value)}
        case Path():
            return {"path": str(value)}
        case Mapping():
            return {"dict": [[_take_apart(thing, arrays) for thing in pair] for pair in value.items()]}
        case list():
            return {"list": [_take_apart(thing, arrays) for thing in value]}
        case tuple() if not hasattr(value, "_fields"):
            return {"tuple": [_take_apart(thing, arrays) for thing in value]}
    kind = type(value)
    names = getattr(kind, "_fields", None) or ([field.name for field in fields(value)] if is_dataclass(value) else None)
    if names is None:
        raise TypeError(
            f"a {kind.__name__} is neither numbers nor text nor an array, nor a tuple or dataclass of those"
        )
    content = {name: _take_apart(getattr(value, name), arrays) for name in names}
    return {"class": [kind.__module__, kind.__qualname__, content]}


def _put_together(tree: JSON, pipe: BinaryIO | Bounded, package: str) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, content),) = tree.items()
    match kind:
        case "array":
            return _array(content, pipe)
        case "number":
            return _array(content, pipe)[()]
        case "bytes":
            return _read(pipe, content)
        case "path":
            return Path(content)
        case "class":
            module, name, given = content
            values = {field: _put_together(thing, pipe, package) for field, thing in given.items()}
            return _class(module, name, package)(**values)
    things = [_put_together(thing, pipe, package) for thing in content] if kind != "dict" else content
    match kind:
        case "dict":
            return {_put_together(key, pipe, package): _put_together(thing, pipe, package) for key, thing in things}
        case "tuple":
            return tuple(things)
        case "list":
            return things
    raise ValueError(f"there is no kind '{kind}'")


def _array(described: JSON, pipe: BinaryIO | Bounded) -> Array:
    dtype, shape = np.dtype(described[0]), tuple(described[1])
    if dtype.kind not in _PLAIN or dtype.names is not None or min(shape, default=0) < 0:
        raise ValueError(f"'{described}' is no array of numbers or texts")
    array = np.empty(shape, dtype)
    if array.size:
        space = array.reshape(-1).view(np.uint8)
        if pipe.readinto(space.data) < space.nbytes:  # type: ignore[union-attr]
            raise EOFError
    return array


def _class(module: str, name: str, package: str) -> type[Any]:
    if module.partition(".")[0] != package.partition(".")[0]:
        raise ValueError(f"'{module}' is not of the encoder's package '{package}'")
    found = getattr(importlib.import_module(module), name)
    if not (isinstance(found, type) and (is_dataclass(found) or hasattr(found, "_fields"))):
        raise ValueError(f"'{name}' of '{module}' holds no fields")
    return found
