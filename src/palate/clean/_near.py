"""Items that are another one once more, slightly changed: nearly the same in all that both have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from palate.clean import _fingerprints
from palate.clean._alike import MOST_OF_A_KIND, Bits, Pairs, alike, common
from palate.clean._problem import Problem, problem
from palate.clean._twins import plain_words
from palate.core.cores import cores
from palate.core.errors import missing_extra
from palate.core.progress import track
from palate.core.types import Codes, Mask
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset

_SHINGLE = 3
"""Letters and digits of a text that are taken together."""
_SHARED = 0.85
"""Share of the shingles of two texts that both have from which on they are nearly the same."""
_ROUGHLY = 0.7
"""Share that is estimated first; pairs below it are not looked at."""


@dataclass(frozen=True, eq=False)
class Near:
    """The groups of items that are nearly the same.

    Shapes:
        group: int32[items], the same number for each item of a group.
    """

    group: Codes
    compared: tuple[str, ...]
    """The columns by which."""

    def kept(self, data: Dataset) -> Codes:
        """Return for each item the one of its group that stays: with the most interactions, of equal ones the first.

        Shapes:
            -> int32[items].
        """
        met = np.bincount(data.interactions.item, minlength=len(data.items))
        order = np.lexsort((np.arange(len(met)), -met, self.group))
        first = np.flatnonzero(np.diff(self.group[order], prepend=-1) != 0)
        stays = np.empty(int(self.group.max(initial=-1)) + 1, dtype=np.int32)
        stays[self.group[order[first]]] = order[first]
        return stays[self.group]


def near_duplicates(data: Dataset, media: bool = True) -> Near:
    """Group the items that are nearly the same in each column of text, pictures and sounds that both have, and have one.

    All texts together count as one column: by MinHash (Broder 1997; datasketch), then by the share of their shingles. Text
    and files that more than ten items have in common tell nothing.

    Raises:
        MissingExtraError: there are pictures or sounds, and the library that compares them is not installed.
    """
    table = data.catalogue
    pairs: dict[str, Pairs] = {}
    there: dict[str, Mask] = {}
    texts = _texts(table)
    there["text"] = np.array([bool(text) for text in texts], dtype=bool)
    pairs["text"] = _near_texts(texts)
    for column in table.of_type("image", "audio") if media else []:
        bits, there[column] = _bits(table, column)
        apart = _fingerprints.PICTURE_APART if table.types[column] == "image" else _fingerprints.SOUND_APART
        pairs[column] = alike(bits, there[column], apart)
    n = len(data.items)
    keys = {name: found[:, 0] * n + found[:, 1] for name, found in pairs.items()}
    every = np.unique(np.concatenate(list(keys.values())))
    first, second = every // max(n, 1), every % max(n, 1)
    same = np.ones(len(every), dtype=bool)
    for name, mask in there.items():
        same &= np.isin(every, keys[name]) | ~(mask[first] & mask[second])
    graph = sp.coo_array((np.ones(int(same.sum())), (first[same], second[same])), shape=(n, n))
    _, group = sp.csgraph.connected_components(graph, directed=False)
    return Near(group.astype(np.int32), tuple(name for name, mask in there.items() if mask.any()))


def of_near_duplicates(data: Dataset, media: bool = True) -> list[Problem]:
    """Tell which items are nearly the same as another, and which that is.

    Raises:
        MissingExtraError: as `near_duplicates`.
    """
    near = near_duplicates(data, media)
    stays = near.kept(data)
    copies = np.flatnonzero(stays != np.arange(len(stays)))
    ids = data.items.decode(copies)
    details = [f"{copy}, as {other}" for copy, other in zip(ids, data.items.decode(stays[copies]), strict=True)]
    what = f"{{n}} items are nearly the same as another, by {', '.join(near.compared)}"
    return problem("near-duplicates", what, ids, details=details)


def _texts(table: Catalogue) -> list[str]:
    columns = [table.table[name].to_list() for name in table.of_type("text")]
    texts = [" ".join(filter(None, map(plain_words, row))) for row in zip(*columns, strict=True)]
    times = Counter(texts)
    return [text if times[text] <= MOST_OF_A_KIND else "" for text in texts] if columns else [""] * len(table)


def _near_texts(texts: list[str]) -> Pairs:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=_ROUGHLY, num_perm=128)
    shingles = [_shingles(text) for text in texts]
    found: list[tuple[int, int]] = []
    for row, parts in enumerate(track(shingles, "comparing texts", len(texts), "texts")):
        if not parts:
            continue
        sketch = MinHash(num_perm=128)
        sketch.update_batch([part.encode() for part in parts])
        alike_ones = (other for other in index.query(sketch) if _shared(parts, shingles[other]) >= _SHARED)
        found += [(other, row) for other in alike_ones]
        index.insert(row, sketch, check_duplication=False)
    return np.array(sorted(found), dtype=np.int64).reshape(-1, 2)


def _shingles(text: str) -> set[str]:
    return {text[at : at + _SHINGLE] for at in range(max(len(text) - _SHINGLE + 1, 1))} if text else set()


def _shared(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other)


def _bits(table: Catalogue, column: str) -> tuple[Bits, Mask]:
    """Return the fingerprint of each row's file, uint8[n, b], and which rows have one that tells something."""
    picture = table.types[column] == "image"
    look = _looker(picture)
    paths = [table.media_path(code, column) for code in range(len(table))]
    bits = np.zeros((len(paths), _fingerprints.PICTURE if picture else _fingerprints.SOUND), dtype=np.uint8)
    present = np.zeros(len(paths), dtype=bool)
    with ThreadPoolExecutor(cores()) as workers:
        marks = workers.map(lambda path: None if path is None or not path.is_file() else look(path), paths)
        for row, mark in enumerate(track(marks, f"comparing {column}", len(paths), "files")):
            if mark is not None:
                bits[row], present[row] = mark, True
    return bits, present & ~common(bits, present)


def _looker(picture: bool) -> Callable[[Path], Bits | None]:
    library = "imagehash" if picture else "soundfile"
    try:
        __import__(library)
    except ImportError as error:
        raise missing_extra(library, "media", f"comparing {'pictures' if picture else 'sounds'}") from error
    return _fingerprints.of_picture if picture else _fingerprints.of_sound
