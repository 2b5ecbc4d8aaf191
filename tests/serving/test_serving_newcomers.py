"""Items that a model never met: scored by those that are like them, on the model's own scale, and explained."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from palate.core.errors import PalateError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import ALS, EASE, ItemKNN, Popularity
from palate.retrieval import parts_space
from palate.serving.newcomers import NEIGHBOURS, Ground, WithNewcomers

KNOWN, NEW = 120, 6


@pytest.fixture(scope="module")
def world():
    """Items in four corners of a space, people who like one corner; six items that nobody met, one without a vector."""
    rng = np.random.default_rng(0)
    kind = np.arange(KNOWN + NEW) % 4
    values = np.eye(4)[kind] + 0.2 * rng.normal(size=(KNOWN + NEW, 4))
    values[-1] = np.nan
    pairs = {
        (u, int(i)) for u in range(80) for i in rng.choice(np.flatnonzero(kind[:KNOWN] == u % 4), 12, replace=False)
    } | {(u, int(i)) for u in range(80) for i in rng.choice(KNOWN, 3, replace=False)}
    codes = np.array(sorted(pairs), np.int32)
    events = Interactions(codes[:, 0], codes[:, 1], np.ones(len(codes), np.float32))
    items = IdMap(f"i{number}" for number in range(KNOWN + NEW))
    users = IdMap(f"u{number}" for number in range(80))
    whole = Dataset(users, items, events, bare_catalogue(items), features={"v": features_of(values)})
    first = np.arange(KNOWN)
    known = IdMap(items.ids[:KNOWN])
    less = Dataset(users, known, events, bare_catalogue(known), features={"v": whole.features["v"].take(first)})
    return whole, less, kind


@pytest.fixture(params=[ItemKNN, EASE, ALS, Popularity])
def placed(request, world):
    whole, less, _ = world
    model = request.param().fit(less)
    return WithNewcomers(
        model, Ground.of(parts_space(whole), model), whole.items, np.arange(KNOWN, KNOWN + NEW, dtype=np.int32)
    )


def test_known_items_keep_their_scores(placed, world):
    whole, less, _ = world
    codes = np.arange(10, dtype=np.int32)
    mine = placed.score(Queries.of_users(whole, codes))
    assert mine.shape == (10, KNOWN + NEW)
    np.testing.assert_array_equal(mine[:, :KNOWN], placed.model.score(Queries.of_users(less, codes)))
    some = np.array([KNOWN + 1, 3], np.int32)
    np.testing.assert_array_equal(placed.score(Queries.of_users(whole, codes), some), mine[:, some])
    np.testing.assert_allclose(placed.score(Queries.of_users(whole, codes), some[1:]), mine[:, [3]], rtol=1e-6)


def test_newcomers_are_where_their_likes_are(placed, world):
    whole, _, kind = world
    scores = placed.score(Queries.of_users(whole, np.arange(80, dtype=np.int32)))[:, KNOWN : KNOWN + NEW - 1]
    own = kind[None, KNOWN : KNOWN + NEW - 1] == np.arange(80)[:, None] % 4
    if placed.name == "popularity":
        assert np.ptp(scores, axis=0).max() < np.ptp(scores, axis=1).max() + 5
    else:
        assert scores[own].mean() > scores[~own].mean()
        assert (np.where(own, scores, -np.inf).max(axis=1) > np.where(own, -np.inf, scores).max(axis=1)).mean() > 0.95
    low, high = (
        np.nanmin(placed.model.score(Queries.of_users(world[1], np.arange(80, dtype=np.int32)))),
        np.nanmax(scores),
    )
    assert (scores >= low - 1e-6).all()
    assert np.isfinite(high)


def test_a_newcomer_enters_a_list_as_often_as_others_do(world):
    whole, less, _ = world
    model = ItemKNN().fit(less)
    placed = WithNewcomers(
        model, Ground.of(parts_space(whole), model), whole.items, np.arange(KNOWN, KNOWN + NEW, dtype=np.int32)
    )
    scores = placed.score(Queries.of_users(whole, np.arange(80, dtype=np.int32)))
    scores[whole.seen.nonzero()] = np.nan
    top = np.argsort(-np.nan_to_num(scores, nan=-np.inf), axis=1)[:, :10]
    share = (top >= KNOWN).mean()
    assert 0.01 < share < 0.4


def test_what_has_no_vector_cannot_be_scored(placed, world):
    whole, _, _ = world
    scores = placed.score(Queries.of_users(whole, np.arange(3, dtype=np.int32)))
    assert np.isnan(scores[:, -1]).all()
    nowhere = WithNewcomers(placed.model, None, whole.items, np.arange(KNOWN, KNOWN + NEW, dtype=np.int32))
    assert np.isnan(nowhere.score(Queries.of_users(whole, np.arange(3, dtype=np.int32)))[:, KNOWN:]).all()
    assert nowhere.nearest(KNOWN) is None
    assert placed.nearest(3) is None


def test_who_liked_a_newcomer_is_as_one_who_liked_the_nearest(placed, world):
    nearest = placed.nearest(KNOWN)
    both = [[KNOWN], [nearest], [KNOWN, nearest], [KNOWN, 5]]
    scores = [placed.score(Queries.of_history(history, KNOWN + NEW))[0] for history in both]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])
    if placed.name != "popularity":
        assert not np.array_equal(scores[0], scores[3])
    alone = placed.score(Queries.of_history([KNOWN + NEW - 1], KNOWN + NEW))
    empty = placed.model.score(Queries(sp.csr_array((1, KNOWN), dtype=np.float32), np.array([-1], np.int32)))
    np.testing.assert_array_equal(alone[:, :KNOWN], empty)


def test_a_newcomer_is_explained_by_what_was_liked(placed, world):
    whole, _, _ = world
    query = Queries.of_users(whole, np.array([4], np.int32))
    score = float(placed.score(query)[0, KNOWN])
    said = placed.explain(query, KNOWN)
    assert said.score == pytest.approx(score, rel=1e-5)
    if said.history:
        assert sum(said.history.values()) + said.own == pytest.approx(score, rel=1e-4)
        assert set(said.history) <= set(query.history.indices.tolist())
        stand_in = placed.explain(Queries.of_history([KNOWN, 5], KNOWN + NEW), 9)
        assert set(stand_in.history) <= {KNOWN, 5}


def test_neighbours_are_the_nearest_known_ones_by_brute_force(world):
    whole, less, _ = world
    space = parts_space(whole)
    ground = Ground.of(space, ItemKNN().fit(less))
    units = space.table.values[:KNOWN]
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    cosines[:, np.setdiff1d(np.arange(KNOWN), ground.known)] = -np.inf
    for row, code in enumerate(ground.references[:20]):
        best = np.sort(-cosines[code])[:NEIGHBOURS] * -1
        found = ground.around.weights[row]
        np.testing.assert_allclose(found, np.maximum(best, 0), atol=1e-5)
        assert code not in ground.around.codes[row]


def test_it_cannot_be_fitted(placed, world):
    with pytest.raises(PalateError, match="not fitted"):
        placed.fit(world[0])
