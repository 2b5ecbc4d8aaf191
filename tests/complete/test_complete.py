"""Each completer where the right answer is known: by hand, against a reference, or in a planted world."""

from dataclasses import replace

import numpy as np
import pytest

from palate.complete import Advice, HiddenError, advised, registry
from palate.complete.boosting import Boosting
from palate.complete.graph import Graph
from palate.complete.interpolate import Interpolate
from palate.complete.mean import Mean
from palate.complete.median import Median
from palate.complete.nearest import Nearest
from palate.complete.ridge import Ridge, _ridge
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from parted import shop

NAN = np.nan


def holes(rows):
    return features_of(np.array([[NAN] * 2 if row is None else row for row in rows], dtype=float))


def log(users, items, n_users, n_items, time=None):
    ids = IdMap(f"i{code}" for code in range(n_items))
    rows = Interactions(
        np.array(users, np.int32), np.array(items, np.int32), np.ones(len(users), np.float32),
        None if time is None else np.array(time, np.int64),
    )  # fmt: skip
    return Dataset(IdMap(f"u{code}" for code in range(n_users)), ids, rows, bare_catalogue(ids))


def completed(kind, parts, data, **settings):
    return kind(held_out=0, **settings).fit(parts, data, generator(0)).complete(parts)


def test_mean_and_median_are_those_of_trained_rows():
    part = {"a": holes([[1, 0], [3, 0], [20, 6], None, [1000, 1000]])}
    data = shop(5, trained=4)
    assert np.allclose(completed(Mean, part, data)["a"].values[3], [8, 2], atol=1e-4)
    assert np.allclose(completed(Median, part, data)["a"].values[3], [3, 0], atol=1e-4)


def test_a_part_that_was_standardised_by_name_is_completed_on_its_own_scale():
    part = {"a": replace(holes([[1, 0], [3, 0], [20, 6], None]), standardised="l2")}
    found = completed(Mean, part, shop(4))["a"]
    assert np.allclose(found.values[3], [8, 2], atol=1e-4)
    assert found.standardised == "l2"


def test_nearest_averages_the_most_alike_by_their_cosine():
    other = holes([[4, 0], [3, 1], [-4, 0], [-3, -1], [4, 0.5]])
    part = holes([[1, 1], [2, 2], [9, 9], [8, 8], None])
    found = completed(Nearest, {"a": part, "b": other}, shop(5), neighbours=2)["a"].values[4]
    rows = (other.values - other.values.mean(axis=0)) / other.values.std(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows[:2] @ rows[4]
    assert np.allclose(found, (cosines[:, None] * part.values[:2]).sum(axis=0) / cosines.sum(), atol=1e-4)


def test_interpolate_goes_straight_from_one_to_the_next_in_time():
    part = {"a": holes([[0, 0], None, [10, 20], None, [50, 50]])}
    data = log([0] * 5, range(5), 1, 5, time=[100, 130, 200, 210, 190])
    found = completed(Interpolate, part, data)["a"].values
    assert np.allclose(found[1], np.array([50, 50]) * 30 / 90, atol=1e-4)
    assert np.allclose(found[3], [10, 20], atol=1e-4)


def test_interpolate_takes_events_of_each_person_as_a_series():
    table = features_of(np.array([[0.0], [100.0], [NAN], [NAN], [4.0], [300.0]]))
    events = type(table)(table.values, table.present, table.source, of="interactions")
    data = log([0, 1, 0, 1, 0, 1], [0, 1, 2, 0, 1, 2], 2, 3, time=[0, 0, 1, 5, 2, 10])
    found = completed(Interpolate, {"interactions.mood": events}, data)["interactions.mood"].values
    assert np.allclose(found[2], 2, atol=1e-4)
    assert np.allclose(found[3], 200, atol=1e-3)


def test_an_item_that_nobody_met_has_no_place_in_time():
    part = {"a": holes([[0, 0], [2, 2], None])}
    found = completed(Interpolate, part, log([0, 0], [0, 1], 1, 3, time=[1, 2]))["a"]
    assert found.present.tolist() == [True, True, False]


def test_the_ridge_map_is_that_of_least_generalised_cross_validation():
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(40, 6)).astype(np.float32), rng.normal(size=(40, 3)).astype(np.float32)
    y = x @ rng.normal(size=(6, 3)).astype(np.float32) + 2 * noise
    middle, weights, constant, error = _ridge(x, y)
    cx, cy = (x - x.mean(axis=0)).astype(float), (y - y.mean(axis=0)).astype(float)

    def by_hand(reg):
        hat = cx @ np.linalg.solve(cx.T @ cx + reg * np.eye(6), cx.T)
        return 40 * np.square(cy - hat @ cy).sum() / (39 - np.trace(hat)) ** 2

    regs = 40 * np.logspace(-4, 3, 22)
    best = min(regs, key=by_hand)
    assert regs[0] < best < regs[-1]
    assert np.allclose(weights, np.linalg.solve(cx.T @ cx + best * np.eye(6), cx.T @ cy), atol=1e-5)
    assert np.isclose(error, by_hand(best) / 3)
    assert np.allclose(middle, x.mean(axis=0))
    assert np.allclose(constant, y.mean(axis=0))


