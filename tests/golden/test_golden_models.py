"""Recommenders on matrices small enough to be worked by hand."""

import numpy as np
import pytest

from palate.core.errors import MemoryLimitError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import EASE, ContentKNN, Ensemble, ItemKNN, VectorSpace

LIKES = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 2), (2, 3)]
"""
        a b c d
    u0  1 1
    u1  1 1 1
    u2      1 1
"""
NAN = np.nan


def shop(likes=LIKES, items=4, **features):
    user, item = (np.array([pair[side] for pair in likes], np.int32) for side in (0, 1))
    ids = IdMap("abcdef"[:items])
    rows = Interactions(user, item, np.ones(len(user), np.float32))
    return Dataset(IdMap(["u0", "u1", "u2"]), ids, rows, bare_catalogue(ids), features=features)


def scores(model, *history, items=4):
    return model.score(Queries.of_history(list(history), items))[0]


def test_item_knn_without_damping_is_the_cosine():
    # co-occurrence: ab 2, ac 1, bc 1, cd 1; degrees a 2, b 2, c 2, d 1.
    model = ItemKNN(shrink=0, user_power=0).fit(shop())
    assert scores(model, 0) == pytest.approx([0, 1, 1 / 2, 0])
    assert scores(model, 0, 3) == pytest.approx([0, 1, 1 / 2 + 1 / np.sqrt(2), 0])


def test_item_knn_damped():
    # Users weigh 2^-1, 3^-1, 2^-1 in each factor. |a|^2 = 1/4 + 1/9 = 13/36 = |b|^2 = |c|^2, |d|^2 = 1/4.
    # ab = 13/36, ac = bc = 1/9, cd = 1/4; shrink 1.
    model = ItemKNN(shrink=1, user_power=1).fit(shop())
    expected = [0, (13 / 36) / (13 / 36 + 1), (1 / 9) / (13 / 36 + 1), 0]
    assert scores(model, 0) == pytest.approx(expected)
    assert scores(model, 3)[2] == pytest.approx((1 / 4) / (np.sqrt(13) / 12 + 1))


def test_item_knn_keeps_the_nearest_of_the_scored_item():
    # The one nearest of c is d (1 / sqrt 2), so a tells nothing of c; that of d is c.
    model = ItemKNN(shrink=0, user_power=0, neighbours=1).fit(shop())
    assert scores(model, 0) == pytest.approx([0, 1, 0, 0])
    assert scores(model, 2) == pytest.approx([0, 0, 0, 1 / np.sqrt(2)])


def test_item_knn_cannot_score_what_nobody_liked():
    model = ItemKNN(shrink=0, user_power=0).fit(shop(items=5))
    assert np.isnan(scores(model, 0, items=5)).tolist() == [False] * 4 + [True]
    assert np.isnan(scores(model, 4, items=5)).all()


def test_ease_of_two_items():
    # Two users like a and b, one likes a: G + reg = [[3 + 1, 2], [2, 2 + 1]]; P = [[3, -2], [-2, 4]] / 8.
    # B_ab = -P_ab / P_bb = 2 / 4; B_ba = 2 / 3.
    model = EASE(reg=1).fit(shop([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)], 2))
    assert model.weights == pytest.approx(np.array([[0, 1 / 2], [2 / 3, 0]]), abs=1e-6)
    assert scores(model, 0, items=2) == pytest.approx([0, 1 / 2])
    assert scores(model, 0, 1, items=2) == pytest.approx([2 / 3, 1 / 2])


def test_ease_leaves_out_what_nobody_liked():
    model = EASE(reg=1).fit(shop([(0, 0), (0, 2), (1, 0), (1, 2), (2, 0)], 4))
    assert scores(model, 0) == pytest.approx([0, NAN, 1 / 2, NAN], nan_ok=True, abs=1e-6)


def test_ease_says_how_much_memory_it_would_take():
    # 4 bytes for each of 800 x 800 pairs, in MiB, rounded up.
    ids = IdMap(map(str, range(800)))
    liked = np.arange(800, dtype=np.int32)
    rows = Interactions(liked, liked, np.ones(800, np.float32))
    data = Dataset(ids, ids, rows, bare_catalogue(ids))
    with pytest.raises(MemoryLimitError, match=r"3 MB for 800 items, and memory_limit_mb is 2: raise"):
        EASE(memory_limit_mb=2).fit(data)
    assert EASE(memory_limit_mb=3).fit(data).weights.shape == (800, 800)


CORNERS = features_of(np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1], [3, 3], [NAN, NAN]]))
"""After standardising: a and e point the same way, d the other, b and c across, f is missing."""


def test_vector_space_is_the_cosine_to_the_mean():
    likes = [(0, 0), (0, 1), (1, 2), (2, 3)]
    model = VectorSpace().fit(shop(likes, 6, corner=CORNERS))
    r = np.sqrt(0.5)
    assert scores(model, 0, items=6) == pytest.approx([1, 0, 0, -1, 1, NAN], nan_ok=True, abs=1e-6)
    assert scores(model, 0, 1, items=6) == pytest.approx([r, r, -r, -r, r, NAN], nan_ok=True, abs=1e-6)
    assert np.isnan(scores(model, 5, items=6)).all()
    assert np.isnan(scores(model, 0, 3, items=6)).all()


def test_content_knn_sums_the_cosines_of_the_nearest():
    likes = [(0, 0), (0, 1), (1, 2), (2, 3)]
    model = ContentKNN(neighbours=1).fit(shop(likes, 6, corner=CORNERS))
    # e's nearest is a and a's is e, cosine 1; across and behind there is nothing to add.
    assert scores(model, 0, items=6) == pytest.approx([0, 0, 0, 0, 1, NAN], nan_ok=True, abs=1e-6)
    assert scores(model, 0, 4, items=6) == pytest.approx([1, 0, 0, 0, 1, NAN], nan_ok=True, abs=1e-6)


def test_content_models_look_at_the_parts_they_are_told():
    data = shop(LIKES, 6, corner=CORNERS, noise=features_of(np.random.default_rng(0).normal(size=(6, 3))))
    told = VectorSpace(parts=("corner",)).fit(data)
    only = VectorSpace().fit(data.without_features("noise"))
    assert np.array_equal(scores(told, 0, items=6), scores(only, 0, items=6), equal_nan=True)
    assert set(told.explain(Queries.of_history([0], 6), 4).parts) == {"corner"}


def test_late_fusion_fills_what_one_member_cannot_score():
    data = shop([(0, 0), (0, 1), (1, 2), (2, 3)], 6, corner=CORNERS)
    model = Ensemble({"behaviour": ItemKNN(shrink=0, user_power=0), "content": VectorSpace()}).fit(data)
    # item-knn: 0 1 0 0 on a to d (mean 1/4, deviation sqrt 3 / 4); e is judged by content alone: 1 0 0 -1 1.
    content = (np.array([1, 0, 0, -1, 1]) - 0.2) / np.sqrt(0.56)
    behaviour = (np.array([0, 1, 0, 0]) - 0.25) / (np.sqrt(3) / 4)
    expected = [*((content[:4] + behaviour) / 2), content[4], NAN]
    assert scores(model, 0, items=6) == pytest.approx(expected, nan_ok=True, abs=1e-5)
