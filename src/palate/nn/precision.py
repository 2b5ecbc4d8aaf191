"""How wide the numbers are that are multiplied."""

from __future__ import annotations

from typing import Any, Literal

from palate.nn._torch import Tensor, torch

Precision = Literal["auto", "float32", "bfloat16"]


def mixed(precision: Precision, device: str) -> Any:
    """Return a context in which dense products are of bfloat16 where that is asked for; auto asks for it on a GPU.

    What is learned, and what is summed up, stays float32.
    """
    half = precision == "bfloat16" or (precision == "auto" and device.startswith("cuda"))
    return torch.autocast(device.partition(":")[0], torch.bfloat16, enabled=half)


def exact(beside: Tensor) -> Any:
    """Return a context in which all products are of float32, for what is on the device of a tensor."""
    return torch.autocast(beside.device.type, enabled=False)
