from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from palate.bundle import Bundle, Recipe
from palate.cli import main
from palate.core.ids import IdMap
from palate.data.folder import save


@pytest.fixture(scope="module")
def folder(shop, tmp_path_factory):
    """A dataset folder and a bundle trained from it by the command line."""
    place = tmp_path_factory.mktemp("cli")
    save(shop, place / "ds")
    with pytest.raises(SystemExit) as left:
        main(
            ["train", str(place / "ds"), "--model", "content-knn", "--set", "neighbours=10", "--out", str(place / "b")]
        )
    assert left.value.code == 0
    return place


@pytest.fixture
def palate(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words, code=0):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert left.value.code == code, err
        if "--json" not in words:
            assert all(len(line) <= 80 for line in out.splitlines() if "/pytest-" not in line), out
        if code:
            assert out == ""
            assert err.count("\n") == 1
        return err if code else json.loads(out) if "--json" in words else out

    return run


def test_train_says_what_it_did_and_what_comes_next(palate, folder, tmp_path):
    out = palate(
        "train", folder / "ds", "--model", "item-knn", "--set", "shrink=3", "--how", "leave-last-out", "--seed", 4,
        "--positive", "weight>=1", "--protocol", "refit", "--out", tmp_path / "b",
    )  # fmt: skip
    for words in (
        "40 users, 36 items; liked means weight>=1",
        "split leave-last-out, seed 4",
        "recall@20",
        "next: palate",
    ):
        assert words in out
    bundle = Bundle.open(tmp_path / "b")
    assert bundle.recipe.settings == {"shrink": 3}
    assert (bundle.recipe.protocol, bundle.manifest.dataset is not None) == ("refit", True)
    assert bundle.split().how == "leave-last-out"


def test_a_catalogue_without_interactions_is_trained_and_searched(palate, shop, tmp_path):
    nobody = shop.with_interactions(shop.interactions.take(np.zeros(0, np.int64)))
    save(replace(nobody, users=IdMap(())), tmp_path / "ds")
    out = palate("train", tmp_path / "ds", "--model", "content-knn", "--out", tmp_path / "b")
    assert "no interactions: nothing to split" in out
    assert f"palate similar {tmp_path / 'b'} --item tea/0" in out.replace(" \\\n         ", "")
    found = palate("search", tmp_path / "b", "--text", "green lamp", "-k", 2, "--json")
    assert all(hit["item_id"].startswith("lamp/") for hit in found["items"])
    assert "no interactions to split" in palate("evaluate", tmp_path / "b", code=2)


