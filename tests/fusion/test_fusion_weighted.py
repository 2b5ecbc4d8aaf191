"""Weights that are found: a part that tells what people like counts, one of noise does not."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from palate.core.errors import ConfigError, DataError
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable, features_of
from palate.data.split import split
from palate.evaluation import evaluate
from palate.fusion import registry
from palate.fusion._foretelling import quality
from palate.fusion.weighted import Weighted
from palate.models import VectorSpace
from parted import shop
from tiny_data import make_dataset


def noise(n, width=6, seed=4):
    return features_of(np.random.default_rng(seed).normal(size=(n, width)))


@pytest.fixture
def halves():
    """A part that carries the groups, and one of noise."""
    tiny = make_dataset(200, 60)
    features = {"noise": noise(len(tiny.items)), "title": tiny.features["title"]}
    return split(replace(tiny, features=features), "random-per-user", seed=1)


def found(halves, **settings) -> Weighted:
    train: Dataset = halves.train
    return Weighted(**settings).fit(train.item_parts(), train, generator(0), halves.valid)


@pytest.mark.parametrize("by", ["quality", "validation"])
def test_a_part_that_foretells_likes_counts_more_than_noise(halves, by):
    weights = found(halves, by=by).weights
    assert weights["title"] > 3 * weights["noise"]
    assert sum(weights.values()) == pytest.approx(1)


def test_parts_that_tell_nothing_are_alike():
    data = make_dataset(200, 60)
    parts = {"a": noise(60), "b": noise(60, seed=5)}
    assert Weighted(by="quality").fit(parts, data, generator(0)).weights == {"a": 0.5, "b": 0.5}


def test_the_quality_is_the_area_under_the_curve():
    rng = np.random.default_rng(0)
    more, less = rng.normal(0.8, 1, 40).round(1), rng.normal(0, 1, 60).round(1)
    truth = np.concatenate([np.ones(40), np.zeros(60)])
    gaps = [np.append(values, np.nan).astype(np.float32) for values in (more, less)]
    assert quality(*gaps) == pytest.approx(roc_auc_score(truth, np.concatenate([more, less])) - 0.5)
    assert quality(*gaps) > 0.12
    assert quality(gaps[1], gaps[0]) == quality(gaps[0][:0], gaps[1]) == 0


def test_what_chance_gives_too_is_no_quality():
    found = [quality(*np.random.default_rng(seed).normal(size=(2, 500)).astype(np.float32)) for seed in range(100)]
    assert np.count_nonzero(found) <= 8


def test_the_quality_of_a_perfect_part_is_one_half():
    data = shop(25)  # person u likes the things of which the code is u by tens or by ones
    groups = np.arange(25) % 5
    apart = replace(data, interactions=data.interactions.take(np.arange(25)))
    parts = {"perfect": features_of(np.eye(5)[groups]), "noise": noise(25)}
    weights = Weighted(by="quality").fit(parts, apart, generator(0)).weights
    assert weights["perfect"] > 0.8


def test_weights_by_validation_are_the_best_of_the_grid(halves):
    chosen = found(halves, by="validation").weights

    def worth(weights):
        model = VectorSpace(fusion=Weighted(weights=weights)).fit(halves.train)
        return evaluate(model, halves, metrics=["ndcg"], on="valid", resamples=10).metrics["ndcg@20"]

    grid = [{"title": 1.0, "noise": factor} for factor in (0.0, 0.25, 0.5, 1.0)]
    assert worth(chosen) >= max(map(worth, grid)) - 1e-6


def test_what_is_judged_is_what_the_fused_vectors_say(halves):
    from palate.fusion._base import Fitting
    from palate.fusion._foretelling import Asked

    train = halves.train
    missing = {
        name: table.dropped(np.arange(len(table)) % 3 == at)
        for at, (name, table) in enumerate(train.item_parts().items())
    }
    train = replace(train, features=missing)
    given = Fitting(missing, np.ones(len(train.items), bool), train, halves.valid, generator(0))
    weights = {"title": 0.7, "noise": 0.3}
    fusion = Weighted(weights=weights).fit(missing, train, generator(0))
    units = fusion._units(missing, np.arange(len(train.items), dtype=np.int32))
    model = VectorSpace(fusion=Weighted(weights=weights)).fit(train)
    judged = evaluate(model, replace(halves, train=train), metrics=["ndcg"], on="valid", resamples=10)
    assert Asked.of(given).ndcg(units, weights) == pytest.approx(judged.metrics["ndcg@20"], abs=1e-6)


def test_weights_survive_a_round_trip(halves):
    fusion = found(halves, by="validation")
    again = Weighted(by="validation").load_state(fusion.state())
    assert again.weights == fusion.weights


@pytest.mark.parametrize("how", ["weighted", "aligned", "hybrid"])
def test_a_settled_one_keeps_what_validation_chose(halves, how):
    own = {"fuse": "weighted", "fuse_settings": {"by": "validation"}}
    group = {"parts": ["noise", "title"], **own}
    settings = {"weighted": own["fuse_settings"], "aligned": own, "hybrid": {"groups": {"both": group}}}[how]
    train = halves.train
    first = registry.get(how)(**settings).fit(train.item_parts(), train, generator(0), halves.valid)
    again = first.settled().fit(train.item_parts(), train, generator(0))
    chosen, kept = (
        {
            "weighted": lambda each: each,
            "aligned": lambda each: each.fusion,
            "hybrid": lambda each: each.groups["both"],
        }[how](each)
        for each in (first, again)
    )
    assert kept.weights == pytest.approx(chosen.weights)
    assert kept.config.weights == chosen.weights
    assert np.allclose(again.fuse(train.item_parts()).values, first.fuse(train.item_parts()).values, atol=1e-5)
    assert Weighted(by="coverage").fit(train.item_parts(), train, generator(0)).settled().config.weights is None


def test_without_validation_it_says_what_to_do(halves):
    with pytest.raises(ConfigError, match=r"none was given: split the data, or weigh the parts by=quality"):
        Weighted(by="validation").fit(halves.train.item_parts(), halves.train, generator(0))
    parts = {"title": halves.train.features["title"]}
    with pytest.raises(DataError, match="liked anything new there"):
        Weighted(by="validation").fit(parts, halves.train, generator(0), halves.train)


@pytest.mark.parametrize("weight", [float("inf"), float("nan"), -1])
def test_a_weight_that_is_no_share_is_refused(weight):
    with pytest.raises(ConfigError, match=r"setting 'weights\.title' was"):
        Weighted(weights={"title": weight, "photo": 1})


def test_without_likes_of_two_things_there_is_no_quality(halves):
    train = halves.train
    lonely = replace(train, interactions=train.interactions.take(np.array([0])))
    with pytest.raises(DataError, match=r"people who liked two things.*by=coverage"):
        Weighted(by="quality").fit(train.item_parts(), lonely, generator(0))


def test_parts_of_people_are_weighed_by_what_likes_them(halves):
    train = halves.train
    codes = np.arange(len(train.users))
    table = features_of(np.random.default_rng(0).normal(size=(len(codes), 4)))
    parts = {"bio": FeatureTable(table.values, table.present, "bio", of="users")}
    assert Weighted(by="quality").fit(parts, train, generator(0)).weights == {"bio": 1}
    with pytest.raises(ConfigError, match="parts of items"):
        Weighted(by="validation").fit(parts, train, generator(0), halves.valid)
