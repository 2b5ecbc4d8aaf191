"""User-knn and slim on matrices small enough to be worked by hand."""

import numpy as np
import pytest

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import SLIM, UserKNN

LIKES = ["ab", "abc", "cd"]
"""
        a b c d
    u0  1 1
    u1  1 1 1
    u2      1 1
"""


def shop(likes=LIKES, items="abcde"):
    """Nobody likes e."""
    pairs = [(person, items.index(item)) for person, liked in enumerate(likes) for item in liked]
    user, item = np.array(pairs, np.int32).T.copy()
    ids = IdMap(items)
    people = IdMap(f"u{person}" for person in range(len(likes)))
    return Dataset(people, ids, Interactions(user, item, np.ones(len(user), np.float32)), bare_catalogue(ids))


def asked(history, items="abcde"):
    return Queries.of_history([items.index(item) for item in history], len(items))


def scores(model, history):
    return pytest.approx(model.score(asked(history))[0], nan_ok=True, abs=1e-6)


def test_user_knn_without_damping_is_the_cosine():
    model = UserKNN(shrink=0, item_power=0).fit(shop())
    near, far = 1 / np.sqrt(2), 1 / np.sqrt(3)  # one like shared with u0, who likes two things, and with u1, three
    assert scores(model, "a") == [near + far, near + far, far, 0, np.nan]
    assert scores(model, "e") == [np.nan] * 5


def test_user_knn_damped():
    # a, b and c weigh 1/2, d weighs 1. |u1| = sqrt(3/4), |u2| = sqrt(1/4 + 1), and the asker's length is 1/2.
    model = UserKNN(shrink=1, item_power=1).fit(shop())
    first, second = (1 / 4) / (np.sqrt(3) / 4 + 1), (1 / 4) / (np.sqrt(5) / 4 + 1)
    assert scores(model, "c") == [first, first, first + second, second, np.nan]


def test_user_knn_asks_the_nearest_other_person():
    model = UserKNN(shrink=0, item_power=0, neighbours=1).fit(shop())
    assert scores(model, "a") == [1 / np.sqrt(2), 1 / np.sqrt(2), 0, 0, np.nan]
    # u0 likes a and b and nothing else: as a neighbour of such a history there is nothing to learn from u0.
    assert scores(model, "ab") == [2 / np.sqrt(6)] * 3 + [0, np.nan]
    known = model.score(Queries.of_users(shop(), np.array([0], np.int32)))
    assert np.array_equal(known, model.score(asked("ab")), equal_nan=True)


def test_user_knn_tells_which_like_made_people_alike():
    model = UserKNN(shrink=0, item_power=0).fit(shop())
    explanation = model.explain(asked("ac"), 1)  # b: u0 shares a; u1 shares a and c
    assert explanation.history == pytest.approx({0: 1 / 2 + 1 / np.sqrt(6), 2: 1 / np.sqrt(6)})
    assert explanation.score == pytest.approx(1 / 2 + 2 / np.sqrt(6))


def test_slim_solves_the_equations_of_each_item():
    # Co-occurrence: ab 2, ac = bc = cd 1; degrees 2, 2, 2, 1; l1 1/4 and reg 1. What makes up
    # a: 3 b + c = 7/4 and b + 3 c = 3/4; b as a; c: 3 a + 2 b = 2 a + 3 b = 3/4 and 2 d = 3/4; d: 3 c = 3/4.
    model = SLIM(l1=0.25, reg=1, tolerance=1e-8).fit(shop())
    assert scores(model, "a") == [0, 9 / 16, 3 / 20, 0, np.nan]
    assert scores(model, "d") == [0, 0, 3 / 8, 0, np.nan]
    assert scores(model, "ac") == [1 / 16, 9 / 16 + 1 / 16, 3 / 20, 1 / 4, np.nan]
    assert model.explain(asked("ac"), 1).history == pytest.approx({0: 9 / 16, 2: 1 / 16})


def test_slim_leaves_out_what_is_not_worth_its_weight():
    model = SLIM(l1=1, reg=1).fit(shop())
    expected = np.zeros((5, 5))
    expected[0, 1] = expected[1, 0] = 1 / 3  # (2 - 1) / (2 + 1); all others were liked together once
    assert np.allclose(model.graph.toarray(), expected)
    assert model.graph.nnz == 2
    assert scores(model, "d") == [0, 0, 0, 0, np.nan]
