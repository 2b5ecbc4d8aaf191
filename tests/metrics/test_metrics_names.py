"""Metrics by name, and what is refused."""

import numpy as np
import pytest
import scipy.sparse as sp

from palate.core.errors import ConfigError, DataError, UnknownNameError
from palate.metrics import NAMES, Measure, parse_measures, recall


def test_a_name_without_cut_off_takes_each():
    given = parse_measures(["recall", "ndcg@3", "recall@10", "auc", "coverage"], (10, 20))
    assert [str(m) for m in given] == ["recall@10", "recall@20", "ndcg@3", "auc", "coverage@10", "coverage@20"]
    assert given[0] == Measure("recall", 10)


def test_every_name_parses():
    assert [m.metric for m in parse_measures(NAMES, [5])] == list(NAMES)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("ndgc@20", "did you mean 'ndcg'"), ("roc", "allowed: auc"), ("", "there is no metric ''")],
)
def test_an_unknown_name_is_told_the_nearest(name, sentence):
    with pytest.raises(UnknownNameError, match=sentence):
        parse_measures([name], [20])


@pytest.mark.parametrize("name", ["auc@20", "ndcg@0", "ndcg@-1", "ndcg@", "ndcg@2.5", "recall@x"])
def test_an_impossible_cut_off_is_refused(name):
    with pytest.raises(ConfigError, match="cannot be read"):
        parse_measures([name], [20])


@pytest.mark.parametrize(
    ("names", "ks", "sentence"),
    [([], [20], "at least one of each"), (["recall"], [], "at least one of each"), (["recall"], [5, 0], "k was 0")],
)
def test_nothing_to_measure_is_refused(names, ks, sentence):
    with pytest.raises(ConfigError, match=sentence):
        parse_measures(names, ks)


def test_lists_shorter_than_the_cut_off_are_refused():
    with pytest.raises(DataError, match="at least 3 items: given lists of 2"):
        recall(np.array([[0, 1]]), sp.csr_array([[1, 0]]), 3)


def test_lists_of_other_users_are_refused():
    with pytest.raises(DataError, match="the same users"):
        recall(np.array([[0, 1]]), sp.csr_array([[1, 0], [0, 1]]), 1)


def test_a_user_with_nothing_relevant_has_no_value():
    values = recall(np.array([[0, 1], [0, 1]]), sp.csr_array([[0, 0], [0, 1]]), 2)
    assert np.isnan(values[0])
    assert values[1] == 1
