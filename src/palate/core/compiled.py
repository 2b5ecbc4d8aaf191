"""Loops that numpy cannot say, compiled when they are first called."""

from __future__ import annotations

import functools
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from palate.core.weights import cache_folder

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop over arrays with numba on its first call; the machine code is kept in the cache folder.

    Where that folder cannot be written, nothing is kept, and every process compiles for itself.

    The loop lets go of the interpreter lock, so `map_blocks` runs it on several cores. It may use numbers, arrays and
    numpy, and no other function of ours.

    Example:
        >>> @compiled
        ... def total(values):
        ...     result = 0.0
        ...     for value in values:
        ...         result += value
        ...     return result
        >>> import numpy as np
        >>> total(np.array([1.0, 2.0]))
        3.0
    """
    return _later(function, fastmath=False)


def compiled_sums(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop as `compiled` does, with sums added in whatever order lets the processor take several at once.

    A sum over float32 is then several times as fast. The same processor gives the same result each time; another kind
    of processor may round otherwise. NaN and infinity stay what they are.

    Example:
        >>> @compiled_sums
        ... def total(values):
        ...     result = 0.0
        ...     for value in values:
        ...         result += value
        ...     return result
        >>> import numpy as np
        >>> total(np.array([1.0, 2.0]))
        3.0
    """
    return _later(function, fastmath={"reassoc", "contract", "nsz", "arcp"})


def _later(function: Callable[P, R], fastmath: set[str] | bool) -> Callable[P, R]:
    ready: list[Any] = []
    lock = threading.Lock()

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not ready:
            with lock:  # several threads may call first, and one compiles
                if not ready:
                    ready.append(_compile(function, fastmath))
        result: R = ready[0](*args, **kwargs)
        return result

    return call


def _compile(function: Callable[..., Any], fastmath: set[str] | bool) -> Any:
    import numba

    folder = cache_folder() / "compiled"
    numba.config.CACHE_DIR = str(folder)
    typed_in = function.__code__.co_filename.startswith("<")  # there is no file to tell its age by
    compile_ = functools.partial(numba.njit, nogil=True, fastmath=fastmath)
    if typed_in or not _writable(folder):  # numba would look for another place, such as beside the source
        return compile_()(function)
    try:
        return compile_(cache=True)(function)
    except RuntimeError:  # what another user put there cannot be written
        return compile_()(function)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
