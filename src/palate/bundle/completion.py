"""What items lack, estimated before a model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from palate.bundle.recipe import Recipe
from palate.complete import Completer
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable


@dataclass(frozen=True, eq=False)
class Estimates:
    """A fitted completer and the parts of items that it has completed; neither where a recipe names none."""

    completer: Completer[Any] | None = None
    parts: Mapping[str, FeatureTable] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any] | None:
        """Return by part how many items were given it, how many still lack it, and how far off hidden ones came back."""
        if self.completer is None:
            return None
        errors = self.completer.errors
        return {
            name: {
                "estimated": int((table.present & ~table.known).sum()),
                "absent": int((~table.present).sum()),
                "error": None if name not in errors else {"rmse": errors[name].rmse, "cosine": errors[name].cosine},
            }
            for name, table in self.parts.items()
        }


def completed(recipe: Recipe, train: Dataset) -> Estimates:
    """Fit the completer of a recipe, where it names one, on the training part of a split, and complete the parts that it names.

    Raises:
        DataError: the data have no parts.
    """
    completer = recipe.completer()
    if completer is None:
        return Estimates()
    parts = train.item_parts(recipe.parts)
    completer.fit(parts, train, generator(recipe.seed, "complete", completer.name))
    return Estimates(completer, completer.complete(parts))
