"""Pure functions on arrays: metrics of ranked lists and of scores, their intervals, and tests between two models."""

from palate.metrics._hits import Hits, ListMetric
from palate.metrics.beyond import coverage, gini, novelty, popularity_bias
from palate.metrics.compat import COMPAT
from palate.metrics.intervals import bootstrap_interval
from palate.metrics.names import BEYOND, LISTS, NAMES, OVERALL, Measure, parse_measures
from palate.metrics.ranking import average_precision, f1, hit_rate, ndcg, precision, recall, reciprocal_rank
from palate.metrics.scores import auc
from palate.metrics.significance import holm, paired_test
from palate.metrics.variety import calibration, category_diversity, content_diversity

__all__ = [
    "BEYOND", "COMPAT", "LISTS", "NAMES", "OVERALL", "Hits", "ListMetric", "Measure", "auc", "average_precision",
    "bootstrap_interval", "calibration", "category_diversity", "content_diversity", "coverage", "f1", "gini",
    "hit_rate", "holm", "ndcg", "novelty", "paired_test", "parse_measures", "popularity_bias", "precision", "recall",
    "reciprocal_rank",
]  # fmt: skip
