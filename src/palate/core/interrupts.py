"""Ctrl-C while the main thread waits for others."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """Have Ctrl-C end a wait of the main thread at once.

    Polars puts its own handler before Python's, and with it the system takes up an interrupted wait again: Python
    would learn of Ctrl-C when the file that a thread decodes, or fetches, is done.
    """
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)
