"""Views of inputs: made before an encoder decodes them, so that it reads them as any other, and averaged when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from palate.augment import Views
from palate.core.errors import ConfigError
from palate.core.types import Floats, Mask
from palate.encoders._base import Encoder
from palate.encoders._pictures import read_rgb
from palate.encoders._sounds import library, read_sound
from palate.encoders._texts import read_text
from palate.interfaces import Raw

_CHARACTERS = 20_000
"""Of a text that views are made of; no encoder reads more unless it is told to."""
_SIDE = 640
"""Pixels of the shorter side that a view of a picture has at most; more than any encoder looks at."""
_RATE = 48_000
"""Samples a second of a view of a sound."""
_SECONDS = 60.0
"""Of a sound that views are made of, where the encoder does not say how much it reads."""


def raw_views(encoder: Encoder[Any], raw: Raw) -> Iterator[Raw]:
    """Return the further views of an input as inputs of the same kind; a file is gone when the next view is asked for.

    Raises:
        BrokenInput: the input cannot be read.
        ConfigError: its kind of media has no views.
    """
    assert encoder.views is not None
    match encoder.modality:
        case "text":
            yield from _of_text(encoder.views, raw)
        case "image":
            yield from _of_picture(encoder.views, Path(raw))
        case "audio":
            yield from _of_sound(encoder.views, Path(raw), getattr(encoder.config, "max_seconds", _SECONDS))
        case other:
            raise ConfigError(
                f"'{encoder.views.methods[0].name}' makes views of {other}, and the pipeline writes those of text, image and audio: encode "
                "the column without it"
            )


def _of_text(views: Views, raw: Raw) -> Iterator[str]:
    text = read_text(raw, _CHARACTERS)
    if text is not None:
        yield from views.of(text, text)


def _of_picture(views: Views, path: Path) -> Iterator[Path]:
    picture = read_rgb(path, _SIDE)
    scale = _SIDE / min(picture.size)
    if scale < 1:
        picture = picture.resize((round(scale * picture.width), round(scale * picture.height)))
    with TemporaryDirectory(prefix="palate-views-") as folder:
        for view in views.of(picture, picture.tobytes()):
            file = Path(folder) / "view.png"
            view.save(file, compress_level=1)
            yield file


def _of_sound(views: Views, path: Path, seconds: float) -> Iterator[Path]:
    samples = read_sound(path, seconds, _RATE)
    with TemporaryDirectory(prefix="palate-views-") as folder:
        for view in views.of(samples, samples.tobytes()):
            file = Path(folder) / "view.wav"
            library("soundfile").write(file, view, _RATE, subtype="FLOAT")
            yield file


def taught(encoder: Encoder[Any], raw: Sequence[Raw | None]) -> Sequence[Raw | None]:
    """Return what an encoder that learns is fitted on: the inputs, and behind them the further views of each.

    Files are not written for all that; who learns from them has the inputs alone.
    """
    if encoder.views is None or encoder.modality != "text":
        return raw
    return [*raw, *(view for entry in raw if entry is not None for view in raw_views(encoder, entry))]


def encoded(encoder: Encoder[Any], items: Sequence[Any]) -> tuple[Floats, Mask]:
    """Encode decoded inputs; where the encoder has views, each is a tuple of what its views hold, itself first.

    The vector is the mean over the views that have one, at the length of that of the input itself: what has unit length keeps it,
    and words that views lack make nothing fainter.

    Shapes:
        b inputs -> float32[b, dim], bool[b].
    Missing data:
        What has no vector by itself has none by its views either.
    """
    if encoder.views is None:
        return encoder.encode(items)
    seen = [item if item is not None else (None,) for item in items]
    flat = [view for views in seen for view in views]
    some = [encoder.encode(flat[start : start + encoder.batch]) for start in range(0, len(flat), encoder.batch)]
    vectors, there = (np.concatenate(arrays) for arrays in zip(*some, strict=True))
    first = np.cumsum([0, *map(len, seen)])[:-1]
    own, present = vectors[first], there[first]
    total = np.add.reduceat(np.where(there[:, None], vectors, 0).astype(np.float64), first)
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    scale = np.linalg.norm(own, axis=1, keepdims=True) / np.where(lengths > 0, lengths, 1)
    values = np.where(lengths > 0, scale * total, own).astype(np.float32)
    return np.where(present[:, None], values, np.float32(0)), present
