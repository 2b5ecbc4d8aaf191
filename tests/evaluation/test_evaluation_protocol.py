"""What a model may know, what is masked, who counts."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from palate.core.config import Config
from palate.core.errors import ConfigError, DataError, RequestError, UnknownNameError
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.evaluation import evaluate
from palate.explain.counterfactual import counterfactual
from palate.interfaces import Queries
from palate.models import Model, Popularity


class Fixed(Model[Config]):
    """Gives every user the same scores, as told; remembers what it was asked."""

    name = "fixed"
    config_type = Config

    def __init__(self, scores):
        super().__init__()
        self.given = np.array(scores, np.float32)
        self.asked = []

    def _fit(self, train, valid, run):
        self.trained_on = train

    def score(self, queries, items=None):
        self.asked.append(queries)
        return np.tile(self.given, (len(queries), 1))


def log(rows):
    user, item, weight = zip(*rows, strict=True) if rows else ((), (), ())
    return Interactions(np.array(user, np.int32), np.array(item, np.int32), np.array(weight, np.float32))


def hand_split(train, valid, test, n_users=3, n_items=6):
    items = IdMap(f"i{i}" for i in range(n_items))
    base = Dataset(
        IdMap(f"u{u}" for u in range(n_users)), items, log([]), Catalogue(pl.DataFrame({"item_id": items.series}))
    )
    return Split(*(base.with_interactions(log(rows)) for rows in (train, valid, test)), how="by hand")


class Kept(Fixed):
    """Hands out an array that it keeps, as a model that worked out all scores beforehand would."""

    name = "kept"

    def score(self, queries, items=None):
        return self.given[: len(queries)]


@pytest.fixture
def small():
    # User 0 liked 0 and met 1 without liking it; validation holds 2; test 3 and a disliked 4.
    # User 1 has only a dislike in test. User 2 likes 5, which was met before, and 0.
    return hand_split(
        train=[(0, 0, 1), (0, 1, -1), (1, 0, 1), (2, 5, 1)],
        valid=[(0, 2, 1)],
        test=[(0, 3, 1), (0, 4, 0), (1, 2, -1), (2, 5, 1), (2, 0, 1)],
    )


DOWN = [6, 5, 4, 3, 2, 1]


def test_the_scores_that_a_model_keeps_stay_as_they_are(small):
    table = np.tile(np.arange(6, dtype=np.float32), (9, 1))
    model = Kept(table).fit(small.train)
    users = np.array([0, 2], np.int32)
    found = evaluate(model, small, k=2)
    model.rank(Queries.of_users(small.train, users), 2, small.train.seen[users])
    counterfactual(model, [1, 2], 5, k=2)
    np.testing.assert_array_equal(model.given, table)
    assert evaluate(model, small, k=2).metrics == found.metrics


def test_strict_masks_what_was_met_in_training_liked_or_not_and_nothing_else(small):
    found = evaluate(Fixed(DOWN).fit(small.train), small, k=(1, 2, 3), metrics=["recall"])
    # User 0 is shown 2, 3, 4 … (0 and 1 masked, validation's 2 is not); user 2 is shown 0 first.
    assert found.user_codes.tolist() == [0, 2]
    assert found.per_user["recall@1"].tolist() == [0, 1]
    assert found.per_user["recall@2"].tolist() == [1, 1]


def test_refit_masks_validation_too_and_gives_it_as_history(small):
    model = Fixed(DOWN).fit(small.refit().train)
    found = evaluate(model, small, k=1, metrics=["recall"], protocol="refit")
    assert found.per_user["recall@1"].tolist() == [1, 1]
    assert model.asked[0].history[[0]].indices.tolist() == [0, 2]
    assert found.protocol == "refit"


def test_validation_is_judged_with_training_masked(small):
    found = evaluate(Fixed(DOWN).fit(small.train), small, k=1, metrics=["recall"], on="valid")
    assert (found.users, found.metrics["recall@1"], found.on) == (1, 1.0, "valid")


def test_users_without_a_new_like_do_not_count(small):
    found = evaluate(Fixed(DOWN).fit(small.train), small, k=1)
    assert found.users == 2
    assert 1 not in found.user_codes


def test_what_cannot_be_scored_is_a_miss_and_is_counted(small):
    scores = np.array([6, 5, 4, np.nan, 2, 1], np.float32)
    found = evaluate(Fixed(scores).fit(small.train), small, k=6, metrics=["recall", "auc"])
    assert found.per_user["recall@6"].tolist() == [0, 1]
    assert found.unscored == 0.5
    assert found.per_user["auc"].tolist() == [0, 1]
    nothing = evaluate(Fixed(np.full(6, np.nan)).fit(small.train), small, k=2, metrics=["recall", "ndcg", "auc"])
    assert nothing.metrics == {"recall@2": 0, "ndcg@2": 0, "auc": 0.5}
    assert "100 % of the relevant items could not be scored" in str(nothing)


def test_equal_scores_rank_by_item_code(small):
    found = evaluate(Fixed(np.zeros(6)).fit(small.train), small, k=2, metrics=["mrr"])
    # User 0: 2, 3 -> 1/2. User 2: 0 -> 1.
    assert found.per_user["mrr@2"].tolist() == [0.5, 1]


def test_coverage_is_of_all_lists(small):
    found = evaluate(Fixed(DOWN).fit(small.train), small, k=1, metrics=["coverage"])
    assert found.metrics == {"coverage@1": 2 / 6}
    assert found.intervals == {}


def test_the_memory_budget_changes_nothing_but_the_blocks(tiny, monkeypatch):
    cut = split(tiny)
    model = Popularity().fit(cut.train)
    whole = evaluate(model, cut, k=5)
    monkeypatch.setattr("palate.evaluation._scoring._BYTES_PER_CELL", 1 << 17)
    calls = []
    score = Popularity.score
    monkeypatch.setattr(Popularity, "score", lambda self, q, items=None: calls.append(len(q)) or score(self, q, items))
    blocks = evaluate(model, cut, k=5, memory_mb=16)
    assert max(calls) == (16 << 20) // ((1 << 17) * 30) == 4
    assert blocks.metrics == whole.metrics
    assert all(np.array_equal(blocks.per_user[name], whole.per_user[name]) for name in whole.per_user)


def test_a_model_that_gives_a_shared_array_keeps_it(small):
    class Shared(Fixed):
        def score(self, queries, items=None):
            return np.broadcast_to(self.given, (len(queries), 6))

    model = Shared(DOWN).fit(small.train)
    evaluate(model, small, k=2)
    assert model.given.tolist() == DOWN


def test_a_model_fitted_on_something_else_is_refused(small, tiny):
    with pytest.raises(DataError, match="fixed is not fitted"):
        evaluate(Fixed(DOWN), small)
    with pytest.raises(DataError, match="fit it on a part of this split"):
        evaluate(Popularity().fit(tiny), small)


@pytest.mark.parametrize("protocol", ["strict", "refit"])
def test_a_model_that_saw_the_test_part_is_refused(small, protocol):
    both = Interactions.concat(small.refit().train.interactions, small.test.interactions)
    cheat = Fixed(DOWN).fit(small.train.with_interactions(both))
    with pytest.raises(DataError, match=r"that are not the \d of split\..*train"):
        evaluate(cheat, small, protocol=protocol)


def test_strict_refuses_a_model_that_was_fitted_on_validation_and_refit_one_that_was_not(small):
    with pytest.raises(DataError, match=r"under the protocol 'strict' fit it on split\.train"):
        evaluate(Fixed(DOWN).fit(small.refit().train), small)
    with pytest.raises(DataError, match="under the protocol 'refit'"):
        evaluate(Fixed(DOWN).fit(small.train), small, protocol="refit")


def test_nothing_to_judge_by_is_said(small):
    empty = replace(small, valid=small.valid.with_interactions(log([(0, 0, 1), (1, 1, -1)])))
    with pytest.raises(DataError, match="the valid part holds no new like"):
        evaluate(Fixed(DOWN).fit(empty.train), empty, on="valid")


def test_impossible_requests_are_refused(small):
    model = Fixed(DOWN).fit(small.train)
    with pytest.raises(RequestError, match="under refit validation is part of the training data"):
        evaluate(model, small, protocol="refit", on="valid")
    with pytest.raises(RequestError, match="allowed are strict, refit"):
        evaluate(model, small, protocol="loose")
    with pytest.raises(UnknownNameError, match="did you mean 'recall'"):
        evaluate(model, small, metrics=["recal"])
    with pytest.raises(ConfigError, match="k was 0: give 1 or more"):
        evaluate(model, small, k=0)


def test_scores_of_the_wrong_shape_are_refused(small):
    with pytest.raises(DataError, match=r"gave scores of shape \(2, 5\) for 2 users and 6 items"):
        evaluate(Fixed(DOWN[:5]).fit(small.train), small)


def test_it_prints_and_travels_as_json(tiny):
    cut = split(tiny)
    found = evaluate(Popularity().fit(cut.train), cut, k=(5, 10))
    value = found.to_json()
    assert value["split"] == "test"
    assert set(value) >= {"split", "protocol", "users", "metrics", "intervals", "seconds"}
    assert {"recall@5", "recall@10", "ndcg@10", "auc", "coverage@5"} <= set(value["metrics"])
    low, high = value["intervals"]["ndcg@10"]
    assert low < value["metrics"]["ndcg@10"] < high
    assert max(map(len, str(found).splitlines())) <= 80
    assert "popularity on test, 40 users (random-per-user, strict)" in str(found)


def test_a_cut_off_far_beyond_the_catalogue_is_refused_before_memory_is_taken(tiny):
    cut = split(tiny)
    with pytest.raises(ConfigError, match=r"k was 1,000,000,000 and there are 30 items"):
        evaluate(Popularity().fit(cut.train), cut, k=1_000_000_000)
