"""Comparisons beyond accuracy, by other definitions, among some items."""

import json

import numpy as np
import pytest

from palate.cli import main
from palate.core.errors import ConfigError, UnknownNameError
from palate.data.folder import save
from palate.data.split import split
from palate.evaluation import compare
from palate.models import ContentKNN, ItemKNN, Popularity

MODELS = {"popularity": lambda _: Popularity(), "item-knn": lambda _: ItemKNN()}


def test_a_comparison_goes_beyond_accuracy_and_says_what_it_left_out(tiny):
    found = compare(split(tiny), MODELS, k=5, metrics=["recall", "beyond"])
    assert {"novelty@5", "gini@5", "diversity-content@5"} <= set(found.rows[0]["metrics"])
    assert any(note.startswith("Left out diversity-category, calibration") for note in found.notes())
    assert max(map(len, str(found).splitlines())) <= 80


def test_other_definitions_are_named_wherever_the_figure_stands(tiny):
    cut = split(tiny)
    found = compare(cut, MODELS, k=5, compat="lenskit")
    assert found.by == "recall@5 (lenskit)"
    assert found.to_json()["compat"] == "lenskit"
    assert "(lenskit)" in str(found).split("95 %")[0]
    assert "recall@5 (lenskit)" in found.to_markdown()
    assert any("not comparable with ours" in note for note in found.notes())
    assert max(map(len, str(found).splitlines())) <= 80
    assert compare(cut, MODELS, k=5, compat="lenskit", by="ndcg@5").by == "ndcg@5 (lenskit)"
    assert compare(cut, MODELS, k=5).to_json()["compat"] is None


def test_weighted_users_are_weighted_in_the_interval_and_the_test(tiny):
    cut = split(tiny, "cold-items", items=0.6)  # where users have one, two or three items to be found
    found = compare(
        cut, MODELS | {"content-knn": lambda _: ContentKNN()}, k=3, metrics=["precision"], compat="implicit"
    )
    name = "precision@3 (implicit)"
    assert found.best == "content-knn"
    best = found.trials["content-knn"].test
    low, high = best.intervals[name]
    assert low < best.metrics[name] < high
    values, weights = best.per_user[name], best.weights[name]
    assert len(np.unique(weights)) > 1
    assert best.metrics[name] == pytest.approx((values * weights).sum() / weights.sum())
    test = found.tests[0]
    assert test["interval"][0] < test["difference"] < test["interval"][1]


def test_a_difference_is_of_the_users_of_whom_both_models_have_a_value(tiny):
    """LensKit's precision of an empty list is NaN; the mean of the rest is of other users than the rival's."""

    class Picky(Popularity):
        name = "picky"

        def score(self, queries, items=None):
            scores = super().score(queries, items)
            scores[queries.user % 2 == 1] = np.nan
            return scores

    models = {"picky": lambda _: Picky(), "popularity": lambda _: Popularity()}
    found = compare(split(tiny), models, k=3, metrics=["precision"], compat="lenskit")
    means = [trial.test.metrics["precision@3 (lenskit)"] for trial in found.trials.values()]
    assert means[0] != means[1]
    assert (found.tests[0]["difference"], found.tests[0]["interval"]) == (0, [0, 0])


def test_cold_candidates_are_said(tiny):
    cut = split(tiny, "cold-items")
    models = {"content-knn": lambda _: ContentKNN(), "popularity": lambda _: Popularity()}
    found = compare(cut, models, k=3, candidates="cold")
    assert found.to_json()["candidates"] == "cold"
    assert any("Only cold items were candidates" in note for note in found.notes())
    assert found.trials["content-knn"].test.cold == found.trials["content-knn"].valid.cold == 1


def test_what_is_better_when_less_chooses_nothing(tiny):
    for by in ("gini@5", "popularity-bias@5"):
        with pytest.raises(ConfigError, match=f"cannot be chosen by '{by}', of which less is better"):
            compare(split(tiny), MODELS, k=5, metrics=["accuracy", "beyond"], by=by)
    with pytest.raises(ConfigError, match="did you mean 'novelty@5'"):
        compare(split(tiny), MODELS, k=5, metrics=["recall", "novelty"], by="novlty@5")
    with pytest.raises(UnknownNameError, match="no library 'surprise'"):
        compare(split(tiny), MODELS, k=5, compat="surprise")


def test_the_command_line_hands_them_on(tiny, tmp_path, capsys):
    save(tiny, tmp_path / "shop")
    words = ["compare", str(tmp_path / "shop"), "--models", "popularity,content-knn", "-k", "3", "--how", "cold-items",
             "--candidates", "cold", "--compat", "ranx", "--metrics", "accuracy,novelty", "--json"]  # fmt: skip
    with pytest.raises(SystemExit) as left:
        main(words)
    value = json.loads(capsys.readouterr().out)
    assert left.value.code == 0
    assert (value["candidates"], value["compat"]) == ("cold", "ranx")
    assert {"map@3 (ranx)", "novelty@3", "recall@3"} <= set(value["rows"][0]["metrics"])
