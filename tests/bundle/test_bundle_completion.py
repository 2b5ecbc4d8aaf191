"""Parts that items lack are estimated before a model sees them, by what training knows alone, and the bundle keeps how."""

import json
from dataclasses import replace

import numpy as np
import pytest

from palate.bundle import Bundle, Recipe, refit, train
from palate.bundle.completion import completed
from palate.cli import main
from palate.data.folder import load, save
from palate.data.missing import with_missing
from small_shop import write_shop


@pytest.fixture(scope="module")
def holed(tmp_path_factory):
    """A saved shop in which half of the items lack a picture's vector."""
    folder = tmp_path_factory.mktemp("shop")
    data = with_missing(write_shop(folder / "raw", n_items=60), ["photo"], 0.5)
    save(data, folder / "shop")
    return folder / "shop"


def recipe(**words):
    return Recipe.of({"model": "content-knn", "parts": ("photo",), "complete": "graph", **words})


def test_the_model_sees_estimates_and_the_bundle_what_is_known(holed):
    data = load(holed)
    plain, filled = train(data, recipe(complete=None)), train(data, recipe())
    lacking = np.flatnonzero(~data.part("photo").present)
    scores = {
        name: trained.model.score(_of(trained.split.train, np.arange(20)), lacking.astype(np.int32))
        for name, trained in (("plain", plain), ("filled", filled))
    }
    assert np.isnan(scores["plain"]).all()
    assert np.isfinite(scores["filled"]).mean() > 0.9
    assert filled.estimates.parts["photo"].present.mean() > 0.9
    assert np.array_equal(filled.bundle().data.part("photo").present, data.part("photo").present)
    assert plain.bundle().completer is None


def test_a_bundle_comes_back_with_a_completer_that_estimates_the_same(holed, tmp_path):
    trained = train(load(holed), recipe(complete="nearest", parts=None))
    trained.bundle().save(tmp_path / "b")
    again = Bundle.open(tmp_path / "b")
    assert again.manifest.completer == {
        "name": "nearest",
        "settings": trained.estimates.completer.config.model_dump(mode="json"),
    }
    assert again.completer.errors == trained.estimates.completer.errors
    made = again.completer.complete(trained.split.train.item_parts())
    for name, table in trained.estimates.parts.items():
        assert np.array_equal(made[name].values, table.values)
        assert np.array_equal(made[name].known, table.known)
    assert Recipe.load(tmp_path / "b" / "recipe.toml").complete == "nearest"


def test_nothing_held_back_tells_what_is_missing(holed):
    data = load(holed)
    cut = recipe().split(data)
    rng = np.random.default_rng(0)
    other = replace(cut.test.interactions, item=rng.permutation(cut.test.interactions.item))
    rows = [
        completed(recipe(), each.train).parts["photo"].values
        for each in (cut, replace(cut, test=cut.test.with_interactions(other)))
    ]
    assert np.array_equal(*rows)
    whole = completed(recipe(), data).parts["photo"].values
    assert not np.array_equal(rows[0], whole)


def test_a_refit_completes_anew_from_all_that_is_known(holed):
    trained = train(load(holed), recipe(protocol="refit"))
    assert (
        trained.estimates.completer.things.codes.shape[0]
        >= completed(recipe(), trained.split.train).completer.things.codes.shape[0]
    )
    again = refit(trained.bundle(), holed)
    assert again.completer is not None
    assert np.array_equal(again.completer.complete(load(holed).item_parts(("photo",)))["photo"].values,
                          completed(recipe(), load(holed)).parts["photo"].values)  # fmt: skip


def test_the_command_says_what_was_estimated(holed, tmp_path, capsys):
    words = ["train", str(holed), "--model", "content-knn", "--parts", "photo", "--complete", "graph",
             "--set", "graph.hops=1", "--out", str(tmp_path / "b")]  # fmt: skip
    with pytest.raises(SystemExit) as left:
        main([*words, "--json"])
    assert not left.value.code
    told = json.loads(capsys.readouterr().out)["completed"]["photo"]
    lacking = int((~load(holed).part("photo").present).sum())
    assert told["estimated"] + told["absent"] == lacking
    assert told["error"]["rmse"] > 0
    with pytest.raises(SystemExit):
        main(words)
    text = capsys.readouterr().out
    assert f"photo: {told['estimated']:,} items estimated by graph" in text
    told_lines = text[text.index("photo:") : text.index("fitted content-knn")].splitlines()
    assert told_lines
    assert all(len(line) <= 80 for line in told_lines)
    assert Bundle.open(tmp_path / "b").recipe.complete_settings == {"hops": 1}


def _of(data, users):
    from palate.interfaces import Queries

    return Queries.of_users(data, users)


def test_data_check_says_which_completer_is_worth_trying(holed, capsys):
    told = {}
    for words in ((), ("--no-completers",)):
        with pytest.raises(SystemExit) as left:
            main(["data", "check", str(holed), "--no-media", "--json", *words])
        assert not left.value.code
        told[words] = json.loads(capsys.readouterr().out)["completer"]
    found = told[()]
    assert told[("--no-completers",)] is None
    assert "photo" in found["parts"]
    assert set(found["cosines"]) == {"graph", "nearest", "ridge"}
    with pytest.raises(SystemExit):
        main(["data", "check", str(holed), "--no-media"])
    text = " ".join(capsys.readouterr().out.split())
    assert "cosine of estimates to known ones that were hidden" in text
    assert (f"train with --complete {found['best']}" if found["best"] else "train without a completer") in text
