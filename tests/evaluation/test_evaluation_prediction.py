import json

import numpy as np
import pytest

from palate.bundle import Recipe, train
from palate.core.errors import DataError, RequestError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.folder import save
from palate.data.interactions import Interactions
from palate.data.split import split
from palate.data.split._base import Split
from palate.evaluation import evaluate_clicks, evaluate_ratings
from palate.evaluation._pairs import against_sampled, level_baselines, popularity_baselines, rated
from palate.models import ItemKNN, Logistic, Popularity


class Told:
    """Says of each pair what it is told."""

    name, requires, predicts = "told", frozenset(), "rating"

    def __init__(self, known, says, predicts="rating"):
        self.users, self.items, self.seen, self.says, self.predicts = (
            known.users,
            known.items,
            known.seen,
            says,
            predicts,
        )

    def predict(self, queries, rows, items):
        return np.array(
            [self.says.get((int(queries.user[row]), int(item)), np.nan) for row, item in zip(rows, items, strict=True)],
            np.float32,
        )


def data(rows, users=3, items=4):
    user, item, weight = (np.array(column) for column in zip(*rows, strict=True))
    ids = IdMap("abcdefgh"[:items])
    part = Interactions(user.astype(np.int32), item.astype(np.int32), weight.astype(np.float32))
    return Dataset(IdMap("uvwxyz"[:users]), ids, part, bare_catalogue(ids))


def cut(train, valid, test, **sizes):
    return Split(data(train, **sizes), data(valid, **sizes), data(test, **sizes), "by-hand")


RATED = cut([(0, 0, 5), (0, 1, 3), (1, 0, 4), (2, 1, 2)], [(1, 2, 5)], [(0, 2, 4), (1, 1, 1), (2, 0, 3)])


def test_ratings_by_hand():
    found = evaluate_ratings(Told(RATED.train, {(0, 2): 5, (1, 1): 1, (2, 0): 1}), RATED, resamples=50)
    assert found.metrics["rmse"] == pytest.approx(np.sqrt((1 + 0 + 4) / 3))
    assert found.metrics["mae"] == pytest.approx(1)
    assert (found.users, found.pairs, found.unpredicted, found.task) == (3, 3, 0, "rating")
    low, high = found.intervals["rmse"]
    assert 0 <= low < found.metrics["rmse"] < high <= 2


def test_baselines_by_hand():
    pairs = rated(RATED.train, RATED.test, "test")
    said = level_baselines(RATED.train, pairs, "rating")
    mean = 14 / 4
    assert said["global mean"].tolist() == [mean] * 3
    assert said["user mean"].tolist() == [4, 4, 2]
    assert said["item mean"].tolist() == [mean, 2.5, 4.5]
    level = {0: (1.5 + 0.5) / 7, 1: (-0.5 - 1.5) / 7}
    user = [(1.5 - level[0] - 0.5 - level[1]) / 7, (0.5 - level[0]) / 6, (-1.5 - level[1]) / 6]
    expected = [mean + user[0], mean + level[1] + user[1], mean + level[0] + user[2]]
    assert said["biased"] == pytest.approx(expected)


def test_what_cannot_be_predicted_is_the_mean_and_said():
    found = evaluate_ratings(Told(RATED.train, {(0, 2): 4, (1, 1): 1}), RATED, resamples=10)
    assert found.metrics["mae"] == pytest.approx((0 + 0 + 0.5) / 3)
    assert found.unpredicted == pytest.approx(1 / 3)
    assert "33.3 % of the pairs could not be predicted: 'global mean' stood in" in str(found)


def test_what_was_met_before_is_not_judged():
    again = cut([(0, 0, 5), (1, 1, 3)], [(1, 2, 5)], [(0, 0, 4), (1, 3, 1)])
    assert evaluate_ratings(Told(again.train, {(1, 3): 2}), again, resamples=10).pairs == 1


DISLIKED = cut(
    [(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 2, 1)], [(1, 1, 1)], [(0, 2, 1), (0, 3, 0), (1, 3, 0), (2, 0, 1)]
)  # fmt: skip


def test_clicks_against_dislikes_by_hand():
    says = {(0, 2): 0.8, (0, 3): 0.9, (1, 3): 0.1, (2, 0): 0.6}
    found = evaluate_clicks(Told(DISLIKED.train, says, "click"), DISLIKED, resamples=20)
    assert found.against == "explicit dislikes"
    assert found.metrics["auc"] == pytest.approx(2 / 4)
    assert found.metrics["accuracy"] == pytest.approx(3 / 4)
    assert found.metrics["precision"] == pytest.approx(2 / 3)
    assert found.metrics["recall"] == 1
    assert found.metrics["log-loss"] == pytest.approx(-np.log(0.8 * 0.1 * 0.9 * 0.6) / 4)
    assert found.baselines["global mean"]["log-loss"] == pytest.approx(-np.log(0.75 * 0.25 * 0.25 * 0.75) / 4)
    assert found.baselines["global mean"]["auc"] == 0.5


def test_popularity_by_bayes():
    only = cut([(0, 0, 1), (1, 0, 1), (1, 1, 1)], [(2, 1, 1)], [(2, 0, 1)])
    pairs = against_sampled(only.train, only.test, [only.train, only.valid, only.test], 2, 0, "test")
    assert pairs.user.tolist() == [2, 2, 2]
    assert pairs.item[0] == 0
    assert set(pairs.item[1:].tolist()) <= {2, 3}
    assert pairs.truth.tolist() == [1, 0, 0]
    said = popularity_baselines(only.train, pairs)
    # Likes 2, 1, 0, 0 and one more each make 3, 2, 1, 1 of 7; two negatives a like, even over 4 items.
    assert said["popularity"][0] == pytest.approx((3 / 7) / (3 / 7 + 2 / 4))
    assert said["popularity"][1] == pytest.approx((1 / 7) / (1 / 7 + 2 / 4))
    assert said["constant"].tolist() == [1 / 3] * 3


