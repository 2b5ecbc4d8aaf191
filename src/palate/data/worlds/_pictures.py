"""Product pictures: a motif in one family of colours on a textured ground."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from palate.data.worlds._motions import Pose

Rgb = tuple[int, int, int]
Points = list[tuple[float, float]]

LOOKS = {
    "colour": ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"),
    "motif": ("circle", "square", "triangle", "star", "ring", "cross", "heart", "moon"),
    "texture": ("plain", "stripes", "dots", "checker", "waves", "gradient"),
}
"""What a picture can show."""

HUES = {
    "red": 0.0,
    "orange": 0.075,
    "yellow": 0.145,
    "green": 0.34,
    "teal": 0.48,
    "blue": 0.61,
    "purple": 0.76,
    "pink": 0.9,
}


@dataclass(frozen=True)
class Stage:
    """A ground and the motif on it, which can be seen in any pose."""

    ground: npt.NDArray[np.uint8]
    """uint8[size, size, 3]."""
    motif: str
    ink: Rgb
    radius: float
    centre: tuple[float, float]
    turn: float

    def frame(self, pose: Pose) -> Image.Image:
        """Return the picture; what the camera leaves behind comes back at the other side."""
        size = len(self.ground)
        right, down = (round(size * shift) for shift in pose.camera)
        picture = Image.fromarray(np.roll(self.ground, (down, right), axis=(0, 1)) if right or down else self.ground)
        x, y = (
            size * (place / size + moved + shift)
            for place, moved, shift in zip(self.centre, pose.motif, pose.camera, strict=True)
        )
        _stamp(picture, self.motif, (x, y), self.radius * pose.size, self.turn, self.ink)
        return picture


def draw_picture(look: dict[str, str], rng: np.random.Generator, size: int) -> Image.Image:
    """Return a picture, size × size, RGB; see `draw_frames`."""
    return _stage(look, rng, size).frame(Pose())


def draw_frames(look: dict[str, str], rng: np.random.Generator, size: int, motion: list[Pose]) -> list[Image.Image]:
    """Return the frames of a clip, size × size, RGB.

    Args:
        look: its colour, motif and texture.
        rng: place, size, turn, shade and grain, which carry nothing.
        size: width and height in pixels.
        motion: the poses of the frames.
    """
    stage = _stage(look, rng, size)
    return [stage.frame(pose) for pose in motion]


def _stage(look: dict[str, str], rng: np.random.Generator, size: int) -> Stage:
    hue = HUES[look["colour"]] + rng.normal(scale=0.008)
    ground, pattern, ink = (colour_of(hue, *tone, rng) for tone in ((0.28, 0.97), (0.5, 0.86), (0.95, 0.62)))
    mask = _texture(look["texture"], rng, size)
    below, above = np.array(ground, np.float32), np.array(pattern, np.float32)
    return on_stage(below + mask[..., None] * (above - below), look["motif"], ink, rng)


def on_stage(pixels: npt.NDArray[np.float32], motif: str, ink: Rgb, rng: np.random.Generator) -> Stage:
    """Put a motif somewhere on a grainy ground, float32[size, size, 3] of 0 … 255, which is changed."""
    size = len(pixels)
    pixels += 5 * rng.standard_normal((size, size, 1), dtype=np.float32)
    ground = np.clip(pixels, 0, 255, out=pixels).astype(np.uint8)
    radius = size * rng.uniform(0.24, 0.34)
    centre = (size * rng.uniform(0.38, 0.62), size * rng.uniform(0.38, 0.62))
    return Stage(ground, motif, ink, radius, centre, rng.uniform(-0.25, 0.25))


def colour_of(hue: float, saturation: float, value: float, rng: np.random.Generator) -> Rgb:
    """Return a colour close to the given one."""
    light = min(1.0, value * rng.uniform(0.94, 1.03))
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation * rng.uniform(0.9, 1.05), light)
    return round(255 * red), round(255 * green), round(255 * blue)


def _texture(name: str, rng: np.random.Generator, size: int) -> npt.NDArray[np.float32]:
    """Return the share of the pattern's colour at each pixel, float32[size, size]."""
    turn, period = rng.uniform(-0.3, 0.3), size * rng.uniform(0.09, 0.13)
    phase = rng.uniform(0, 2 * math.pi, size=2).astype(np.float32)
    down, right = grid(size) * np.float32(2 * math.pi / period)
    along = right * math.cos(turn) - down * math.sin(turn) + phase[0]
    across = right * math.sin(turn) + down * math.cos(turn) + phase[1]
    if name == "plain":
        share = np.zeros((size, size), bool)
    elif name == "stripes":
        share = np.sin(along) > 0
    elif name == "dots":
        share = np.cos(along) + np.cos(across) > 0.9
    elif name == "checker":
        share = np.sin(along / 2) * np.sin(across / 2) > 0
    elif name == "waves":
        share = np.sin(across + 2.2 * np.sin(along / 2)) > 0
    else:
        ramp = along / along.std()
        share = (ramp - ramp.min()) / (ramp.max() - ramp.min()) * 1.6
    return np.asarray(share, dtype=np.float32)


@cache
def grid(size: int) -> npt.NDArray[np.float32]:
    """Return row and column of each pixel, float32[2, size, size]."""
    return np.mgrid[0:size, 0:size].astype(np.float32)


def _stamp(picture: Image.Image, motif: str, centre: tuple[float, float], radius: float, turn: float, ink: Rgb) -> None:
    """Paint the motif with a white edge, smooth because it is drawn four times too large."""
    for scale, colour in ((1.14, (250, 250, 250)), (1.0, ink)):
        stamp = _shape(motif).resize((round(2 * radius * scale),) * 2, Image.Resampling.BILINEAR)
        stamp = stamp.rotate(math.degrees(turn), Image.Resampling.BILINEAR)
        corner = (round(centre[0] - stamp.width / 2), round(centre[1] - stamp.height / 2))
        picture.paste(colour, (*corner, corner[0] + stamp.width, corner[1] + stamp.height), stamp)


@cache
def _shape(motif: str) -> Image.Image:
    """Return the motif as a mask, 256 × 256."""
    mask = Image.new("L", (256, 256))
    draw = ImageDraw.Draw(mask)
    if motif in _POLYGONS:
        draw.polygon([(128 + 118 * x, 128 + 118 * y) for x, y in _POLYGONS[motif]], fill=255)
        return mask
    draw.ellipse((14, 14, 242, 242), fill=255)
    if motif == "ring":
        draw.ellipse((70, 70, 186, 186), fill=0)
    elif motif == "moon":
        draw.ellipse((84, -6, 270, 222), fill=0)
    return mask


def _star(points: int, inner: float) -> Points:
    radii = [1.0, inner] * points
    return [(r * math.sin(math.pi * i / points), -r * math.cos(math.pi * i / points)) for i, r in enumerate(radii)]


def _heart() -> Points:
    steps = [2 * math.pi * index / 60 for index in range(60)]
    return [
        (math.sin(t) ** 3, -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16)
        for t in steps
    ]


_ARM = 0.32
_POLYGONS: dict[str, Points] = {
    "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
    "triangle": [(0, -1), (0.95, 0.75), (-0.95, 0.75)],
    "star": _star(5, 0.42),
    "cross": [
        (-_ARM, -1), (_ARM, -1), (_ARM, -_ARM), (1, -_ARM), (1, _ARM), (_ARM, _ARM),
        (_ARM, 1), (-_ARM, 1), (-_ARM, _ARM), (-1, _ARM), (-1, -_ARM), (-_ARM, -_ARM),
    ],
    "heart": _heart(),
}  # fmt: skip
