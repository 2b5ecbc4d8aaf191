"""What decoding one file may cost, held by the process that decodes and by its parent."""

from __future__ import annotations

import math
import signal
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What a worker may use.

    Units:
        seconds a file; memory, bytes of address space beyond what it has when it is ready, held on Linux; answer, bytes of
        what it decoded.
    """

    seconds: float
    memory: int | None = None
    answer: int | None = None
    set_by: str = "PALATE_DECODE_SECONDS"
    """What sets the seconds, for the message."""


def hold_memory(most: int | None) -> None:
    """Let this process take so many bytes more than it has, and write no core should it crash."""
    if most is None or not sys.platform.startswith("linux"):
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        has = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + most, has + most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def hold_time(seconds: float) -> None:
    """End this process after so many seconds, even if a library lets no Python run; 0 takes that back."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def hold_work(seconds: float) -> None:
    """End this process after so many seconds of a processor from now on; 0 takes that back."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = hard if not seconds else math.ceil(time.process_time() + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