def test_by_test_a_negative_is_in_no_part_and_by_validation_it_may_be_in_test():
    """Whoever chooses by validation must not learn from its negatives what test holds."""
    only = cut([(0, 0, 1)], [(0, 1, 1)], [(0, 2, 1)], users=1, items=4)
    asked = {"test": set(), "valid": set()}
    for on, found in asked.items():
        model = Told(only.train, {}, "click")
        model.predict = lambda queries, rows, items, found=found: (
            found.update(items.tolist()) or np.full(len(rows), 0.5)
        )
        evaluate_clicks(model, only, on=on, negatives=50, resamples=0)
    assert asked == {"test": {2, 3}, "valid": {1, 2, 3}}


def test_the_same_seed_samples_the_same(tiny):
    parts = split(tiny)
    model = Logistic().fit(parts.train)
    first, again, other = (evaluate_clicks(model, parts, seed=seed, resamples=10) for seed in (0, 0, 1))
    assert first.metrics == again.metrics
    assert first.metrics != other.metrics
    assert first.pairs == 5 * parts.test.liked.nnz
    assert first.against == "4 sampled negatives for each like"


def test_taste_beats_popularity(tiny):
    parts = split(tiny)
    found = evaluate_clicks(Logistic().fit(parts.train), parts)
    assert found.metrics["auc"] > 0.8 > 0.7 > found.baselines["popularity"]["auc"]
    low, high = found.intervals["auc"]
    assert found.baselines["popularity"]["auc"] < low < found.metrics["auc"] < high
    assert max(len(line) for line in str(found).splitlines()) <= 80


def test_a_like_is_judged_under_refit_by_more_history(tiny):
    parts = split(tiny)
    with pytest.raises(DataError, match=r"fit it on split\.refit"):
        evaluate_clicks(Logistic().fit(parts.train), parts, "refit")
    assert evaluate_clicks(Logistic().fit(parts.refit().train), parts, "refit", resamples=10).protocol == "refit"


@pytest.mark.parametrize(
    ("model", "judge", "error", "sentence"),
    [
        (ItemKNN(), evaluate_clicks, RequestError, "item-knn ranks items and predicts no clicks: train .* target=click"),
        (Popularity(), evaluate_ratings, RequestError, "popularity ranks items and predicts no ratings"),
        (Logistic(), evaluate_ratings, RequestError, "this logistic predicts clicks, not ratings"),
    ],
)  # fmt: skip
def test_a_model_that_predicts_something_else_is_refused(tiny, model, judge, error, sentence):
    parts = split(tiny)
    with pytest.raises(error, match=sentence):
        judge(model.fit(parts.train), parts)


def test_only_likes_cannot_be_judged_by_dislikes():
    only = cut([(0, 0, 1), (0, 1, 0)], [(1, 1, 1)], [(0, 2, 1), (1, 3, 1)])
    with pytest.raises(DataError, match="holds 2 new likes and 0 dislikes, and both are needed"):
        evaluate_clicks(Told(only.train, {}, "click"), only)
    assert evaluate_clicks(Told(only.train, {}, "click"), only, negatives=1, resamples=0).pairs == 4


@pytest.fixture
def bundle(tiny, tmp_path):
    save(tiny, tmp_path / "shop")
    from palate.data.folder import load

    recipe = Recipe(model="logistic", data=str(tmp_path / "shop"))
    trained = train(load(tmp_path / "shop"), recipe)
    trained.bundle().save(tmp_path / "b.palate")
    return tmp_path / "b.palate"


def test_the_command_judges_clicks(palate, bundle):
    code, out, err = palate("evaluate", bundle, "--task", "click", "--json")
    assert (code, err) == (0, "")
    value = json.loads(out)
    assert {"task", "split", "protocol", "users", "pairs", "metrics", "intervals", "baselines"} <= set(value)
    assert (value["task"], value["split"], value["protocol"]) == ("click", "test", "strict")
    assert set(value["metrics"]) == {"auc", "log-loss", "accuracy", "precision", "recall", "f1"}
    assert set(value["baselines"]) == {"constant", "popularity"}
    code, out, _ = palate("evaluate", bundle, "--task", "click", "--negatives", "2")
    assert code == 0
    assert "clicks against 2 sampled negatives for each like" in out
    assert json.loads(palate("evaluate", bundle, "--json")[1])["task"] == "ranking"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--task", "clicks"], "--task was 'clicks': did you mean 'click'?"),
        (["--task", "rating"], "predicts clicks, not ratings"),
        (["--negatives", "3"], "only --task click samples any"),
        (["--task", "click", "-k", "5", "--by", "history"], "judges pairs, not lists, by all its metrics: leave out --k, --by"),
        (["--task", "click", "--seeds", "3", "--drop-at", "serve"], "leave out --drop-at, --seeds"),
        (["--task", "click", "--on", "train"], "allowed are strict, refit and test, valid"),
        (["--task", "click", "--negatives", "0"], "negatives was 0: give 1 or more"),
    ],
)  # fmt: skip
def test_a_wrong_task_is_one_sentence_and_code_2(palate, bundle, words, sentence):
    code, out, err = palate("evaluate", bundle, *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
