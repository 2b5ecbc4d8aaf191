"""Reading point clouds: XYZ, CSV, NPY and JSON tables, OBJ, OFF and PLY files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from palate.encoders._base import BrokenInput, EmptyInput
from palate.encoders._numbers import HIGHEST, NPY, Numbers, array_of_json, number, read_bytes, read_table, split
from palate.interfaces import Raw

MOST = 5_000_000
"""Points of a file that are read."""
_VERTEX = re.compile(rb"^v[ \t]+[-+.\d]", re.MULTILINE)
"""A line of an OBJ file."""
_PLY_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4", "double": "f8",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8",
}  # fmt: skip


def read_points(raw: Raw) -> Numbers:
    """Return the points of a file, or of a cell that holds a JSON list of them; those with a missing coordinate are left out.

    The first three columns of a table are x, y and z, unless its head names them elsewhere; of OBJ, OFF and PLY the
    vertices are taken, and faces are not looked at.

    Shapes:
        float64[n, 3].
    Raises:
        BrokenInput: it holds no points, or cannot be read; EmptyInput: the file is empty, or no point is whole.
    """
    table = _of_file(raw) if isinstance(raw, Path) else array_of_json(raw)
    if table.ndim != 2 or table.shape[1] < 3:
        raise BrokenInput("the file or cell holds no points: three columns are wanted, x, y and z")
    points = table[:, :3]
    whole = points[(np.abs(points) <= HIGHEST).all(axis=1)]
    if not len(whole):
        raise EmptyInput("no point in the file or cell has three coordinates")
    return whole


def _of_file(path: Path) -> Numbers:
    content = read_bytes(path)
    if content[:3].lower() == b"ply":
        return _ply(content)
    if content[:40].lstrip()[:3].upper() == b"OFF":
        return _off(content)
    if content[:6] != NPY:
        if _VERTEX.search(content):
            return _obj(content)
        if places := _places(content):
            return _named(content, places)
    return read_table(path)


def _obj(content: bytes) -> Numbers:
    lines = [words for line in content.decode("ascii", "replace").splitlines() if (words := line.split())]
    rows = [words for words in lines if words[0] == "v"]
    return _coordinates(rows, len(rows), (1, 2, 3))


def _places(content: bytes) -> tuple[int, int, int] | None:
    """Return which columns the head of a table calls x, y and z; None where there is no such head."""
    head = content.lstrip()[:1000].decode("utf-8-sig", "replace").partition("\n")[0]
    names = [word.strip().strip('"').lower() for word in split(head.lstrip("# "))]
    return (names.index("x"), names.index("y"), names.index("z")) if {"x", "y", "z"} <= set(names) else None


def _named(content: bytes, places: tuple[int, int, int]) -> Numbers:
    lines = content.decode("utf-8-sig", "replace").splitlines()
    rows = [split(line) for line in lines if line.strip()][1:]
    return _coordinates(rows, len(rows), places)


def _off(content: bytes) -> Numbers:
    lines = content.decode("ascii", "replace").split("\n")
    rows = [words for line in lines if (words := line.partition("#")[0].split())]
    rows[0] = rows[0][1:] if rows[0][0].upper() == "OFF" else [rows[0][0][3:], *rows[0][1:]]
    counts, *rest = rows if rows[0] else rows[1:] or [[]]
    count = _count(counts[0] if counts else "", "OFF")
    return _coordinates(rest[:count], count, (0, 1, 2))


def _ply(content: bytes) -> Numbers:
    head, end, body = content.partition(b"end_header")
    lines = [line.split() for line in head.decode("ascii", "replace").splitlines()]
    kind = next((line[1] for line in lines if line[:1] == ["format"] and len(line) > 1), "")
    elements = [place for place, line in enumerate(lines) if line[:1] == ["element"]]
    if not end or not elements or len(lines[elements[0]]) < 3 or lines[elements[0]][1] != "vertex":
        raise BrokenInput("the head of the PLY file is cut, or does not begin with its vertices")
    count = _count(lines[elements[0]][2], "PLY")
    last = elements[1] if len(elements) > 1 else len(lines)
    properties = [line[1:] for line in lines[elements[0] : last] if line[:1] == ["property"]]
    if any(len(told) != 2 or told[0] not in _PLY_TYPES for told in properties):
        raise BrokenInput("the vertices of the PLY file have properties that are no plain numbers")
    names = [name for _, name in properties]
    if not {"x", "y", "z"} <= set(names) or len(set(names)) < len(names):
        raise BrokenInput(
            f"the vertices of the PLY file have no x, y and z of their own: they have {', '.join(names) or 'nothing'}"[
                :200
            ]
        )
    body = body[2:] if body[:2] == b"\r\n" else body[1:]
    if kind == "ascii":
        rows = [line.split() for line in body.decode("ascii", "replace").split("\n", count)[:count]]
        return _coordinates(rows, count, (names.index("x"), names.index("y"), names.index("z")))
    if kind not in ("binary_little_endian", "binary_big_endian"):
        raise BrokenInput(
            f"the PLY file has the format '{kind[:40]}': ascii, binary_little_endian and binary_big_endian are read"
        )
    order = "<" if kind == "binary_little_endian" else ">"
    vertex = np.dtype([(name, order + _PLY_TYPES[told]) for told, name in properties])
    if len(body) < count * vertex.itemsize:
        raise BrokenInput(
            f"the PLY file is cut: it tells of {count:,} vertices and holds {len(body) // vertex.itemsize:,}"
        )
    found = np.frombuffer(body, vertex, count)
    return np.stack([found[axis].astype(np.float64) for axis in "xyz"], axis=1)


def _count(word: str, kind: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 10 and int(word) <= MOST):
        raise BrokenInput(f"the {kind} file tells '{word[:20]}' as its number of points: from 0 to {MOST:,} are read")
    return int(word)


def _coordinates(rows: list[list[str]], count: int, places: tuple[int, int, int]) -> Numbers:
    if len(rows) < count or any(len(row) <= max(places) for row in rows):
        raise BrokenInput(f"the file is cut: it tells of {count:,} points and does not hold three coordinates for each")
    return np.array([[number(row[place]) for place in places] for row in rows], np.float64).reshape(-1, 3)
