"""Pure functions on arrays: metrics of ranked lists and of scores, their intervals, and tests between two models."""

from palate.metrics._hits import Hits, ListMetric
from palate.metrics.beyond import coverage
from palate.metrics.intervals import bootstrap_interval
from palate.metrics.names import LISTS, NAMES, Measure, parse_measures
from palate.metrics.ranking import average_precision, f1, hit_rate, ndcg, precision, recall, reciprocal_rank
from palate.metrics.scores import auc
from palate.metrics.significance import holm, paired_test

__all__ = [
    "LISTS", "NAMES", "Hits", "ListMetric", "Measure", "auc", "average_precision", "bootstrap_interval", "coverage",
    "f1", "hit_rate", "holm", "ndcg", "paired_test", "parse_measures", "precision", "recall", "reciprocal_rank",
]  # fmt: skip