def test_ridge_takes_the_best_map_whose_parts_are_there():
    rng = np.random.default_rng(1)
    good, poor = rng.normal(size=(200, 2)), rng.normal(size=(200, 2))
    target = good + 0.1 * poor
    poor[:5], good[5:10], target[:10] = NAN, NAN, NAN
    parts = {"good": features_of(good), "poor": features_of(poor), "target": features_of(target)}
    completer = Ridge(held_out=0).fit(parts, shop(200), generator(0))
    found = completer.complete(parts)["target"]
    assert np.allclose(found.values[:5], good[:5], atol=0.4)
    assert np.abs(found.values[5:10] - target[10:].mean(axis=0)).mean() < 0.3
    assert [one.parts for one in completer.maps["target"]] == [(0, 1), (0,), (1,)]


def test_kept_trees_say_what_scikit_learn_says(monkeypatch):
    from sklearn.tree import DecisionTreeRegressor

    from palate.complete._trees import grown

    kept = []
    fit = DecisionTreeRegressor.fit

    def watched(self, x, y):
        kept.append(self)
        return fit(self, x, y)

    monkeypatch.setattr(DecisionTreeRegressor, "fit", watched)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5)).astype(np.float32)
    x[rng.random((300, 5)) < 0.3] = NAN
    y = np.column_stack([np.nan_to_num(x[:, 0]) ** 2, np.nan_to_num(x[:, 1])]).astype(np.float32)
    config = Boosting(rounds=7, lr=0.3).config
    forest = grown(x, y, config, rng)
    new = rng.normal(size=(100, 5)).astype(np.float32)
    new[rng.random((100, 5)) < 0.3] = NAN
    theirs = y.mean(axis=0) + 0.3 * sum(tree.predict(new) for tree in kept)
    assert len(kept) == 7
    assert np.allclose(forest(new), theirs, atol=1e-5)


