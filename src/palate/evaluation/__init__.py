"""Is it any good: protocols, comparisons, significance, reports."""

from palate.evaluation.comparison import Comparison, compare
from palate.evaluation.protocol import evaluate
from palate.evaluation.result import Evaluation

__all__ = ["Comparison", "Evaluation", "compare", "evaluate"]
