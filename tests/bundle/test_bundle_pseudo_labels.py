"""Pseudo-labels in a recipe: the model learns from them, the bundle says so, and neither histories nor figures know of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from palate.bundle import Bundle, Recipe, refit, train
from palate.cli import main
from palate.data.folder import save
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.training.pseudo_labels import pseudo_labels
from small_shop import write_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop of which half of the people did three things at most."""
    folder = tmp_path_factory.mktemp("shop")
    data = write_shop(folder / "raw", n_items=60)
    rows = data.interactions
    order = np.argsort(rows.user, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(rows.user[order], rows.user[order])
    keep = order[(place < 3) | (rows.user[order] % 2 == 0)]
    save(data.take_interactions(np.sort(keep)), folder / "shop")
    return folder / "shop"


def recipe(**words):
    return Recipe.of({"model": "ease", "settings": {"reg": 5.0}, "pseudo_labels": 4, **words})


def everyone(data):
    return Queries.of_users(data, np.arange(len(data.users), dtype=np.int32))


@pytest.mark.parametrize("protocol", ["strict", "refit"])
def test_the_model_is_that_of_the_labelled_data_and_keeps_what_people_showed(shop, protocol):
    from palate.data.folder import load

    data = load(shop)
    trained = train(data, recipe(protocol=protocol))
    known = trained.split.refit().train if protocol == "refit" else trained.split.train
    by_hand = recipe().build(data.part_names()).fit(pseudo_labels(known, 4))
    assert np.array_equal(trained.model.score(everyone(known)), by_hand.score(everyone(known)), equal_nan=True)
    assert (trained.model.liked != known.liked).nnz == 0
    assert known.supposed is None
    few = int(((np.diff(known.liked.indptr) > 0) & (np.diff(known.liked.indptr) <= 3)).sum())
    assert 0 < trained.pseudo_labels["users"] <= few
    assert trained.pseudo_labels["likes"] <= 4 * few
    assert train(data, recipe(pseudo_labels=0)).pseudo_labels is None


def test_shuffling_the_test_part_changes_nothing(shop, monkeypatch):
    from palate.data.folder import load

    data, cut_as = load(shop), Recipe.split

    def shuffled(self, whole):
        cut = cut_as(self, whole)
        rows = cut.test.interactions
        item = np.random.default_rng(3).permutation(rows.item)
        return replace(cut, test=cut.test.with_interactions(Interactions(rows.user, item, rows.weight)))

    one = train(data, recipe())
    monkeypatch.setattr(Recipe, "split", shuffled)
    two = train(data, recipe())
    assert (one.split.test.liked != two.split.test.liked).nnz
    assert np.array_equal(one.supposed.toarray(), two.supposed.toarray())
    assert np.array_equal(one.model.weights, two.model.weights)


def test_a_command_says_how_many_and_the_bundle_that_there_were_some(shop, tmp_path, capsys):
    out = tmp_path / "few.palate"
    words = ["train", str(shop), "--model", "ease", "--pseudo-labels", "4", "--out", str(out)]
    assert run([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["pseudo_labels"]
    assert run(words) == 0
    assert f"pseudo-labels by content: {told['likes']:,}, of {told['users']:,} users" in capsys.readouterr().out
    bundle = Bundle.open(out)
    assert bundle.recipe.pseudo_labels == bundle.manifest.recipe["pseudo_labels"] == 4
    assert bundle.model.liked.nnz == train_likes(bundle)
    again = refit(bundle)
    assert again.recipe.pseudo_labels == 4
    assert not np.array_equal(again.model.weights, refit(replace_recipe(bundle)).model.weights)
    assert run([*words[:5], "-1", "--out", str(tmp_path / "b")]) == 2
    assert "pseudo_labels" in capsys.readouterr().err


def run(words):
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code


def train_likes(bundle):
    from palate.data.folder import load

    return bundle.recipe.split(load(bundle.data.root)).train.liked.nnz


def replace_recipe(bundle):
    return replace(bundle, recipe=bundle.recipe.model_copy(update={"pseudo_labels": 0}))
