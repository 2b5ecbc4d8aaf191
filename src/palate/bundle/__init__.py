"""The saved recommender: how it is made from names, and the folder that opens anywhere."""

from palate.bundle.bundle import Bundle
from palate.bundle.fusions import Ways
from palate.bundle.manifest import Manifest
from palate.bundle.recipe import Recipe
from palate.bundle.training import Trained, refit, train

__all__ = ["Bundle", "Manifest", "Recipe", "Trained", "Ways", "refit", "train"]
