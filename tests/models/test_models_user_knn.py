"""User-knn beside its definition, and whom it counts as a neighbour."""

import numpy as np
import pytest
import scipy.sparse as sp

from palate.interfaces import Queries
from palate.models import UserKNN


def by_definition(histories, liked, shrink, item_power, neighbours):
    """Dense, with a full sort; people of the very same likes are left out one by one."""
    weight = np.maximum(liked.sum(axis=0), 1) ** -item_power
    asks, people = histories * weight, liked * weight
    below = np.outer(np.linalg.norm(asks, axis=1), np.linalg.norm(people, axis=1)) + shrink
    alike = asks @ people.T / below
    for row, history in enumerate(histories):
        alike[row, [np.array_equal(history, likes) for likes in liked]] = 0
        alike[row, np.lexsort((np.arange(len(liked)), -alike[row]))[neighbours:]] = 0
    return alike @ liked


@pytest.mark.parametrize("neighbours", [1, 5, 1000])
def test_equals_the_definition(tiny, neighbours):
    settings = {"shrink": 2.5, "item_power": 0.3, "neighbours": neighbours}
    model = UserKNN(**settings).fit(tiny)
    rng = np.random.default_rng(0)
    histories = np.vstack([tiny.liked.toarray(), rng.random((40, 30)) < 0.2])
    queries = Queries(sp.csr_array(histories.astype(np.float32)), np.full(len(histories), -1, np.int32))
    expected = by_definition(histories, tiny.liked.toarray(), **settings)
    assert np.allclose(model.score(queries), expected, atol=1e-5)


def test_a_twin_in_the_crowd_changes_nothing(tiny):
    """With the asker's own row counted, one neighbour fewer would speak."""
    history = tiny.liked[[3]].indices.tolist()
    known, new = Queries.of_users(tiny, np.array([3], np.int32)), Queries.of_history(history[::-1], 30)
    model = UserKNN(neighbours=2).fit(tiny)
    assert np.array_equal(model.score(known), model.score(new))
    speaking = model.explain(known, int(np.nanargmax(model.score(known))))
    assert speaking.score > 0
    assert set(speaking.history) <= set(history)


def test_explanations_add_up_for_every_item_and_any_history(tiny):
    model = UserKNN(shrink=1, neighbours=6).fit(tiny)
    for history in ([0], [1, 2, 29], tiny.liked[[7]].indices.tolist()):
        query = Queries.of_history(history, 30)
        scores = model.score(query)[0]
        for item in range(30):
            explanation = model.explain(query, item)
            assert explanation.score == pytest.approx(scores[item], abs=1e-5)
            assert sum(explanation.history.values()) == pytest.approx(scores[item], abs=1e-5)


def test_people_are_not_written_down_twice(tiny):
    assert not UserKNN().fit(tiny).state().arrays
