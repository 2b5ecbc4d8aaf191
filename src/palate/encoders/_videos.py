"""Watching a video once, from its start to its end: a few frames are kept, or how things move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from palate.encoders._base import BrokenInput
from palate.encoders._cuts import Beginnings, Shown, change, cuts, histogram
from palate.encoders._frames import Bytes, Frame, frames, small, square
from palate.encoders._motion import Look, look

LOOK = 0.1
"""Seconds between two looks, whatever the frame rate."""
APART = 0.25
"""Seconds between two frames that are kept, at least, but for cuts."""


@dataclass(eq=False)
class Watched:
    """The frames that stay of a video, and its cuts.

    Shapes:
        frames: uint8[side, side, 3] each, at `times`, ascending.
    Units:
        seconds on the clock of the container.
    """

    frames: list[Bytes]
    times: list[float]
    cuts: list[float]
    end: float


@dataclass(eq=False)
class Movement:
    """How things move in a video: what each look tells after the first, and the cuts.

    Units:
        seconds on the clock of the container.
    """

    looks: list[Look] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    start: float = 0.0
    end: float = 0.0


@dataclass
class Evenly:
    """Frames spread over all that was seen: the first of each cell of time, which doubles where there are too many.

    So there are from half of `most` up to `most`, but for a video that is too short for so many.
    """

    most: int
    step: float = APART
    _start: float | None = None
    _kept: dict[int, tuple[float, Bytes]] = field(default_factory=dict)
    _last: int = -1

    def wants(self, time: float) -> bool:
        """Tell whether no frame of its cell has been seen."""
        return self._cell(time) > self._last

    def add(self, time: float, frame: Bytes) -> None:
        """Take a frame that is wanted."""
        self._start = time if self._start is None else self._start
        self._last = self._cell(time)
        self._kept[self._last] = (time, frame)
        while len(self._kept) > self.most:
            self.step, self._last = 2 * self.step, self._last // 2
            halved: dict[int, tuple[float, Bytes]] = {}
            for cell, entry in self._kept.items():
                halved.setdefault(cell // 2, entry)
            self._kept = halved

    @property
    def chosen(self) -> list[tuple[float, Bytes]]:
        """The frames with their times, ascending."""
        return list(self._kept.values())

    def _cell(self, time: float) -> int:
        return 0 if self._start is None else int((time - self._start) / self.step + 1e-6)


def watch(path: Path, side: int, most: int, scenes: int, longest: float) -> Watched:
    """Read a video and keep frames spread evenly over it, and besides the first after each cut.

    Args:
        path: the file.
        side: the kept frames are the centre square, scaled down to this side; smaller frames keep their size.
        most: kept frames that are spread evenly.
        scenes: kept frames at cuts, those with the greatest change.
        longest: seconds that are read, from the start.

    Raises:
        BrokenInput: absent, empty, cut off, damaged, too large or no video; EmptyInput where there is sound alone.
        MissingExtraError: the `media` extra is not installed.
    """
    evenly, beginnings, changes, previous, end = Evenly(most), Beginnings(scenes), [], None, None
    for frame, now in _looked(frames(path, longest)):
        end = frame.time
        if evenly.wants(frame.time):
            evenly.add(frame.time, square(frame, side))
        if now is None:
            continue
        if previous is not None:
            changes.append(change(previous, now))
            if beginnings.wants(changes[-1]):
                beginnings.add(changes[-1], square(frame, side))
        previous = now
    if end is None:
        raise BrokenInput("the video has no frame that is whole")
    found = cuts(changes)
    kept = dict(sorted((dict(beginnings.chosen(found)) | dict(evenly.chosen)).items()))
    return Watched(list(kept.values()), list(kept), found, end)


def watch_movement(path: Path, longest: float) -> Movement:
    """Read a video and tell how things move, ten times a second.

    Args:
        path: the file.
        longest: seconds that are read, from the start.

    Raises:
        BrokenInput, MissingExtraError: as `watch` does.
    """
    found, previous, first = Movement(), None, None
    for frame, now in _looked(frames(path, longest)):
        first = frame.time if first is None else first
        found.end = frame.time
        if now is not None:
            if previous is not None:
                found.looks.append(look(previous, now))
            previous = now
    if first is None:
        raise BrokenInput("the video has no frame that is whole")
    found.start, found.cuts = first, cuts([entry.change for entry in found.looks])
    return found


def _looked(given: Iterator[Frame]) -> Iterator[tuple[Frame, Shown | None]]:
    """Give each frame, and what a look at it shows where one is due."""
    last = None
    for frame in given:
        if last is not None and frame.time - last < LOOK - 1e-3:
            yield frame, None
            continue
        last, picture = frame.time, small(frame)
        yield frame, (frame.time, picture, histogram(picture))
