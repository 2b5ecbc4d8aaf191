"""Videos by their frames and, where asked, their sound."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import ConfigError
from palate.core.types import JSON, Floats
from palate.core.weights import WeightSource
from palate.encoders import named
from palate.encoders._base import BrokenInput, EmptyInput, Encoder
from palate.encoders._pooling import Pooling, pool, pooled_width
from palate.encoders._videos import watch
from palate.interfaces import Raw


class VideoConfig(Config):
    """Settings of `video`."""

    image: str = "efficientnet-lite0"
    """The encoder of the frames: any that reads pictures, by name or as hf:org/name."""
    pooling: Pooling = "mean"
    """How frames become one vector: mean, attention, convolution or recurrent; the last two are random features."""
    frames: int = Field(default=16, ge=1, le=256)
    """Frames at most that are spread evenly over the video; no two are closer than a quarter of a second."""
    scenes: int = Field(default=8, ge=0, le=256)
    """Frames that are taken besides, just after a cut, at most."""
    side: int = Field(default=256, ge=16, le=1024)
    """Pixels a side of the centre square of a frame that the image encoder is given."""
    sound: str | None = None
    """An encoder of sounds, whose vector, at length 1, is added to the same row; else sound is a part of its own."""
    max_seconds: float = Field(default=60.0, gt=0)
    """How much of a video is read, from its start."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A decoded video: what the image encoder read of each frame, when that was, and the sound."""

    frames: tuple[Any, ...]
    times: npt.NDArray[np.float64]
    sound: Any


class Video(Encoder[VideoConfig]):
    """Frames all over the video and at cuts through an image encoder, pooled over time.

    Cuts: a change of pixels and colour histogram against the looks before and after (Boreczky and Rowe 1996). How things
    move is told by `motion`, as a part of its own.
    """

    name = "video"
    modality = "video"
    config_type = VideoConfig
    version = 2
    batch = 4
    beside: ClassVar[Mapping[str, str]] = {"motion": "motion"}

    @cached_property
    def _image(self) -> Encoder[Any]:
        return _component(self.config.image, "image")

    @cached_property
    def _sound(self) -> Encoder[Any] | None:
        return None if self.config.sound is None else _component(self.config.sound, "audio")

    @property
    def dim(self) -> int:
        """The pooled frames, and the sound if it was asked for."""
        return pooled_width(self.config.pooling, self._image.dim) + (self._sound.dim if self._sound else 0)

    def _weights(self) -> JSON:
        return [self._image.fingerprint, self._sound.fingerprint if self._sound else None]

    def sources(self) -> tuple[WeightSource, ...]:
        """Return the pretrained files of the encoders of frames and sound."""
        return self._image.sources() + (self._sound.sources() if self._sound else ())

    def prepare(self) -> None:
        """Load the encoders of frames and sound.

        Raises:
            MissingExtraError: the `media` extra is not installed.
        """
        self._image.prepare()
        if self._sound is not None:
            self._sound.prepare()

    def decode(self, raw: Raw) -> Clip:
        """Return what is kept of a video; a video without sound is missing where the sound was asked for."""
        asked = self.config
        seen = watch(Path(raw), asked.side, asked.frames, asked.scenes, asked.max_seconds)
        sound = None if self._sound is None else self._sound.decode(raw)
        if self._sound is not None and sound is None:
            raise EmptyInput("the sound holds nothing that its encoder can use")
        with tempfile.TemporaryDirectory(prefix="palate-") as folder:  # image encoders read files
            frames = tuple(self._frame(Path(folder) / "frame.bmp", pixels) for pixels in seen.frames)
        return Clip(frames, np.array(seen.times), sound)

    def _frame(self, path: Path, pixels: npt.NDArray[np.uint8]) -> Any:
        Image.fromarray(pixels).save(path)
        try:
            return self._image.decode(path)
        except BrokenInput:  # this frame has nothing for that encoder; others may
            return None

    def _encode(self, batch: Sequence[Clip]) -> Floats:
        every = [frame for clip in batch for frame in clip.frames]
        some = self._image.batch
        parts = [self._image.encode(every[start : start + some]) for start in range(0, len(every), some)]
        values, present = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
        borders = np.cumsum([len(clip.frames) for clip in batch])[:-1]
        sounds = self._sounds(batch)
        rows = []
        for place, (clip, mine, there) in enumerate(
            zip(batch, np.split(values, borders), np.split(present, borders), strict=True)
        ):
            blocks = [np.full(pooled_width(self.config.pooling, self._image.dim), np.nan, np.float32)]
            if there.any():
                blocks = [pool(self.config.pooling, mine[there], clip.times[there])]
            rows.append(np.concatenate(blocks if sounds is None else [*blocks, sounds[place]]))
        return np.stack(rows)

    def _sounds(self, batch: Sequence[Clip]) -> Floats | None:
        """Return the vectors of the sounds at length 1; NaN where there is none."""
        if self._sound is None:
            return None
        values, present = self._sound.encode([clip.sound for clip in batch])
        lengths = np.linalg.norm(values, axis=1, keepdims=True)
        good = present[:, None] & (lengths > 0)
        return np.where(good, values / np.where(good, lengths, 1), np.nan).astype(np.float32)


def _component(choice: str, modality: str) -> Encoder[Any]:
    made = named(choice, modality)
    if made.modality != modality or made.learns:
        what = f"reads {made.modality}" if made.modality != modality else "learns from a whole catalogue"
        raise ConfigError(
            f"'{choice}' {what}: an encoder of {modality} that is ready to use is needed ('palate encoders' lists them)"
        )
    return made
