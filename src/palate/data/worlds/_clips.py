"""Short MP4 clips: frames, and a sound underneath."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from palate.core.errors import missing_extra
from palate.core.types import Floats
from palate.data.worlds._sounds import RATE, as_pcm

FRAMES = 8
"""Frames a second."""


def write_clip(path: Path, frames: list[Image.Image], sound: Floats | None) -> None:
    """Write frames (even width and height) as H.264 and a mono sound, if any, as AAC; the same input gives the same bytes.

    Raises:
        MissingExtraError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise missing_extra("av", "media", "writing clips") from error
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        # Without cpu-independent, x264 may choose otherwise from run to run when several clips are written at a time.
        picture = container.add_stream(
            "libx264",
            rate=FRAMES,
            options={"threads": "1", "preset": "veryfast", "crf": "26", "x264-params": "cpu-independent=1"},
        )
        picture.width, picture.height = frames[0].size
        picture.pix_fmt = "yuv420p"
        picture.codec_context.flags |= av.codec.context.Flags.bitexact
        track = None if sound is None else container.add_stream("aac", rate=RATE, layout="mono")
        if track is not None:
            track.codec_context.flags |= av.codec.context.Flags.bitexact
        for number, frame in enumerate(frames):
            shown = av.VideoFrame.from_ndarray(np.asarray(frame), format="rgb24")
            shown.pts, shown.time_base = number, Fraction(1, FRAMES)
            container.mux(picture.encode(shown))
        container.mux(picture.encode(None))
        if track is not None and sound is not None:
            for start in range(0, len(sound), 1024):
                block = av.AudioFrame.from_ndarray(
                    as_pcm(sound[start : start + 1024])[None], format="s16", layout="mono"
                )
                block.sample_rate, block.pts, block.time_base = RATE, start, Fraction(1, RATE)
                container.mux(track.encode(block))
            container.mux(track.encode(None))
