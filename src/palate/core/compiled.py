"""Loops that numpy cannot say, compiled when they are first called."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from palate.core.weights import cache_folder

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop over arrays with numba on its first call; the machine code is kept in the cache folder.

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

    numba.config.CACHE_DIR = str(cache_folder() / "compiled")
    kept = not function.__code__.co_filename.startswith("<")  # what was typed in has no file to tell its age by
    return numba.njit(nogil=True, cache=kept, fastmath=fastmath)(function)
