"""Arrays that are dear to make and cheap to keep, in the cache folder, by a fingerprint of all they were made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from palate.core.errors import StoreError
from palate.core.state import State
from palate.core.weights import cache_folder

LIMIT_MB = 1024
"""A room of the cache may take so many MiB; then what was not asked for the longest goes."""


def kept(room: str, key: str, make: Callable[[], State]) -> State:
    """Return the arrays of that key, made where the cache has no sound copy.

    A cache that cannot be written is none: what was made is returned all the same.

    Args:
        room: a folder of the cache.
        key: fingerprint of everything that goes into the arrays, what makes them included.
        make: makes them.
    """
    folder = cache_folder() / room
    try:
        state = State.load(folder, key)
        if state.meta.get("fingerprint") == State(state.arrays).fingerprint:
            os.utime(folder / f"{key}.safetensors")
            return state
    except (StoreError, OSError):
        pass  # not there, damaged, or taken away by another process: it is made below
    made = make()
    with suppress(StoreError, OSError):
        State(made.arrays, {"fingerprint": State(made.arrays).fingerprint}).save(folder, key)
        _thin(folder)
    return made


def _thin(folder: Path) -> None:
    """Take away what was not asked for the longest, until the rest is within the limit."""
    files = sorted(folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > LIMIT_MB << 20:
            file.unlink(missing_ok=True)
            file.with_suffix(".json").unlink(missing_ok=True)