def test_train_by_a_recipe_is_the_same_written_down(palate, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    Recipe(model="vector-space", parts=("title",), late="weighted-scores", data="ds", out="late").save(
        tmp_path / "r.toml"
    )
    answer = palate("train", tmp_path / "r.toml", "--out", tmp_path / "b", "--json")
    assert (answer["model"], answer["out"]) == ("ensemble", str(tmp_path / "b"))
    assert answer["validation"]["split"] == "valid"
    assert answer["interactions"].keys() == {"train", "valid", "test"}
    assert Bundle.open(tmp_path / "b").model.members.keys() == {"title"}
    assert palate("recommend", tmp_path / "b", "--user", "user 3", "-k", 2, "--json")["items"][0]["reasons"]


def test_recommend_prints_titles_and_reasons(palate, folder):
    out = palate("recommend", folder / "b", "--user", "user 3", "-k", 3)
    assert "3 items for user 3 (content-knn)" in out
    assert "liked" in out
    answer = palate("recommend", folder / "b", "--user", "user 3", "-k", 3, "--json")
    assert answer.keys() == {"items", "fallback"}
    assert [hit["rank"] for hit in answer["items"]] == [1, 2, 3]
    for hit in answer["items"]:
        assert hit.keys() == {"item_id", "score", "rank", "reasons"}


def test_recommend_tells_of_the_fallback(palate, folder):
    assert "this is what most people like" in palate("recommend", folder / "b", "--user", "nobody")
    assert palate("recommend", folder / "b", "--user", "nobody", "--json")["fallback"] == "popularity"


def test_similar_and_search(palate, folder):
    assert "items like tea/0 (Red tea" in palate("similar", folder / "b", "--item", "tea/0", "-k", 2)
    answer = palate("similar", folder / "b", "--item", "tea/0", "--by", "behaviour", "-k", 2, "--json")
    assert len(answer["items"]) == 2
    answer = palate("search", folder / "b", "--text", "green lamp", "-k", 2, "--json")
    assert all(hit["item_id"].startswith("lamp/") for hit in answer["items"])
    assert "'green lamp'" in palate("search", folder / "b", "--text", "green lamp")


def test_explain(palate, folder):
    item = palate("recommend", folder / "b", "--user", "user 3", "-k", 1, "--json")["items"][0]
    answer = palate("explain", folder / "b", "--user", "user 3", "--item", item["item_id"], "--json")
    assert answer["reasons"] == item["reasons"]
    assert answer["score"] == pytest.approx(item["score"], abs=1e-4)
    assert "because you liked" in palate("explain", folder / "b", "--user", "user 3", "--item", item["item_id"])


def test_explain_tells_what_would_have_changed_the_answer(palate, folder):
    listed = palate("recommend", folder / "b", "--user", "user 3", "-k", "3", "--json")["items"]
    first, third = listed[0]["item_id"], listed[2]["item_id"]
    without = palate("explain", folder / "b", "--user", "user 3", "--item", third, "-k", "3", "--json")["without"]
    assert (without["k"], without["rank"]) == (3, 3)
    assert without["items"]
    assert without["rank_without"] is None or without["rank_without"] > 3
    assert "place 1 in the list of 3. Without" in palate(
        "explain", folder / "b", "--user", "user 3", "--item", first, "-k", "3"
    )
    assert "It is not in the list of 1 for user 3" in palate(
        "explain", folder / "b", "--user", "user 3", "--item", third, "-k", "1"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("train {ds} --model item-kn --out {new}", "did you mean 'item-knn'"),
        ("train {ds} --model item-knn", "no place for the bundle was named"),
        ("train {ds} --out {new}", "no model was named"),
        ("train {ds} --model item-knn --set shrnk=1 --out {new}", "did you mean 'shrink'"),
        ("train {ds} --model item-knn --how random --out {new}", "there is no splitter 'random'"),
        ("train {ds} --model item-knn --protocol loose --out {new}", "protocol"),
        ("train {ds} --model item-knn --positive likes --out {new}", "write it as weight>=4"),
        ("train {ds} --model content-knn --parts poster --out {new}", "there is no part 'poster'"),
        ("train {new} --model item-knn --out {new}", "there is no dataset folder"),
        ("train {ds} --model item-knn --out {ds}", "is no bundle, so it is not replaced"),
        ("recommend {new} --user x", "there is no bundle"),
        ("recommend {ds} --user x", "is no bundle"),
        ("recommend {b} --user x -k 0", "k was 0"),
        ("similar {b} --item x", "there is no item 'x'"),
        ("search {b}", "give one of them"),
        ("search {b} --image {new}", "there is no file"),
        ("explain {b} --user x --item y", "there is no user 'x'"),
        ("serve {b} --host 0.0.0.0", "no keys are configured"),
    ],
)
def test_a_wrong_request_is_one_sentence(palate, folder, tmp_path, words, sentence):
    places = {"ds": folder / "ds", "b": folder / "b", "new": tmp_path / "new"}
    assert sentence in palate(*words.format(**places).split(" "), code=2)
    assert not (tmp_path / "new").exists()


def test_keys_are_made_listed_and_taken_back(palate, folder, tmp_path):
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    assert "there is no key: the service is open" in palate("key", "list", folder / "b", "--store", url)
    made = palate("key", "add", folder / "b", "shop", "--scope", "read,write", "--store", url, "--json")
    assert made["key"].startswith("palate-")
    assert "shown once" in palate("key", "add", folder / "b", "ann", "--user", "user 3", "--store", url)
    assert palate("key", "list", folder / "b", "--store", url) == "ann: read, for user 3 alone\nshop: read, write\n"
    assert "named 'shop' already" in palate("key", "add", folder / "b", "shop", "--store", url, code=2)
    assert "opens nothing any more" in palate("key", "remove", folder / "b", "shop", "--store", url)
    assert "there is no key 'shop': there are ann" in palate(
        "key", "remove", folder / "b", "shop", "--store", url, code=2
    )
    rows = palate("key", "list", folder / "b", "--store", url, "--json")["rows"]
    assert rows == [{"name": "ann", "scopes": ["read"], "user": "user 3"}]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("key add {b}", "needs the name of a key"),
        ("key add {new} x", "there is no bundle at"),
        (
            "key add {b} x --scope root --store sqlite:///{new}",
            "the scope 'root' is unknown: allowed are read, write, admin",
        ),
        ("key add {b} x --store mongodb://x", "of the kind 'mongodb': allowed are sqlite and postgresql"),
        ("key lend {b} x", "'lend'"),
        ("serve {b} --store nonsense", "is no URL of a database"),
    ],
)
def test_a_wrong_word_about_keys_or_stores_is_one_sentence(palate, folder, tmp_path, words, sentence):
    assert sentence in palate(*words.format(b=folder / "b", new=tmp_path / "new").split(" "), code=2)
