"""What is drawn at random inside a network: always from a stream that a checkpoint keeps."""

from __future__ import annotations

from typing import Any

from palate.nn._torch import Tensor, torch

_TINY = 1e-30


def dropped(values: Tensor, share: float, noise: Any) -> Tensor:
    """Set a share of the numbers to 0, and make up for it in the others.

    Shapes:
        values: float32[...]; noise: a stream of torch -> float32[...].
    """
    kept = torch.rand(values.shape, generator=noise, device=values.device) >= share
    return values * kept / (1 - share)


def gumbel(values: Tensor, noise: Any) -> Tensor:
    """Return draws from the Gumbel distribution, -ln(-ln x) of even x: the largest of these + ln p is drawn by p.

    Shapes:
        values: float32[...], read for their shape alone; noise: a stream of torch -> float32[...].
    """
    drawn = torch.empty_like(values).exponential_(generator=noise)
    return -drawn.clamp(min=_TINY).log()
