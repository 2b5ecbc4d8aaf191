"""One progress interface: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")
Advance = Callable[[int], None]
_BRIEF = 1.0
"""Seconds under which a bar vanishes when it is done."""
_WIDE = 100
"""Columns of a terminal from which on there is room for a long bar and the time that has passed."""
_ROUND = 10
"""Steps a second from which on their fractions say nothing."""
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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(stderr=True)
    wide = console.width >= _WIDE
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=24 if wide else 8),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[pace]}", table_column=Column(no_wrap=True)),
        *([TimeElapsedColumn()] if wide else []),
    )
    began = time.monotonic()
    with Progress(*columns, console=console, transient=False) as bar:
        task = bar.add_task(label, total=total, pace="")

        def advance(steps: int = 1) -> None:
            bar.advance(task, steps)
            now = bar.tasks[task]
            # rich looks at the last 30 seconds, in which a slow step may not have ended
            speed = now.speed or now.completed / max(time.monotonic() - began, 1e-9)
            bar.update(task, pace=_pace(speed, unit, None if total is None else total - now.completed))

        _drawn.set(True)
        try:
            yield advance
        finally:
            _drawn.set(False)
        # What took no time leaves no line behind.
        bar.live.transient = time.monotonic() - began < _BRIEF


def _pace(speed: float, unit: str, left: float | None) -> str:
    """Return steps a second and the time that is left, as in `1,240 items/s, 0:03:10 left`."""
    words = []
    if speed > 0 and unit:
        digits = ",.0f" if speed >= _ROUND else ".1f" if speed >= 1 else ".2g"
        words.append(f"{speed:{digits}} {unit}/s")
    if speed > 0 and left is not None:
        words.append(f"{timedelta(seconds=math.ceil(left / speed))} left")
    return ", ".join(words)


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
