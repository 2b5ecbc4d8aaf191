"""How much memory a step takes, and how much there is."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import psutil

_MB = 1 << 20


class PeakMemory:
    """Watch the resident size of this process while a block runs.

    Attributes:
        peak_mb: the largest growth over the size at the start, in MiB, after the block.
    """

    def __init__(self, every: float = 0.01) -> None:
        self.every = every
        self.peak_mb = 0.0

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._start = self._process.memory_info().rss
        self._top = self._start
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._top = max(self._top, self._process.memory_info().rss)
        self.peak_mb = (self._top - self._start) / _MB

    def _watch(self) -> None:
        while not self._done.wait(self.every):
            self._top = max(self._top, self._process.memory_info().rss)


def available_mb() -> float:
    """Return the memory that can be had without swapping, in MiB."""
    return float(psutil.virtual_memory().available) / _MB
