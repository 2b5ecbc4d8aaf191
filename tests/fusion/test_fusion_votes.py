"""Dimensions are voted for: what is planted stays, and what is noise goes."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from palate.core.errors import ConfigError
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable, features_of
from palate.data.interactions import Interactions
from palate.data.split import split
from palate.evaluation import evaluate
from palate.fusion._voters import _foretold, _new
from palate.fusion.concat import Concat
from palate.fusion.vote_selection import VoteSelection
from palate.models import VectorSpace
from parted import shop, some_parts

SIGNAL = {"picture": 4, "title": 4}
NOISE = {"picture": 8, "title": 6}


def planted(seed=0, users=150, items=400, chosen=20):
    """People like things by four hidden numbers; each part holds these turned, and then noise that varies little for its mean."""
    rng = np.random.default_rng(seed)
    truth, taste = rng.normal(size=(items, 4)), rng.normal(size=(users, 4))
    truth *= 2 / np.linalg.norm(truth, axis=1, keepdims=True)  # as vectors do, people look at directions alone
    chance = np.exp(2 * taste @ truth.T)
    item = np.concatenate([rng.choice(items, chosen, replace=False, p=row / row.sum()) for row in chance])
    user = np.repeat(np.arange(users), chosen)
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(item), np.float32))
    parts = {}
    for name, width in NOISE.items():
        signal = truth @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 0.3 * rng.normal(size=(items, 4))
        values = np.hstack([signal, 3 + 0.5 * rng.normal(size=(items, width))])
        values[rng.random(items) < 0.2] = np.nan
        parts[name] = features_of(values)
    ids = IdMap(f"i{code}" for code in range(items))
    return Dataset(IdMap(f"u{code}" for code in range(users)), ids, rows, bare_catalogue(ids), features=parts)


def fitted(data, **settings):
    return VoteSelection(**{"keep": 0.5, **settings}).fit(data.item_parts(), data, generator(0))


@pytest.mark.parametrize("seed", range(3))
def test_planted_signal_stays_and_noise_goes(seed):
    fusion = fitted(planted(seed), keep=8 / 22)
    assert {name: kept.tolist() for name, kept in fusion.kept.items()} == {name: [0, 1, 2, 3] for name in SIGNAL}
    assert fusion.dim == 8
    assert fusion.weights == {"picture": 0.5, "title": 0.5}


@pytest.mark.parametrize("voter", ["spread", "agreement", "likes"])
def test_each_voter_alone_finds_the_signal(voter):
    fusion = fitted(planted(), voters=[voter], keep=8 / 22)
    assert {name: kept.tolist() for name, kept in fusion.kept.items()} == {name: [0, 1, 2, 3] for name in SIGNAL}


def test_lists_are_better_without_the_noise():
    cut = split(planted(), "random-per-user", seed=0)

    def worth(fusion):
        model = VectorSpace(fusion=fusion).fit(cut.train)
        return evaluate(model, cut, metrics=["ndcg"], on="valid", resamples=10).metrics["ndcg@20"]

    assert worth(VoteSelection(keep=0.5)) > 1.15 * worth(Concat())


def test_a_part_of_noise_alone_loses_everything_and_counts_as_absent():
    data = planted()
    table = data.features["title"]
    data = replace(data, features={**data.features, "title": FeatureTable(table.values[:, 4:], table.present, "noise")})
    fusion = fitted(data, voters=["spread", "likes"], keep=0.25)
    assert len(fusion.kept["picture"]) == 4
    assert not len(fusion.kept["title"])
    fused = fusion.fuse(data.features)
    assert np.array_equal(fused.present, data.features["picture"].present)
    assert not fusion.fuse({"title": data.features["title"]}).present.any()


def test_of_two_that_say_the_same_one_stays():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 4))
    doubled = {"a": features_of(values[:, [0, 1, 2, 2, 3, 0]])}
    fusion = VoteSelection(voters=["newness"], keep=4 / 6).fit(doubled, shop(50), generator(0))
    assert fusion.kept["a"].tolist() == [0, 1, 2, 4]


def test_what_never_varies_gets_no_vote():
    values = np.random.default_rng(0).normal(size=(50, 3))
    values[:, 1] = 7
    fusion = VoteSelection(keep=1).fit({"a": features_of(values)}, shop(50), generator(0))
    assert fusion.kept["a"].tolist() == [0, 2]


def test_all_stay_where_everybody_abstains():
    parts = some_parts({"a": 6})
    fusion = VoteSelection(voters=["agreement"], keep=0.2).fit(parts, shop(50), generator(0))
    assert fusion.kept["a"].tolist() == [0, 1, 2, 3, 4, 5]
    everything = VoteSelection(keep=1).fit(parts, shop(50), generator(0)).fuse(parts)
    assert np.allclose(everything.values, Concat().fit(parts, shop(50), generator(0)).fuse(parts).values, atol=1e-6)


def test_what_is_foretold_is_the_adjusted_share_of_others():
    rng = np.random.default_rng(0)
    by = rng.normal(size=(200, 5)).astype(np.float32)
    rows = (by @ rng.normal(size=(5, 3)) + rng.normal(size=(200, 3))).astype(np.float32)
    found = _foretold(rows, by, generator(0))
    for place in range(3):
        share = LinearRegression().fit(by, rows[:, place]).score(by, rows[:, place])
        assert found[place] == pytest.approx(1 - (1 - share) * 199 / 194, abs=1e-4)
    noise = rng.normal(size=(200, 400)).astype(np.float32)
    assert _foretold(noise, by, generator(0)).mean() == pytest.approx(0, abs=0.01)


def test_newness_in_blocks_is_that_of_all_pairs():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 700)).astype(np.float32)
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    order = rng.permutation(700)
    squares = np.corrcoef(rows.T)[np.ix_(order, order)] ** 2
    expected = np.array([squares[place, :place].max(initial=0) for place in range(700)])
    assert np.allclose(-_new(rows, order)[order], expected, atol=1e-4)


@pytest.mark.parametrize("settings", [{"keep": 0}, {"keep": 1.5}, {"voters": []}, {"voters": ["best"]}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        VoteSelection(**settings)
