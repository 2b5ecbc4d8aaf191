"""Reasons: what a score is made of, in words and in numbers."""

from palate.explain.counterfactual import Counterfactual, counterfactual
from palate.explain.reason import Reason, new, part_reasons, popular, reasons
from palate.explain.titles import title_column, titles
from palate.explain.words import SharedWords

__all__ = [
    "Counterfactual",
    "Reason",
    "SharedWords",
    "counterfactual",
    "new",
    "part_reasons",
    "popular",
    "reasons",
    "title_column",
    "titles",
]
