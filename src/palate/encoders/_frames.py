"""Decoding a video, one frame in memory at a time, on a clock that only goes forward."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from palate.core.types import Floats
from palate.encoders._base import BrokenInput, EmptyInput
from palate.encoders._containers import opened
from palate.encoders._lengths import check_whole

Bytes = npt.NDArray[np.uint8]
MAX_PIXELS = 40_000_000
"""Larger frames are not decoded; 8K has 33 million."""
SMALL = 96
"""Side of the picture of which differences and movement are told."""
_TOLERATED = 0.05
"""Share of the promised length, and at least half a second, that may be absent before a video counts as cut off."""
_BACK = 1.0
"""Seconds by which a clock that goes back has begun anew; where it is less, the frame is passed over."""


class Frame(NamedTuple):
    """A decoded frame, its time in seconds, and how much wider than high its pixels are."""

    time: float
    shown: Any
    aspect: float


def frames(path: Path, longest: float) -> Iterator[Frame]:
    """Decode whole frames with ascending times; one without a time comes one frame after the last.

    So does one whose clock has begun anew, as in files that were put one behind the other.

    Args:
        path: the file.
        longest: seconds that are read, from the start.

    Raises:
        BrokenInput: absent, empty, cut off, damaged, too large or no video; EmptyInput where there is sound alone.
        MissingExtraError: the `media` extra is not installed.
    """
    with opened(path, "video") as container:
        check_whole(path)
        track = _track(container)
        gap = 1 / float(track.guessed_rate or track.average_rate or 25)
        aspect = float(track.sample_aspect_ratio or 1)
        aspect = aspect if 0.1 <= aspect <= 10 else 1.0  # beyond, it is a mistake
        start, last, shift, lasting = None, None, 0.0, gap
        for frame in container.decode(track):
            _check_size(frame.width, frame.height)
            time = frame.time
            if time is None or (last is not None and time + shift < last - _BACK):
                following = 0.0 if last is None else last + gap
                shift += 0.0 if time is None else following - (time + shift)
                time = following
            else:
                time += shift
            if frame.is_corrupt or (last is not None and time <= last):
                continue
            start, last = time if start is None else start, time
            if time - start >= longest:
                return
            lasting = max(gap, float((frame.duration or 0) * (frame.time_base or 0)))
            yield Frame(time, frame, aspect)
        if last is not None and start is not None and track.duration:
            first = min(start, float((track.start_time or 0) * track.time_base))
            _check_length(last + lasting - first, float(track.duration * track.time_base))


def _track(container: Any) -> Any:
    """Return the first stream of pictures that is no cover, set to decode on one core."""
    import av

    tracks = [track for track in container.streams.video if not track.disposition & av.stream.Disposition.attached_pic]
    if not tracks:
        sound = bool(container.streams.audio)
        raise EmptyInput("there is sound and no picture") if sound else BrokenInput("the file holds no video")
    track = tracks[0]
    _check_size(track.codec_context.width, track.codec_context.height)
    track.thread_type, track.codec_context.thread_count = "NONE", 1
    return track


def _check_length(seconds: float, promised: float) -> None:
    if promised - seconds > max(0.5, _TOLERATED * promised):
        raise BrokenInput(f"the video is cut off after {seconds:.1f} of {promised:.1f} seconds")


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BrokenInput(f"the video is {width} × {height} pixels; at most {MAX_PIXELS:,} in all can be read")


def small(frame: Frame) -> Floats:
    """Return the whole frame, squeezed to 96 × 96: float32[96, 96, 3], 0 … 1."""
    pixels = _rgb(frame.shown, width=SMALL, height=SMALL, interpolation="AREA")
    return np.asarray(_turned(pixels, frame.shown) / np.float32(255), np.float32)


def square(frame: Frame, side: int) -> Bytes:
    """Return the centre square, scaled down to uint8[side, side, 3]; a smaller one keeps its size."""
    pixels = _rgb(frame.shown)
    height, width = pixels.shape[:2]
    edge = min(height, width * frame.aspect)
    left, top = (width - edge / frame.aspect) / 2, (height - edge) / 2
    size = max(1, min(side, round(edge)))
    box = (left, top, left + edge / frame.aspect, top + edge)
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC, box=box)
    return _turned(np.asarray(image), frame.shown)


def _rgb(shown: Any, **asked: Any) -> Bytes:
    """Return the pixels, uint8[height, width, 3]; what is transparent lies on white."""
    clear = any(component.is_alpha for component in shown.format.components)
    pixels: Bytes = shown.reformat(format="rgba" if clear else "rgb24", threads=1, **asked).to_ndarray()
    if not clear:
        return pixels
    share = pixels[..., 3:].astype(np.float32) / 255
    return np.rint(pixels[..., :3] * share + 255 * (1 - share)).astype(np.uint8)


def _turned(pixels: Bytes, shown: Any) -> Bytes:
    """Turn or mirror as the file notes, in steps of a quarter: x' = a x + c y, y' = b x + d y (ISO 14496-12, 6.2.2)."""
    for note in shown.side_data:
        if note.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(bytes(note), np.int32)[:5].tolist()
            if abs(a) + abs(d) < abs(b) + abs(c):
                pixels, a, d = pixels.swapaxes(0, 1), c, b
            return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
    return pixels
