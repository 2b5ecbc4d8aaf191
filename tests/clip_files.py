"""Clips that tests make: what moves, when it is cut and what is heard are known."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

RATE = 16_000


def textured(side: int, seed: int, height: int | None = None) -> np.ndarray:
    """A picture with something to see everywhere: uint8[height, side, 3], whose edges fit when it is rolled."""
    rng = np.random.default_rng(seed)
    height = height or side
    small = rng.integers(0, 255, (height // 6, side // 6, 3), dtype=np.uint8)
    tiled = Image.fromarray(np.tile(small, (3, 3, 1))).resize((3 * side, 3 * height), Image.Resampling.BICUBIC)
    return np.asarray(tiled)[height : 2 * height, side : 2 * side]


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    rate: int = 25,
    ticks: Sequence[int] | None = None,
    sound: np.ndarray | None = None,
    codec: str = "libx264",
) -> Path:
    """Write frames uint8[h, w, 3], shown at `ticks` (counted in 1 / rate s), and mono samples at 16 kHz, -1 … 1."""
    import av

    with av.open(str(path), "w") as container:
        track = container.add_stream(codec, rate=rate, options={"threads": "1", "crf": "12", "preset": "ultrafast"})
        if frames:
            track.height, track.width = frames[0].shape[:2]
        track.pix_fmt = "yuv420p"
        heard = None if sound is None else container.add_stream("aac", rate=RATE, layout="mono")
        for number, pixels in zip(range(len(frames)) if ticks is None else ticks, frames, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(track.encode(frame))
        container.mux(track.encode(None))
        if sound is not None:
            for start in range(0, len(sound), 1024):
                samples = (sound[None, start : start + 1024] * 32767).astype(np.int16)
                block = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
                block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
                container.mux(heard.encode(block))
            container.mux(heard.encode(None))
    return path
