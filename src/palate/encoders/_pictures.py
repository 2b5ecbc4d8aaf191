"""Reading pictures: any common kind, whatever its name says, to RGB, whole or a square of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from palate.data.media import MAX_PIXELS, MAX_SIDE, picture_kinds
from palate.encoders._base import BrokenInput

T = TypeVar("T")
_BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, struct.error, zlib.error,
)  # fmt: skip
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_ORIENTATION = 0x0112
_RINGING = 2.0
"""Floating samples up to here are taken for 0 … 1, which scaling and sharpening overshoot, rather than for 0 … 255."""


def read_square(path: Path, side: int, shorter: int) -> npt.NDArray[np.uint8]:
    """Read a picture as if its shorter side were scaled to `shorter` (bicubic) and its centre square cut out.

    EXIF turns are applied, transparency lies on white, the first frame of an animation counts.

    Shapes:
        uint8[side, side, 3], RGB.
    Raises:
        BrokenInput: absent, empty, truncated, too large or no picture.
    """
    return _read(path, lambda image: np.asarray(_square(image, side, shorter)))


def read_rgb(path: Path, shorter: int) -> Image.Image:
    """Read a whole picture as RGB, to be scaled so that its shorter side has `shorter` pixels; it may have more.

    Where `shorter` is 0 it is not to be scaled, and has all its pixels. EXIF turns are applied, transparency lies on white, the first frame of an animation counts.

    Raises:
        BrokenInput: absent, empty, truncated, too large or no picture.
    """
    return _read(path, lambda image: _whole(image, shorter))


def _read(path: Path, use: Callable[[Image.Image], T]) -> T:
    """Open a picture and use it; whatever is wrong with it becomes a BrokenInput."""
    try:
        if path.stat().st_size == 0:
            raise BrokenInput("the file is empty")
        with Image.open(path, formats=picture_kinds()) as image:
            _check_size(image)
            return use(image)
    except BrokenInput:
        raise
    except FileNotFoundError as error:
        raise BrokenInput("there is no such file") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BrokenInput(f"the picture has more than {MAX_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise BrokenInput("the file is not a picture of a known kind") from error
    except _BROKEN as error:
        cut = "truncated" in str(error).lower()
        raise BrokenInput("the picture is truncated" if cut else f"the picture cannot be decoded: {error}") from error


def _square(image: Image.Image, side: int, shorter: int) -> Image.Image:
    _draft(image, shorter)
    plain = _plain(image)
    turn = _TURNS.get(_orientation(image))  # asked after decoding, by which Pillow has turned a TIFF already
    width, height = plain.size
    edge = min(width, height) * side / shorter
    left, top = (width - edge) / 2, (height - edge) / 2
    square = plain.resize((side, side), Image.Resampling.BICUBIC, box=(left, top, left + edge, top + edge))
    square = _opaque(square)
    return square if turn is None else square.transpose(turn)


def _whole(image: Image.Image, shorter: int) -> Image.Image:
    if shorter:
        _draft(image, shorter)
    whole = _opaque(_plain(image))
    turn = _TURNS.get(_orientation(image))  # after decoding, as above
    return whole if turn is None else whole.transpose(turn)


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise BrokenInput(
            f"the picture is {width} × {height} pixels; at most {MAX_SIDE:,} a side and {MAX_PIXELS:,} in all"
        )


def _draft(image: Image.Image, shorter: int) -> None:
    """Let a JPEG be decoded at a fraction of its size; twice what is needed keeps the result the same to the eye."""
    width, height = image.size
    scale = 2 * shorter / min(width, height)
    if scale < 1:
        image.draft(None, (int(width * scale) + 1, int(height * scale) + 1))


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except _BROKEN:  # a damaged note about the picture does not make the picture worthless
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be scaled: L, RGB or RGBA."""
    if image.mode.startswith(("I", "F")):
        grey, clear = np.asarray(image), image.info.get("transparency")
        plain = Image.fromarray(_to_bytes(grey))
        if isinstance(clear, int):
            plain.putalpha(Image.fromarray(np.where(grey == clear, 0, 255).astype(np.uint8)))
            return plain.convert("RGBA")
        return plain
    if image.mode in ("LA", "PA", "La", "RGBa", "RGBA") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _to_bytes(samples: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Bring 16-bit, 32-bit and floating samples to 0 … 255; NaN becomes black, infinity white."""
    values = samples.astype(np.float64)
    values[np.isnan(values)] = 0
    top = float(values.max(initial=0, where=np.isfinite(values)))
    if samples.dtype.kind == "f" and top <= _RINGING:
        full = 1.0
    elif samples.dtype.itemsize > 2 and top <= 255:
        full = 255.0
    else:
        full = max(65535.0, top)
    return np.clip(np.rint(values * (255 / full)), 0, 255).astype(np.uint8)
