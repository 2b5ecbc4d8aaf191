"""Two encoders of clips that are as simple as can be: what one frame shows, and what only their course does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from palate.core.config import Config
from palate.encoders._base import Encoder


class Frames(Encoder[Config]):
    """Base of two encoders that are as simple as can be, one for each thing that a clip's pictures tell."""

    modality = "video"
    config_type = Config

    def decode(self, raw) -> np.ndarray:
        import av

        with av.open(str(raw)) as file:
            frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        return np.stack(frames).astype(np.float32) / 255

    def _encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self.seen(frames) for frames in batch]).astype(np.float32)


class Look(Frames):
    """One frame: its colour and how rough it is, in four bands."""

    name, dim = "look", 20

    def seen(self, frames: np.ndarray) -> np.ndarray:
        frame = frames[0]
        rough = [np.abs(np.diff(frame.mean(axis=2), axis=axis)) for axis in (0, 1)]
        bands = [np.array_split(table, 4) for table in (frame, *rough)]
        return np.concatenate([[band.mean(axis=(0, 1)) for band in bands[0]], *[
            np.array([band.mean() for band in of])[:, None] for of in bands[1:]
        ]], axis=1).ravel()  # fmt: skip


class Course(Frames):
    """How much changes from frame to frame, whichever way, and whether a shift of the whole picture undoes it."""

    name, dim = "course", 5

    def seen(self, frames: np.ndarray) -> np.ndarray:
        grey = frames.mean(axis=3)
        step = np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))
        far = np.abs(grey[-1] - grey[0])
        edge = np.abs(np.diff(grey[:, :4], axis=0)).mean()
        flow = np.abs(np.diff(grey.mean(axis=1), axis=0)).mean() - np.abs(np.diff(grey.mean(axis=2), axis=0)).mean()
        return np.log(np.array([step.mean(), step.std(), far.mean(), edge, np.exp(20 * flow)]) + 1e-3)
