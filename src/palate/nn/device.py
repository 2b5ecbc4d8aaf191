"""Where tensors live: what was asked for, or the quickest that there is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from palate.core.errors import ConfigError
from palate.nn._torch import torch

AUTO = "auto"


def device_for(name: str | None = None) -> str:
    """Return the device of that name, or of PALATE_DEVICE where none is given; auto is the GPU where torch sees one.

    Raises:
        ConfigError: it is not here; the message says what is.
    """
    given = name or os.environ.get("PALATE_DEVICE") or AUTO
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = ["cpu", *(["cuda"] if count else []), *(f"cuda:{number}" for number in range(count))]
    if given == AUTO:
        return there[min(1, count)]
    if given not in there:
        what = "the device" if name else "PALATE_DEVICE"
        seen = "" if count else f" (torch {torch.__version__} sees no CUDA device)"
        raise ConfigError(f"{what} was '{given}': here it can be {AUTO}, {', '.join(there)}{seen}")
    return given


@contextmanager
def on(device: str) -> Iterator[None]:
    """Have networks that are built while the block runs live on a device: `Weights`, and what torch makes by itself."""
    if device == "cpu":  # where all is anyway; torch asks at each call while another one is set
        yield
        return
    with torch.device(device):
        yield
