"""A stacking learns what it is worth that a member says something, and how likely a like is then."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from palate.core.errors import ConfigError, DataError
from palate.core.rng import generator
from palate.fusion.late._logistic import Sample, fitted
from palate.fusion.late.stacking import Stacking
from palate.fusion.late.weighted_scores import WeightedScores

TRUE = {"a": 1.5, "b": -0.5}
SILENT = -1.0
BIAS = -2.0


def planted(queries=600, items=80, seed=0):
    """Scores of two members, of which b cannot score some, and likes by log-odds that are known."""
    rng = np.random.default_rng(seed)
    scores = {name: rng.normal(size=(queries, items)).astype(np.float32) for name in TRUE}
    scores["b"][rng.random((queries, items)) < 0.3] = np.nan
    odds = np.full((queries, items), BIAS)
    for name, weight in TRUE.items():
        z = (scores[name] - np.nanmean(scores[name], axis=1)[:, None]) / np.nanstd(scores[name], axis=1)[:, None]
        odds += np.where(np.isnan(z), SILENT, weight * z)
    scores["a"] = 7 + 3 * scores["a"]
    hidden = rng.random((queries, items)) < 0.1
    liked = (rng.random((queries, items)) < 1 / (1 + np.exp(-odds))) & ~hidden
    return scores, sp.csr_array(hidden.astype(np.float32)), sp.csr_array(liked.astype(np.float32)), odds


@pytest.mark.parametrize("negatives", [1, 5, 1000])
def test_the_planted_weights_are_found_however_few_others_are_drawn(negatives):
    scores, hidden, liked, _ = planted()
    found = Stacking(reg=1e-3, negatives=negatives).learned(scores, hidden, liked, generator(0)).config
    assert found.weights == pytest.approx(TRUE, abs=0.12)
    assert found.absent["b"] == pytest.approx(SILENT, abs=0.15)
    assert found.absent["a"] == pytest.approx(0, abs=1e-6)
    assert found.bias == pytest.approx(BIAS, abs=0.12)


def test_probabilities_are_calibrated():
    scores, hidden, liked, _ = planted()
    fusion = Stacking(negatives=3).learned(scores, hidden, liked, generator(0))
    others, _, _, truth = planted(seed=1)
    told, chance = fusion.probability(others), 1 / (1 + np.exp(-truth))
    assert np.abs(told - chance).mean() < 0.01
    happened = np.random.default_rng(2).random(told.shape) < chance
    edges = np.quantile(told, np.linspace(0, 1, 11))
    for low, high in pairwise(edges):
        inside = (told >= low) & (told <= high)
        assert told[inside].mean() == pytest.approx(happened[inside].mean(), abs=0.02)


def test_it_is_the_logistic_regression_of_others():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 4))
    liked = rng.random(400) < 1 / (1 + np.exp(-(features @ [2.0, -1, 0, 0.3] - 1)))
    weights = fitted(Sample(features, liked, np.ones(400)), 2.0)
    other = LogisticRegression(C=1 / 2.0, tol=1e-10, max_iter=1000).fit(features, liked)
    assert weights == pytest.approx([other.intercept_[0], *other.coef_[0]], abs=1e-4)


def test_what_separates_perfectly_does_no_harm():
    features = np.linspace(-1, 1, 50)[:, None]
    weights = fitted(Sample(features, features[:, 0] > 0, np.ones(50)), 0.1)
    assert np.isfinite(weights).all()
    assert weights[1] > 0
    alone = fitted(Sample(features, np.ones(50, bool), np.ones(50)), 0.1)
    assert np.isfinite(alone).all()


def test_the_result_is_the_log_odds_over_their_bias():
    scores = {"a": np.array([[0, 2, np.nan, np.nan]], np.float32), "b": np.array([[1, 5, 3, np.nan]], np.float32)}
    fusion = Stacking(weights={"a": 2, "b": -1}, absent={"a": 0.5}, bias=-3)
    found = fusion.combine(scores)[0]
    deviation = np.sqrt(8 / 3)
    assert found[:3] == pytest.approx([-2 + 2 / deviation, 2 - 2 / deviation, 0.5], abs=1e-5)
    assert np.isnan(found[3])
    assert fusion.probability(scores)[0, 2] == pytest.approx(1 / (1 + np.exp(2.5)))


def test_it_is_as_it_is_where_nobody_can_score_a_like():
    silent = {"a": np.full((3, 4), np.nan, np.float32)}
    fusion = Stacking()
    assert fusion.learned(silent, sp.csr_array((3, 4)), sp.csr_array(np.eye(3, 4)), generator(0)) is fusion


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="the weights name a and the members are a, b"):
        Stacking(weights={"a": 1}).check(["a", "b"])
    with pytest.raises(DataError, match="'absent' names z and the members are a"):
        Stacking(absent={"z": 1}).check(["a"])


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_numbers_without_end_are_refused(number):
    for told in ({"weights": {"a": number}}, {"absent": {"a": number}}, {"bias": number}, {"reg": number}):
        with pytest.raises(ConfigError, match=f"setting '{next(iter(told))}"):
            Stacking(**told)
    with pytest.raises(ConfigError, match=r"setting 'weights\.a"):
        WeightedScores(weights={"a": abs(number)})
