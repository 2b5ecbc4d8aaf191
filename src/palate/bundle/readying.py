"""What is made of the parts of items before a model sees them: completed first, then standardised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from palate.bundle.completion import Estimates, completed
from palate.bundle.recipe import Recipe
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.standardise import Standardiser


@dataclass(frozen=True, eq=False)
class Readied:
    """The parts as a model sees them, and what made them so; no parts where a recipe names nothing."""

    estimates: Estimates
    standardiser: Standardiser[Any] | None = None
    parts: Mapping[str, FeatureTable] = field(default_factory=dict)

    def fill(self, data: Dataset) -> Dataset:
        """Return a dataset of the same items with these parts in the place of its own."""
        return data.with_features(**self.parts)


def readied(recipe: Recipe, train: Dataset) -> Readied:
    """Fit what a recipe names on the training part of a split, and apply it to the parts that it names.

    Raises:
        DataError: the data have no parts.
    """
    estimates, standardiser = completed(recipe, train), recipe.standardiser()
    if standardiser is None:
        return Readied(estimates, None, estimates.parts)
    parts = estimates.parts or train.item_parts(recipe.parts)
    return Readied(estimates, standardiser, standardiser.fit(parts, train).standardise(parts))
