"""Ways to cut a dataset into train, validation and test, one a file."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.data.dataset import Dataset
from palate.data.interactions import LABELS
from palate.data.split._base import Split, Splitter

registry: Registry[Splitter[Any]] = Registry("splitter", __name__)

__all__ = ["LABELS", "Split", "Splitter", "registry", "split"]


def split(data: Dataset, how: str | Splitter[Any] = "random-per-user", seed: int = 0, **settings: Any) -> Split:
    """Cut a dataset into train, validation and test.

    Args:
        data: what to cut.
        how: a splitter or its name: random-per-user, leave-last-out, global-time, cold-items, as-labelled.
        seed: of the random choices, where the splitter makes any.
        settings: of the named splitter, as in `valid=0.2`.

    Raises:
        DataError: the dataset lacks what the splitter needs: interactions, times, labels.
    """
    splitter = registry.get(how)(**settings) if isinstance(how, str) else how
    return splitter.split(data, seed)
