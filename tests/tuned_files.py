"""A folder as `palate fine-tune --out` writes it, with random numbers for what was learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from palate.encoders import Encoder
from palate.encoders._changes import Bottleneck
from palate.encoders._tuned import FILE, Tuning

HIDDEN = 4


def tuned(folder: Path, encoder: Encoder[Any], seed: int = 0) -> Path:
    """Write the folder for an encoder."""
    rng, dim = np.random.default_rng(seed), encoder.dim
    shapes = {"down.weight": (HIDDEN, dim), "down.bias": (HIDDEN,), "up.weight": (dim, HIDDEN), "up.bias": (dim,)}
    learned = {f"adapter.{name}": rng.normal(size=shape).astype(np.float32) / 4 for name, shape in shapes.items()}
    scale = np.full(dim, dim**-0.5, np.float32)
    about = {"part": "thing"}
    made = Tuning(
        Bottleneck(dim, HIDDEN), learned, np.zeros(dim, np.float32), scale, scale, about, encoder.reference(), encoder.fingerprint
    )  # fmt: skip
    made.state().save(folder, FILE)
    return folder
