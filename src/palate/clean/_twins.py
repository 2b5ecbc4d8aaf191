"""Things that are held out and have a twin in training: the same words, the same file, the same vectors."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

import numpy as np

from palate.clean._problem import Problem, problem
from palate.core.errors import DataError
from palate.core.types import Codes, Mask
from palate.data.catalogue import MEDIA_TYPES, Catalogue
from palate.data.dataset import Dataset

_MOST_OF_A_KIND = 10
"""Where more items than this have equal vectors, the vectors tell a kind and not an item."""


def of_held_out(data: Dataset, held_out: Codes, trained: Mask, media: bool) -> list[Problem]:
    """Find held-out items that have a twin among the trained ones, by text, by file, or by vectors where there is neither.

    Shapes:
        held_out: int32[m]; trained: bool[items].
    """
    table = data.catalogue
    found = _twins(data, held_out, trained, _words(table), "", "reads the same")
    for column in table.of_type(*MEDIA_TYPES) if media else []:
        found += _twins(data, held_out, trained, _files(table, column), column, f"has the same {column}")
    if not table.of_type("text", *MEDIA_TYPES):
        found += _twins(data, held_out, trained, _vectors(data), "", "has the same vectors")
    return found


def _twins(
    data: Dataset, held_out: Codes, trained: Mask, key_of: Callable[[int], Hashable | None], column: str, how: str
) -> list[Problem]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for code in np.flatnonzero(trained).tolist():
        key = key_of(code)
        if key is not None:
            groups[key].append(code)
    pairs = [(int(code), groups.get(key_of(int(code)), [])) for code in held_out]
    pairs = [(code, twins) for code, twins in pairs if twins]
    ids = data.items.ids
    details = [f"{ids[code]}, as {ids[twins[0]]}" for code, twins in pairs]
    what = f"{{n}} of {len(held_out):,} held-out items have a twin in training that {how}"
    return problem("split-twins", what, [ids[code] for code, _ in pairs], column or None, details=details)


def _words(table: Catalogue) -> Callable[[int], Hashable | None]:
    """Return what tells an item's texts, whatever their case, spaces and punctuation; None where it has none."""
    columns = [table.table[name].to_list() for name in table.of_type("text")]

    def key(code: int) -> Hashable | None:
        told = tuple(plain_words(values[code]) for values in columns)
        return told if any(told) else None

    return key


def plain_words(text: str | None) -> str:
    """Return the letters and digits of a text, in small letters and one width."""
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def _files(table: Catalogue, column: str) -> Callable[[int], Hashable | None]:
    """Return what tells an item's file; only files of equal size are read."""
    paths = {code: table.media_path(code, column) for code in range(len(table))}
    sizes = {code: path.stat().st_size for code, path in paths.items() if path is not None and path.is_file()}
    alike = _more_than_once(sizes.values())

    def key(code: int) -> Hashable | None:
        path = paths[code]
        if path is None or sizes.get(code, 0) not in alike or not sizes[code]:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()

    return key


def _vectors(data: Dataset) -> Callable[[int], Hashable | None]:
    """Return what tells the vectors of an item in all parts; None where many items have the same."""
    try:
        parts = data.item_parts()
    except DataError:
        return lambda code: None
    keys: list[Hashable | None] = []
    for code in range(len(data.items)):
        rows = [table.values[code].tobytes() if table.present[code] else b"" for table in parts.values()]
        keys.append(hashlib.blake2b(b"\x1f".join(rows), digest_size=16).digest() if any(rows) else None)
    counts: dict[Hashable, int] = defaultdict(int)
    for each in keys:
        counts[each] += 1
    return lambda code: keys[code] if counts[keys[code]] <= _MOST_OF_A_KIND else None


def _more_than_once(values: Iterable[int]) -> set[int]:
    once: set[int] = set()
    again: set[int] = set()
    for value in values:
        (again if value in once else once).add(value)
    return again