def test_word_goes_through_those_who_lack_the_part_too():
    part = {"a": holes([[1, 0], None, None, [0, 1], None])}
    # i0 and i1 are liked together, i1 and i2, i3 and i4; nobody links the two groups.
    data = log([0, 0, 1, 1, 2, 2], [0, 1, 1, 2, 3, 4], 3, 5)
    near = completed(Graph, part, data, hops=1)["a"]
    far = completed(Graph, part, data, hops=2)["a"]
    assert near.present.tolist() == [True, True, False, True, True]
    assert far.present.all()
    assert np.allclose(far.values, [[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], atol=1e-4)


LEARNS = {"boosting": {}, "generative": {"epochs": 60}, "nearest": {}, "ridge": {}}
"""Completers that read the other parts, and how to make them quick."""


def world(n=600, seed=0, link=lambda code: code, missing=0.3):
    """Two parts of one hidden code, and a third that has nothing to do with it."""
    rng = np.random.default_rng(seed)
    code = rng.normal(size=(n, 4))
    picture = link(code) @ rng.normal(size=(4, 12)) + 0.3 * rng.normal(size=(n, 12))
    words = code @ rng.normal(size=(4, 8)) + 0.3 * rng.normal(size=(n, 8))
    whole = {"noise": rng.normal(size=(n, 5)), "picture": 50 + 7 * picture, "words": words}
    holed = {name: np.where(rng.random((n, 1)) < missing, NAN, values) for name, values in whole.items()}
    return whole, {name: features_of(values) for name, values in holed.items()}


def off(whole, parts, found, name):
    """Error of what was estimated beside that of the mean, as `HiddenError.rmse` counts."""
    lost, there = ~parts[name].present, parts[name].present
    spread = whole[name][there].std(axis=0)
    true = (whole[name][lost] - whole[name][there].mean(axis=0)) / spread
    guess = (found[name].values[lost] - whole[name][there].mean(axis=0)) / spread
    guess[~found[name].present[lost]] = 0
    return np.sqrt(np.square(true - guess).mean() / np.square(true).mean())


def kind_of(name):
    found = registry.get(name)
    if found.extra == "deep":
        pytest.importorskip("torch")
    return found


@pytest.mark.parametrize("name", LEARNS)
def test_what_other_parts_tell_is_found_and_the_error_is_what_it_says(name):
    whole, parts = world()
    completer = kind_of(name)(**LEARNS[name]).fit(parts, shop(600), generator(0))
    found = completer.complete(parts)
    real = off(whole, parts, found, "picture")
    assert real < 0.8
    assert abs(completer.errors["picture"].rmse - real) < 0.12
    assert completer.errors["picture"].cosine > 0.5


@pytest.mark.parametrize("name", LEARNS)
def test_where_parts_have_nothing_to_do_with_each_other_nothing_is_found(name):
    whole, parts = world()
    completer = kind_of(name)(**LEARNS[name]).fit(parts, shop(600), generator(0))
    found = completer.complete(parts)
    assert off(whole, parts, found, "noise") > 0.98
    assert completer.errors["noise"].rmse > 0.98


def test_trees_see_what_a_straight_line_cannot():
    whole, parts = world(n=1500, link=lambda code: code**2 - 1, missing=0.2)
    trees, line = (off(whole, parts, completed(kind, parts, shop(1500)), "picture") for kind in (Boosting, Ridge))
    assert trees < 0.9 < 0.97 < line


def test_likes_tell_what_no_other_part_does():
    rng = np.random.default_rng(0)
    group = np.arange(200) % 4
    values = 3 * rng.normal(size=(4, 6))[group] + 0.2 * rng.normal(size=(200, 6))
    lost = rng.random(200) < 0.4
    parts = {"a": features_of(np.where(lost[:, None], NAN, values))}
    users, items = np.repeat(np.arange(80), 20), []
    for user in range(80):
        items.extend(rng.choice(np.flatnonzero(group == user % 4), 20, replace=False))
    found = completed(Graph, parts, log(users, items, 80, 200))
    assert off({"a": values}, parts, found, "a") < 0.4
    shuffled = completed(Graph, parts, log(users, rng.permutation(items), 80, 200))
    assert off({"a": values}, parts, shuffled, "a") > 0.9


def shop_with_groups(lost=0.4, seed=0):
    """Items of four groups that look alike within, and people who like one group each; a share lacks the look."""
    rng = np.random.default_rng(seed)
    group = np.arange(200) % 4
    look = 3 * rng.normal(size=(4, 6))[group] + 0.2 * rng.normal(size=(200, 6))
    look[rng.random(200) < lost] = NAN
    items = [rng.choice(np.flatnonzero(group == user % 4), 20, replace=False) for user in range(80)]
    parts = {"look": features_of(look), "noise": features_of(rng.normal(size=(200, 3)))}
    return log(np.repeat(np.arange(80), 20), np.concatenate(items), 80, 200).with_features(**parts)


def test_only_the_named_parts_are_completed():
    _, parts = world()
    completer = Ridge(only=("picture",)).fit(parts, shop(600), generator(0))
    found = completer.complete(parts)
    assert list(completer.errors) == ["picture"]
    assert found["picture"].completed.any()
    assert found["words"] is parts["words"]
    every = Ridge().fit(parts, shop(600), generator(0)).complete(parts)
    assert np.array_equal(found["picture"].values, every["picture"].values)
    with pytest.raises(DataError, match="to complete 'pictures', and there is no such part: did you mean 'picture'"):
        Ridge(only=("pictures",)).fit(parts, shop(600), generator(0))


def test_advice_is_the_completer_that_finds_what_was_planted():
    advice = advised(shop_with_groups())
    assert advice.parts == ("look",)
    assert advice.best == "graph"
    assert next(iter(advice.cosines)) == "graph"
    assert advice.cosines["graph"] > 0.8
    assert advice.cosines["ridge"] < 0.2
    assert advice.to_json()["best"] == "graph"


def test_where_nothing_tells_what_is_missing_no_completer_is_advised():
    data = shop_with_groups()
    mixed = data.with_features(look=data.part("look").take(np.random.default_rng(0).permutation(200)))
    assert advised(mixed).best is None


def test_where_nothing_is_missing_there_is_no_advice():
    assert advised(shop_with_groups(lost=0.0)) is None
    assert advised(shop_with_groups().without_features("look", "noise")) is None
    assert advised(shop_with_groups(lost=0.95)) is None


def test_advice_takes_another_where_it_comes_clearly_nearer():
    error = HiddenError(10, 1.0, 0.9, 0.5)
    near, nearer = replace(error, cosine=0.53), replace(error, cosine=0.6)
    assert Advice(("a",), {"graph": {"a": error}, "ridge": {"a": near}}).best == "graph"
    assert Advice(("a",), {"graph": {"a": error}, "ridge": {"a": nearer}}).best == "ridge"
    assert Advice(("a",), {"graph": {"a": replace(error, reached=0.5)}, "ridge": {"a": near}}).best == "ridge"
