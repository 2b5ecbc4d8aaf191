"""What is wrong with a catalogue: files that are missing, lost, cut short, misnamed, silent or another's, and things listed twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from palate.core.rng import generator
from palate.core.types import Codes, Mask

FAULTS = ("missing", "lost", "truncated", "misnamed", "silent", "mismatched")
"""No path in the table · a path but no file · half a file · the ending of another format · nothing to hear · the file of another item."""
UNREADABLE = ("missing", "lost", "truncated")
"""The faults that leave nothing of a file."""
KEPT = {".jpg": 0.5, ".mp4": 0.5, ".wav": 0.0, ".flac": 0.0}
"""How much of a truncated file is left: half a picture; of a sound not even the header, since players forgive the rest."""


def draw_faults(n_items: int, shares: dict[str, float], column: str, seed: int) -> dict[str, Mask]:
    """Return bool[items] for each fault in one column, of which a share may be named; an item has at most one."""
    order = generator(seed, "faults", column).permutation(n_items)
    ends = np.cumsum([round(shares.get(fault, 0.0) * n_items) for fault in FAULTS])
    starts = np.concatenate([[0], ends[:-1]])
    return {fault: (order >= start) & (order < end) for fault, start, end in zip(FAULTS, starts, ends, strict=True)}


def cut_short(path: Path) -> None:
    """Truncate a file so that no decoder can take it for whole."""
    kept = KEPT[path.suffix]
    content = path.read_bytes()
    path.write_bytes(content[: max(20, int(kept * len(content)))])


def shown_by(mismatched: Mask) -> Codes:
    """Return for each item whose file it has: its own, but for mismatched ones, each of which has that of the one before.

    Example:
        >>> shown_by(np.array([True, False, True, True])).tolist()
        [3, 1, 0, 2]
    """
    shown = np.arange(len(mismatched), dtype=np.int32)
    chosen = np.flatnonzero(mismatched)
    shown[chosen] = np.roll(chosen, 1)
    return shown


def draw_duplicates(n_items: int, share: float, seed: int) -> Codes:
    """Return for each item which one it is a copy of; itself for an original. The copies are the last items."""
    copies = round(share * n_items)
    source = np.arange(n_items, dtype=np.int32)
    if copies:
        source[n_items - copies :] = generator(seed, "duplicates").integers(0, n_items - copies, copies)
    return source
