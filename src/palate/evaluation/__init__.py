"""Is it any good: protocols, comparisons, significance, missing parts, reports."""

from palate.evaluation.comparison import Comparison, compare
from palate.evaluation.groups import Group
from palate.evaluation.missing import MissingCurves, missing_curve
from palate.evaluation.protocol import evaluate
from palate.evaluation.result import Evaluation

__all__ = ["Comparison", "Evaluation", "Group", "MissingCurves", "compare", "evaluate", "missing_curve"]
