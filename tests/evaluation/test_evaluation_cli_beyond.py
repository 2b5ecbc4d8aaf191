"""`palate evaluate` beyond accuracy, by group, by other definitions, as a person runs it."""

import json

import pytest

from palate.bundle import Recipe, train
from palate.data.folder import load, save


@pytest.fixture
def bundle(tiny, tmp_path):
    save(tiny, tmp_path / "shop")
    recipe = Recipe(model="item-knn", data=str(tmp_path / "shop"))
    train(load(tmp_path / "shop"), recipe).bundle().save(tmp_path / "knn.palate")
    return tmp_path / "knn.palate"


def test_evaluate_divides_by_groups_and_goes_beyond(palate, bundle):
    words = ("evaluate", bundle, "-k", "3,5", "--metrics", "recall,beyond", "--by", "history,popularity")
    code, out, err = palate(*words)
    assert (code, err) == (0, "")
    assert "recall@3" in out
    assert "novelty@5" in out
    assert "left out diversity-category, calibration" in out
    assert "by history" in out
    assert "by popularity" in out
    assert max(len(line) for line in out.splitlines() if not line.startswith(("next:", "     "))) <= 80
    code, out, _ = palate(*words, "--json")
    value = json.loads(out)
    assert code == 0
    assert set(value["groups"]) == {"history", "popularity"}
    assert [group["group"] for group in value["groups"]["popularity"]] == ["head", "mid", "tail", "unliked"]
    assert set(value["metrics"]) > {"gini@3", "gini@5", "diversity-content@5"}


def test_evaluate_judges_by_validation_and_by_other_definitions(palate, bundle):
    code, out, _ = palate("evaluate", bundle, "-k", 5, "--on", "valid", "--compat", "ranx", "--json")
    value = json.loads(out)
    assert code == 0
    assert (value["split"], value["compat"], value["candidates"]) == ("valid", "ranx", "all")
    assert {"map@5 (ranx)", "recall@5"} <= set(value["metrics"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-k", "ten"], "the cut-off k was 'ten': give a number of 1 or more, or several, as in 10,20"),
        (["-k", "0"], "the cut-off k was 0: give 1 or more"),
        (["-k", "-5"], "the cut-off k was '-5'"),
        (["--metrics", "novelti"], "there is no metric 'novelti': did you mean 'novelty'?"),
        (["--metrics", ","], "given 0 metrics"),
        (["--metrics", "calibration"], "the items have no column of categories"),
        (["--metrics", "calibration", "--categories", "titel"], "did you mean 'title'?"),
        (["--by", "histories"], "cannot be divided by 'histories': did you mean 'history'?"),
        (["--compat", "implict"], "did you mean 'implicit'?"),
        (["--candidates", "new"], "allowed are all, warm, cold"),
        (["--candidates", "cold"], "training met every item"),
        (["--drop", "title=0.5", "--by", "history", "--on", "valid"], "leave out --by, --on"),
        (["--on", "train"], "allowed are strict, refit and test, valid"),
    ],
)
def test_a_wrong_evaluation_is_one_sentence_and_code_2(palate, bundle, words, sentence):
    code, out, err = palate("evaluate", bundle, *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
