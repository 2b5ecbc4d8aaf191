"""How things move: where the motif and the camera are at each frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MOTIONS = {"motion": ("still", "across", "bounce", "grow", "shake", "pan")}
"""What a clip can show and no single frame of it tells."""


@dataclass(frozen=True)
class Pose:
    """One frame, in widths of the picture from where the motif and the camera stand at rest."""

    motif: tuple[float, float] = (0.0, 0.0)
    size: float = 1.0
    camera: tuple[float, float] = (0.0, 0.0)


def poses(motion: str, n: int, rng: np.random.Generator) -> list[Pose]:
    """Return the poses of n frames.

    Args:
        motion: one of MOTIONS.
        n: number of frames.
        rng: direction and start, which carry nothing.
    """
    way = float(rng.choice([-1.0, 1.0]))
    start = float(rng.uniform(0, 1))
    jitter = rng.uniform(-0.08, 0.08, (n, 2)).tolist()
    return [_pose(motion, step / max(1, n - 1), way, start, jitter[step]) for step in range(n)]


def _pose(motion: str, at: float, way: float, start: float, jitter: list[float]) -> Pose:
    if motion == "across":
        return Pose(motif=(way * (at - 0.5) * 0.5, 0.0))
    if motion == "bounce":
        return Pose(motif=(0.0, 0.15 - 0.4 * abs(math.sin(math.pi * (2 * at + start)))))
    if motion == "grow":
        return Pose(size=0.4 + 1.1 * (at if way > 0 else 1 - at))
    if motion == "shake":
        return Pose(camera=(jitter[0], jitter[1]))
    if motion == "pan":
        return Pose(camera=(way * at * 0.6, 0.0))
    return Pose()
