"""A training that runs out of memory says what to make smaller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from palate.core.errors import PalateError
from palate.core.memory import available_mb
from palate.data.dataset import Dataset
from palate.nn._torch import torch
from palate.training.config import TrainingConfig

_KEPT = 5
"""A learned table, its gradient, two moments of Adam, and the best so far."""
_SMALLER = ("batch_size", "negatives", "dim", "width", "neighbours", "layers")
"""Settings by which memory grows, those of a step first."""


@contextmanager
def told(label: str, config: TrainingConfig, train: Dataset) -> Iterator[None]:
    """Turn running out of memory while the block runs into an error that says what it went into.

    Raises:
        PalateError: there was not enough.
    """
    free = _free_mb()
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_lack(error):
            raise
        given = {name: getattr(config, name) for name in _SMALLER if getattr(config, name, None)}
        rows = len(train.users) + len(train.items)
        tables = _KEPT * rows * given["dim"] * 4 / 1e6
        others = config.batch_size if config.sampler == "in-batch" else 2 + config.negatives
        step = config.batch_size * (others + 2 * given["dim"]) * 4 / 1e6
        smaller = ", ".join(
            f"{name} ({value if isinstance(value, tuple) else f'{value:,}'})" for name, value in given.items()
        )
        raise PalateError(
            f"{label} ran out of memory ({free:,.0f} MB were free; {str(error).splitlines()[0]}): vectors of {rows:,} users "
            f"and items take about {tables:,.0f} MB in training, the scores of a batch {step:,.0f} MB beside what the model "
            f"makes of its graphs and parts: make one of these smaller: {smaller}; or name fewer parts, or end other programs"
        ) from error


def _free_mb() -> float:
    """Return what is free where tensors live, in MB."""
    device = torch.get_default_device()
    return float(torch.cuda.mem_get_info(device)[0] / 1e6) if device.type == "cuda" else available_mb()


def _is_lack(error: Exception) -> bool:
    """Tell whether an error is of too little memory; torch has a type for that on a GPU, and words on a processor."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
