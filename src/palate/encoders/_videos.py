"""Watching a video once, from its start to its end: a few frames are kept, and numbers ten times a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from palate.core.types import Floats
from palate.encoders._base import BrokenInput, EmptyInput
from palate.encoders._containers import opened
from palate.encoders._cuts import Beginnings, cuts
from palate.encoders._lengths import check_whole
from palate.encoders._motion import Look, histogram, look

Bytes = npt.NDArray[np.uint8]
LOOK = 0.1
"""Seconds between two looks, whatever the frame rate."""
MAX_PIXELS = 40_000_000
"""Larger frames are not decoded; 8K has 33 million."""
_TOLERATED = 0.05
"""Share of the promised length, and at least half a second, that may be absent before a video counts as cut off."""


class Frame(NamedTuple):
    """A decoded frame, its time in seconds, and how much wider than high its pixels are."""

    time: float
    shown: Any
    aspect: float


@dataclass(eq=False)
class Watched:
    """What stays of a video.

    Shapes:
        frames: uint8[side, side, 3] each, at `times`, ascending; looks: numbers of each look after the first.
    Units:
        seconds on the clock of the container.
    """

    frames: list[Bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    end: float = 0.0


def watch(path: Path, side: int, most: int, every: float, scenes: int, longest: float) -> Watched:
    """Read a video, one frame in memory at a time.

    A frame is kept `every` seconds; where that would be more than `most`, twice as seldom, and so on. Besides, the
    first frame after a cut is kept, for at most `scenes` cuts. Turns noted in the file are applied.

    Args:
        path: the file.
        side: the kept frames are the centre square, scaled down to this side; smaller frames keep their size.
        most: kept frames of the regular grid.
        every: seconds between two of them, if there are not too many.
        scenes: kept frames at cuts.
        longest: seconds that are read, from the start.

    Raises:
        BrokenInput: absent, empty, cut off, damaged, too large or no video; EmptyInput where there is sound alone.
        MissingExtraError: the `media` extra is not installed.
    """
    found = Watched()
    regular: list[tuple[float, Bytes]] = []
    beginnings = Beginnings(scenes)
    step, start, previous = every, None, None
    for frame in _frames(path, longest):
        time = frame.time
        start = time if start is None else start
        found.end = time
        due = time - start >= (len(regular) * step) - 1e-6
        looked = previous is None or time - previous[0] >= LOOK - 1e-3
        if not (due or looked):
            continue
        if looked:
            small = _small(frame.shown)
            now = (time, small, histogram(small))
            if previous is not None:
                found.looks.append(look(previous, now))
                if beginnings.wants(found.looks[-1]):
                    beginnings.add(found.looks[-1], _square(frame, side))
            previous = now
        if due:
            regular.append((time, _square(frame, side)))
            if len(regular) > most:
                regular, step = regular[::2], 2 * step
    if start is None:
        raise BrokenInput("the video has no frame")
    found.cuts = cuts(found.looks)
    kept = dict(beginnings.chosen(found.cuts)) | dict(regular)
    found.times = sorted(kept)
    found.frames = [kept[time] for time in found.times]
    return found


def _frames(path: Path, longest: float) -> Iterator[Frame]:
    """Decode frames with ascending times; one without a time comes one frame after the last."""
    import av

    with opened(path, "video") as container:
        check_whole(path)
        tracks = [
            track for track in container.streams.video if not track.disposition & av.stream.Disposition.attached_pic
        ]
        if not tracks:
            sound = bool(container.streams.audio)
            raise EmptyInput("there is sound and no picture") if sound else BrokenInput("the file holds no video")
        track = tracks[0]
        _check_size(track.codec_context.width, track.codec_context.height)
        track.thread_type, track.codec_context.thread_count = "NONE", 1
        aspect = float(track.sample_aspect_ratio or 1)
        aspect = aspect if 0.1 <= aspect <= 10 else 1.0  # beyond, it is a mistake
        gap = 1 / float(track.guessed_rate or track.average_rate or 25)
        start, last, whole = None, None, True
        for frame in container.decode(track):
            _check_size(frame.width, frame.height)
            time = frame.time if frame.time is not None else (0.0 if last is None else last + gap)
            if last is not None and time <= last:
                continue
            start, last = time if start is None else start, time
            if time - start >= longest:
                whole = False
                break
            yield Frame(time, frame, aspect)
        if whole and last is not None and track.duration:
            first = float((track.start_time or 0) * track.time_base)
            _check_length(last + gap - first, float(track.duration * track.time_base))


def _check_length(seconds: float, promised: float) -> None:
    if promised - seconds > max(0.5, _TOLERATED * promised):
        raise BrokenInput(f"the video is cut off after {seconds:.1f} of {promised:.1f} seconds")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BrokenInput(f"the video is {width} × {height} pixels; at most {MAX_PIXELS:,} in all can be read")


def _small(frame: Any) -> Floats:
    """Return the whole frame, squeezed to 96 × 96: float32[96, 96, 3], 0 … 1."""
    pixels = frame.reformat(width=96, height=96, format="rgb24", interpolation="AREA", threads=1).to_ndarray()
    return np.asarray(_turned(pixels, frame) / np.float32(255), np.float32)


def _square(frame: Frame, side: int) -> Bytes:
    pixels = frame.shown.reformat(format="rgb24", threads=1).to_ndarray()
    height, width = pixels.shape[:2]
    edge = min(height, width * frame.aspect)
    left, top = (width - edge / frame.aspect) / 2, (height - edge) / 2
    size = max(1, min(side, round(edge)))
    box = (left, top, left + edge / frame.aspect, top + edge)
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC, box=box)
    return _turned(np.asarray(image), frame.shown)


def _turned(pixels: Bytes, frame: Any) -> Bytes:
    """Apply the turn that the file notes, in steps of a quarter."""
    return np.ascontiguousarray(np.rot90(pixels, round((getattr(frame, "rotation", 0) or 0) / 90) % 4))
