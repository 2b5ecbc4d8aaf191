from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.explain import counterfactual
from palate.interfaces import Queries
from palate.models import EASE, ContentKNN, ItemKNN, Popularity, VectorSpace


class Additive(ItemKNN):
    """Scores by a table that a test wrote."""

    def __init__(self, table):
        super().__init__()
        self.table = np.asarray(table, np.float32)

    def score(self, queries, items=None):
        scores = queries.history @ self.table
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return scores


def additive(tiny, rows):
    """Of 30 items the first are liked; `rows` says what each liked one gives to items 10, 11 and 12."""
    table = np.zeros((30, 30))
    for code, row in enumerate(rows):
        table[code, 10 : 10 + len(row)] = row
    model = Additive(table)
    model.remember(tiny.users, tiny.items, tiny.liked, tiny.seen)
    return model


def brute_force(model, history, item, k):
    """The size of the smallest set, by trying them all."""
    for size in range(1, len(history) + 1):
        for gone in combinations(history, size):
            kept = [code for code in history if code not in gone]
            scores = model.score(Queries.of_history(kept, len(model.items)))[0]
            scores[list(history)] = np.nan
            order = sorted(np.flatnonzero(~np.isnan(scores)), key=lambda code: (-scores[code], code))
            if item not in order[:k]:
                return size
    return 0


def test_one_like_carries_the_item(tiny):
    model = additive(tiny, [[5, 0], [1, 4], [0, 1]])
    found = counterfactual(model, [0, 1, 2], 10, k=1)
    assert found.removed == (0,)
    assert (found.rank, found.rank_without, found.smallest) == (1, 2, True)


def test_two_likes_are_needed_and_the_bigger_comes_first(tiny):
    model = additive(tiny, [[2, 0], [3, 0], [0, 1]])
    found = counterfactual(model, [0, 1, 2], 10, k=1)
    assert found.removed == (1, 0)
    assert found.smallest


def test_the_item_leaves_when_enough_others_are_better(tiny):
    model = additive(tiny, [[3, 2, 1], [0, 2, 0], [0, 0, 2]])
    assert counterfactual(model, [0, 1, 2], 10, k=2).removed == (0,)
    with pytest.raises(DataError, match="has place 3, so it is not among the 2 best"):
        counterfactual(model, [0, 1, 2], 12, k=2)


def test_without_any_like_nothing_can_be_scored(tiny):
    model = additive(tiny, [[3, 1]])
    found = counterfactual(model, [0], 10, k=1)
    assert (found.removed, found.rank_without, found.smallest) == ((0,), None, True)


def test_nothing_changes_a_list_that_is_the_same_for_everyone(tiny):
    model = Popularity().fit(tiny)
    item = int(model.recommend(["u0"], 1)["item_id"][0][1:])
    found = counterfactual(model, tiny.liked[[0]].indices.tolist(), item, k=1, seen=tiny.seen[[0]].indices)
    assert found.removed == ()
    assert found.smallest


@pytest.mark.parametrize("kind", [ItemKNN, EASE, ContentKNN, VectorSpace])
@pytest.mark.parametrize("k", [1, 3])
def test_the_set_is_as_small_as_by_trying_all(tiny, kind, k):
    model = kind().fit(tiny)
    for user in range(8):
        history = tiny.liked[[user]].indices.tolist()
        item = int(tiny.items.code(model.recommend([f"u{user}"], 1)["item_id"][0], "item"))
        found = counterfactual(model, history, item, k)
        assert found.smallest
        assert len(found.removed) == brute_force(model, history, item, k)


@pytest.mark.parametrize("kind", [ItemKNN, EASE, ContentKNN])
def test_where_not_all_can_be_tried_the_set_works_and_none_can_be_given_back(tiny, kind):
    model = kind().fit(tiny)
    sizes = []
    for user in range(12):
        history = tiny.liked[[user]].indices.tolist()
        item = int(tiny.items.code(model.recommend([f"u{user}"], 1)["item_id"][0], "item"))
        found = counterfactual(model, history, item, 1, tries=0)
        assert dropped(model, history, item, found.removed)
        for code in found.removed:
            rest = [other for other in found.removed if other != code]
            assert not rest or not dropped(model, history, item, rest)
        sizes.append((len(found.removed), brute_force(model, history, item, 1)))
        assert found.smallest == (len(found.removed) <= 1)
    assert sum(greedy for greedy, _ in sizes) <= 1.3 * sum(best for _, best in sizes)


def dropped(model, history, item, gone):
    kept = [code for code in history if code not in gone]
    scores = model.score(Queries.of_history(kept, len(model.items)))[0]
    scores[history] = np.nan
    return np.isnan(scores[item]) or np.nanargmax(scores) != item


def test_what_was_seen_and_disliked_is_no_rival(tiny):
    model = additive(tiny, [[3, 2], [0, 2]])
    found = counterfactual(model, [0, 1], 10, k=1, seen=np.array([0, 1, 11], np.int32))
    assert found.removed == (0,)
    assert found.rank_without != 2 or found.rank == 1


def test_what_was_met_is_in_no_list(tiny):
    model = additive(tiny, [[3, 2], [0, 2]])
    for met in (0, 11):
        with pytest.raises(DataError, match="was met before"):
            counterfactual(model, [0, 1], met, k=10, seen=np.array([0, 1, 11], np.int32))


@pytest.mark.parametrize("k", [0, -1])
def test_a_list_of_nothing_is_refused(tiny, k):
    with pytest.raises(DataError, match=f"k was {k}: .* at least one item"):
        counterfactual(additive(tiny, [[3, 1]]), [0], 10, k=k)


def test_a_list_longer_than_the_catalogue_takes_no_more_memory(tiny):
    model = additive(tiny, [[3, 1], [1, 1]])
    asked = 1 << 40
    assert counterfactual(model, [0, 1], 10, k=asked) == counterfactual(model, [0, 1], 10, k=30)


def test_a_long_history_is_scored_a_few_times_for_each_like(tiny):
    n, user = 1_000, 400
    items = IdMap(f"i{code}" for code in range(n))
    rng = np.random.default_rng(0)
    gives = rng.random((user, 3)) * [1.2, 1, 1]
    model = Additive(np.zeros((n, n)))
    model.table[:user, 500:503] = gives
    model.remember(tiny.users, items, tiny.liked, tiny.seen)
    scored = []
    plain = model.score
    model.score = lambda queries, items=None: scored.append(len(queries)) or plain(queries)
    history = list(range(user))
    found = counterfactual(model, history, 500, k=1, tries=0)
    assert sum(scored) < 30 * user
    assert dropped(model, history, 500, found.removed)
    ahead = (gives[:, :1] - gives[:, 1:]).clip(min=0)
    assert len(found.removed) < 2 * max_needed(ahead, gives)


def max_needed(ahead, gives):
    """How many likes it takes against the rival that is easiest to let past, biggest lead first."""
    lead = gives[:, 0].sum() - gives[:, 1:].sum(axis=0)
    gained = np.cumsum(-np.sort(-ahead, axis=0), axis=0)
    return int((gained < lead).sum(axis=0).min()) + 1
