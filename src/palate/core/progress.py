"""One progress interface: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
Advance = Callable[[int], None]
_BRIEF = 1.0
"""Seconds under which a bar vanishes when it is done."""
_drawn: ContextVar[bool] = ContextVar("_drawn", default=False)
"""Whether a bar is on the screen already."""


def enabled() -> bool:
    """Tell whether bars are drawn: standard error is a terminal and PALATE_PROGRESS is not 'off' ('on' forces them)."""
    setting = os.environ.get("PALATE_PROGRESS", "auto")
    return setting == "on" or (setting == "auto" and sys.stderr.isatty())


@contextmanager
def progress(label: str | None, total: int | None = None, unit: str = "") -> Iterator[Advance]:
    """Show a bar while the block runs; the yielded function moves it forward by a number of steps.

    Of bars one inside another only the outermost is shown.

    Args:
        label: what is being done, in a few words; None shows no bar.
        total: how many steps there are; None shows a pulse.
        unit: what one step is, shown beside the rate ("items").
    """
    if label is None or _drawn.get() or not enabled():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task(label, total=total, rate="")

        def advance(steps: int = 1) -> None:
            bar.advance(task, steps)
            speed = bar.tasks[task].speed
            bar.update(task, rate=f"{speed:,.0f} {unit}/s" if speed and unit else "")

        _drawn.set(True)
        try:
            yield advance
        finally:
            _drawn.set(False)
        # What took no time leaves no line behind.
        bar.live.transient = time.monotonic() - began < _BRIEF


def _silent(steps: int) -> None:
    """Draw nothing."""


def track(items: Iterable[T], label: str, total: int | None = None, unit: str = "") -> Iterator[T]:
    """Yield from `items` under a progress bar.

    Example:
        >>> list(track([1, 2], "counting"))
        [1, 2]
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress(label, total, unit) as advance:
        for item in items:
            yield item
            advance(1)
