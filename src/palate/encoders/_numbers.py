"""Reading numbers: from a cell, or from a CSV, JSON, NPY or text file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.encoders._base import BrokenInput, EmptyInput
from palate.interfaces import Raw

LARGEST = 64 << 20
"""Bytes of a file that is read."""
NPY = b"\x93NUMPY"
"""How an NPY file begins."""
HIGHEST = 1e30
"""A number further from 0 is none that anybody measured: it is missing."""
_MISSING = {"", "nan", "null", "none", "na", "n/a", "nat", "-", "?"}
_DECIMAL = re.compile(r"[+-]?\d*,(\d{1,2}|\d{4,})")
"""A number with a decimal comma; three digits after it may as well be thousands."""
Numbers = npt.NDArray[np.float64]


def read_row(raw: Raw) -> Numbers:
    """Return the numbers of a cell or of a file, one after the other; NaN where one is missing or infinite.

    A text holds a JSON list, or numbers between commas, semicolons or blanks; between semicolons or tabs, a comma is a
    decimal one, as in "1,5; 2,5". Of a file with several columns the last is taken, since the first ones tell the time; a
    head line is passed over. Without a head, a single line is the series.

    Shapes:
        float64[n]; n is 0 where there is no number.
    Raises:
        BrokenInput: it holds something else, or cannot be read.
    """
    table, headed = _read(raw) if isinstance(raw, Path) else (_row_of_text(raw), False)
    if table.ndim == 2:
        table = table.ravel() if 1 in table.shape and not headed else table[:, -1]
    return np.where(np.abs(table) <= HIGHEST, table, np.nan)


def read_table(path: Path) -> Numbers:
    """Return the numbers of a file by line and column, NaN where one is missing.

    Shapes:
        float64[lines, columns].
    Raises:
        BrokenInput: there is no such file, it is too large, or it is no table of numbers; EmptyInput: it is empty.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[Numbers, bool]:
    """Return the numbers of a file, and whether they had a head line."""
    content = read_bytes(path)
    if content[:6] == NPY:
        return _array(path), False
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenInput("the file is neither text nor NPY") from error
    if text.lstrip()[:1] == "[":
        found = array_of_json(text)
        return (found[:, None] if found.ndim == 1 else found), False
    return _lines(text)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        BrokenInput: there is none, or too much; EmptyInput: it is empty.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise BrokenInput(f"the file has {size:,} bytes, and at most {LARGEST:,} are read")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BrokenInput("there is no such file") from error
    except OSError as error:
        raise BrokenInput(f"the file cannot be read: {error.strerror}") from error
    if not content.strip():
        raise EmptyInput("the file is empty")
    return content


def number(word: str) -> float:
    """Return a number, NaN for a word that says it is missing; a single comma is a decimal one.

    Raises:
        BrokenInput: it is neither.
    """
    word = word.strip().strip('"')
    try:
        return float(_pointed(word))
    except ValueError:
        if word.lower() in _MISSING:
            return float("nan")
        raise BrokenInput(f"the file or cell holds '{word[:40]}' where a number should be") from None


def _row_of_text(text: str) -> Numbers:
    if text.lstrip()[:1] == "[":
        return array_of_json(text)
    return np.array([number(word) for word in split(text.strip().strip(",;"))], np.float64)


def split(line: str) -> list[str]:
    """Return what stands between semicolons or tabs, where there are some; else between commas; else between blanks."""
    mark = next((mark for mark in ";\t," if mark in line), None)
    return line.split(mark)


def _pointed(word: str) -> str:
    return word.replace(",", ".") if _DECIMAL.fullmatch(word) else word


def _lines(text: str) -> tuple[Numbers, bool]:
    rows = [split(line) for line in text.splitlines() if line.strip()]
    if not rows:
        raise EmptyInput("the file is empty")
    headed = len(rows) > 1 and not any(_is_number(word) for word in rows[0])
    rows = rows[headed:]
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise BrokenInput(f"the lines of the file have from {min(widths)} to {max(widths)} columns")
    dated = 0 if len(rows[0]) == 1 else next((place for place, word in enumerate(rows[0]) if _is_number(word)), 0)
    return np.array([[number(word) for word in row[dated:]] for row in rows], np.float64), headed


def _is_number(word: str) -> bool:
    try:
        float(_pointed(word.strip().strip('"')))
    except ValueError:
        return False
    return True


def array_of_json(text: str) -> Numbers:
    """Return the numbers of a JSON list, or of a list of lists of equal length; NaN for null.

    Raises:
        BrokenInput: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenInput(f"the file or cell begins as a JSON list and is none ({error})") from error
    return _as_numbers(found)


def _as_numbers(found: Sequence[Any]) -> Numbers:
    try:
        array = np.array(found, dtype=np.float64)  # None becomes NaN
    except (TypeError, ValueError, OverflowError) as error:
        raise BrokenInput("the list in the file or cell holds something else than numbers") from error
    if array.ndim not in (1, 2):
        raise BrokenInput(f"the list in the file or cell has {array.ndim} dimensions, and 1 or 2 are read")
    return array


def _array(path: Path) -> Numbers:
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
        if array.dtype.kind not in "biuf" or array.ndim not in (1, 2):
            raise BrokenInput(f"the file holds {array.dtype} with {array.ndim} dimensions: 1 or 2 of numbers are read")
        found = np.array(array, np.float64)
    except (ValueError, OSError, EOFError, OverflowError, MemoryError, TypeError, SyntaxError, TokenError) as error:
        raise BrokenInput(f"the file begins as NPY and cannot be read ({error})") from error
    return found[:, None] if found.ndim == 1 else found
