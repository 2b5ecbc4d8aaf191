"""Is it any good: protocols, comparisons, significance, missing parts, reports."""

from palate.evaluation.comparison import Comparison, compare
from palate.evaluation.fusions import FusionComparison, Method, Missing, compare_fusions
from palate.evaluation.groups import Group
from palate.evaluation.missing import MissingCurves, missing_curve
from palate.evaluation.predicted import Predicted
from palate.evaluation.prediction import evaluate_clicks, evaluate_ratings
from palate.evaluation.protocol import evaluate
from palate.evaluation.result import Evaluation

__all__ = [
    "Comparison", "Evaluation", "FusionComparison", "Group", "Method", "Missing", "MissingCurves", "Predicted", "compare",
    "compare_fusions", "evaluate", "evaluate_clicks", "evaluate_ratings", "missing_curve",
]  # fmt: skip
