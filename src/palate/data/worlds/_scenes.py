"""Where a clip plays: simple landscapes in the colours of one family."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats
from palate.data.worlds._pictures import HUES, LOOKS, Stage, colour_of, grid, on_stage

SCENES = {"scene": ("sea", "hills", "town", "forest", "stage", "snowfall"), "tint": LOOKS["colour"]}
"""What any frame of a clip shows."""


def set_scene(look: dict[str, str], rng: np.random.Generator, size: int) -> Stage:
    """Return a landscape with a motif in front, of which only the landscape says something.

    Args:
        look: its scene and tint.
        rng: shape and shade of the landscape, and which motif, which carry nothing.
        size: width and height in pixels.
    """
    hue = HUES[look["tint"]] + rng.normal(scale=0.008)
    far, near, light, ink = (
        np.array(colour_of(hue, *tone, rng), np.float32)
        for tone in ((0.35, 0.95), (0.7, 0.5), (0.15, 1.0), (0.95, 0.75))
    )
    share, glow = _landscape(look["scene"], rng, size)
    pixels = far + share[..., None] * (near - far)
    pixels += glow[..., None] * (light - pixels)
    motif = LOOKS["motif"][int(rng.integers(len(LOOKS["motif"])))]
    red, green, blue = ink.astype(int).tolist()
    return on_stage(pixels, motif, (red, green, blue), rng)


def _landscape(scene: str, rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    """Return how much of the near colour and how much light each pixel has, float32[size, size] each."""
    down, right = grid(size) / np.float32(size)
    dark = np.zeros((size, size), dtype=np.float32)
    horizon = rng.uniform(0.45, 0.6)
    if scene == "sea":
        waves = np.sin(2 * np.pi * (12 * down + 0.5 * np.sin(2 * np.pi * 3 * right + rng.uniform(0, 6))))
        return _shares(down > horizon), _shares((down > horizon) & (waves > 0.6))
    if scene == "hills":
        ridge = horizon + sum(
            rng.uniform(0.05, 0.1) * np.sin(2 * np.pi * k * right + rng.uniform(0, 6)) for k in (1, 2)
        )
        return _shares(down > ridge) * np.float32(0.5) + _shares(down > ridge + 0.2) * np.float32(0.5), dark
    if scene == "town":
        heights = rng.uniform(0.2, 0.7, 9)[np.minimum(8, (9 * right).astype(int))]
        lit = (np.sin(2 * np.pi * 18 * right) > 0.2) & (np.sin(2 * np.pi * 16 * down) > 0.3)
        return _shares(down > heights), _shares((down > heights + 0.04) & lit)
    if scene == "forest":
        trunks = np.sin(2 * np.pi * 7 * (right + 0.02 * np.sin(9 * down)) + rng.uniform(0, 6)) > 0.5
        return _shares(trunks | (down > 0.85)), dark
    if scene == "stage":
        beam = np.abs(right - 0.5 - rng.uniform(-0.3, 0.3) * down) < 0.08 + 0.25 * down
        return np.ones_like(dark), _shares(beam) * np.float32(0.7)
    flakes = np.zeros_like(dark)
    for row, column in rng.integers(0, size - 3, (70, 2)).tolist():
        flakes[row : row + 3, column : column + 3] = 1
    return _shares(down > 0.85) * np.float32(0.2), flakes


def _shares(mask: npt.NDArray[np.bool_]) -> Floats:
    return mask.astype(np.float32)
