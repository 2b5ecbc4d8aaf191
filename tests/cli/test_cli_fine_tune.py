"""`palate fine-tune` writes a part and an encoder that other commands take, and says what it cannot do."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

pytest.importorskip("torch")

import palate as library
from palate.data.folder import load, save
from palate.encoders import named
from tiny_data import make_dataset

pytestmark = pytest.mark.torch
QUICK = ["--set", "epochs=2", "--set", "hidden=8", "--set", "lr=0.01"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    place = tmp_path_factory.mktemp("fine-tune") / "shop"
    save(make_dataset(parts=False), place)
    library.encode(load(place), title="tf-idf")
    return place


def test_the_road_from_likes_to_a_search(shop, palate, tmp_path):
    words = ["fine-tune", shop, "--part", "title", *QUICK, "--out", tmp_path / "enc"]
    code, out, error = palate(*words, "--json")
    assert (code, error) == (0, "")
    told = json.loads(out)
    assert (told["name"], told["present"], told["encoder"]["name"]) == ("title.tuned", 30, "tf-idf")
    assert set(told["validation"]["before"]) == set(told["validation"]["after"]) == {"recall@20", "ndcg@20"}
    assert json.loads((tmp_path / "enc" / "card.json").read_text())["learned_from"]["how"] == "random-per-user"
    assert not (tmp_path / "enc.partial").exists()
    code, out, _ = palate(*words)
    assert code == 0
    assert "content-knn on validation" in out
    assert "title.tuned" in out
    code, _, error = palate("train", shop, "--model", "content-knn", "--parts", "title.tuned", "--out", tmp_path / "b")
    assert (code, error) == (0, "")
    assert palate("evaluate", tmp_path / "b")[0] == 0
    code, out, error = palate("search", tmp_path / "b", "--text", "thing 3 of group 1", "-k", "1", "--json")
    assert (code, error) == (0, "")
    assert json.loads(out)["items"][0]["item_id"] == "i3" or told["epochs"] > 0


def test_what_is_new_in_the_catalogue_is_encoded_alone(shop, palate, tmp_path):
    assert palate("fine-tune", shop, "--part", "title", *QUICK, "--out", tmp_path / "enc")[0] == 0
    before = load(shop)
    items = pl.read_parquet(shop / "items.parquet")
    new = items.head(1).with_columns(item_id=pl.lit("brand new"), title=pl.lit("thing 4 of group 2"))
    pl.concat([items, new]).write_parquet(shop / "items.parquet")
    try:
        assert not load(shop).features["title.tuned"].present[-1]
        code, out, error = palate("encode", shop, "--column", f"title.tuned=tuned:{tmp_path / 'enc'}", "--json")
        assert (code, error) == (0, "")
        (row,) = json.loads(out)["rows"]
        assert (row["encoded"], row["present"]) == (1, 31)
        after = load(shop).features["title.tuned"]
        assert np.array_equal(after.values[:30], before.features["title.tuned"].values)
        encoder = named(f"tuned:{tmp_path / 'enc'}", "text")
        values, _ = encoder.encode([encoder.decode("thing 4 of group 2")])
        np.testing.assert_allclose(values[0], after.values[-1], atol=1e-5)
        assert after.taught == before.features["title.tuned"].taught
    finally:
        items.write_parquet(shop / "items.parquet")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--part", "titel"], "there is no part 'titel': did you mean 'title'"),
        (
            ["--part", "title", "--method", "adaptor"],
            "there is no fine-tuning method 'adaptor': did you mean 'adapter'",
        ),
        (
            ["--part", "title", "--method", "side"],
            "the encoder 'tf-idf' has no hidden states: those of hf-image, hf-text",
        ),
        (["--part", "title", "--set", "width=3"], "has no setting 'width'"),
        (["--part", "title", "--how", "global"], "there is no splitter 'global'"),
        (["--part", "title", "--as", "a/b"], "'a/b' cannot name a part"),
        (["--part", "title", "--positive", "weight>=9"], "are the fewest to learn from"),
        (["--part", "title", "--device", "tpu"], "the device was 'tpu'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(shop, palate, tmp_path, words, told):
    code, out, error = palate("fine-tune", shop, *words, "--out", tmp_path / "enc")
    assert (code, out) == (2, "")
    assert told in error
    assert not (tmp_path / "enc").exists()


def test_another_place_is_not_overwritten(shop, palate, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine").touch()
    code, _, error = palate("fine-tune", shop, "--part", "title", "--out", tmp_path / "letters")
    assert code == 2
    assert "is no fine-tuned encoder, so it is not replaced" in error
    code, _, error = palate("encode", shop, "--column", f"title.tuned=tuned:{tmp_path / 'letters'}")
    assert code == 1
    assert "holds no fine-tuned encoder" in error


def test_ready_made_vectors_are_changed_and_no_encoder_claimed(palate, tmp_path):
    save(make_dataset(), tmp_path / "shop")
    code, out, error = palate("fine-tune", tmp_path / "shop", "--part", "photo", *QUICK, "--out", tmp_path / "enc")
    assert (code, error) == (0, "")
    assert "no encoder made photo" in out
    made = load(tmp_path / "shop").features["photo.tuned"]
    assert (made.encoder, made.present.sum()) == (None, 25)
    code, _, error = palate("encode", tmp_path / "shop", "--column", f"title=tuned:{tmp_path / 'enc'}")
    assert code == 2
    assert "ready-made vectors of the part 'photo'" in error
