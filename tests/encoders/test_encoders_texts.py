"""`use` and `tf-idf`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from palate.core.errors import ConfigError, DataError
from palate.data.folder import load, save
from palate.data.frames import from_frames
from palate.encoders._texts import read_text
from palate.encoders.pipeline import encode_columns
from palate.encoders.tf_idf import TfIdf
from palate.encoders.use import USE
from palate.encoders.word2vec import Word2Vec


def test_white_space_is_nothing() -> None:
    assert read_text(" \n　\u00a0", 10) is None
    assert read_text("  a \n b  ", 10) == "a b"
    assert read_text("abc def", 4) == "abc"
    assert read_text("e\u0301", 10) == "é"


def test_only_markup_is_nothing() -> None:
    assert read_text("<p><br/> &nbsp;</p><script>var a = 1</script>", 100) is None
    assert read_text("<p>a</p><p>b</p>", 100) == "a b"
    assert TfIdf().decode("<img src='x.png'>") is None
    assert USE().decode("a < b & c") == "a < b & c"


def test_a_row_of_markup_only_is_missing_and_not_broken(tmp_path: Path) -> None:
    items = pl.DataFrame({"item": ["1", "2", "3"], "title": ["<p>red mug</p>", "<p><br></p>", None]})
    events = pl.DataFrame({"user": ["a", "b"], "item": ["1", "2"]})
    save(from_frames(events, items, types={"title": "text"}), tmp_path / "shop")
    _, (done,) = encode_columns(load(tmp_path / "shop"), {"title": TfIdf()})
    assert (done.present, done.rows, done.quarantined) == (1, 3, 0)


def test_markup_does_not_use_up_the_length() -> None:
    assert read_text("<b class='x'>" * 5 + "red mug", 7) == "red mug"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("I ❤️ tea", "I red heart tea"),
        ("👍🏽", "thumbs up"),
        ("👩🏽‍🚀 and 👨‍👩‍👧", "woman astronaut and family man woman girl"),
        ("🇨🇳 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "China England"),
        ("我爱🍕", "我爱 披萨"),
        ("ピザが好き🍕", "ピザが好き ピザ"),
        ("pizza🍕pizza", "pizza pizza pizza"),
        ("1️⃣ Sony® ©™ #1", "1 Sony® ©™ #1"),
    ],
)
def test_emoji_are_words(text: str, read: str) -> None:
    assert read_text(text, 100) == read


def test_what_cannot_be_seen_goes() -> None:
    assert read_text("re\u200bd\u00ad \ufeffm\x00ug\u202e", 100) == "red mug"
    assert read_text("red\x85mug\x1cx", 100) == "red mug x"
    assert read_text("\ud800 \ue000 \u200b", 100) is None


SHOP = ["a red mug", "a blue mug", "a green mug for tea", "wooden chair", "chair of oak wood", "red chair",
        "红色的杯子", "蓝色的杯子", "木头椅子", "橡木椅子"]  # fmt: skip


def test_shared_words_make_texts_alike_in_english_and_chinese() -> None:
    encoder = TfIdf(dim=6).fit(SHOP)
    items, _ = encoder.encode(SHOP)
    for query, near, far in (("blue mug", 1, 3), ("绿色的杯子", 6, 8), ("木椅子", 8, 6)):
        values, present = encoder.encode([encoder.decode(query)])
        assert present.all()
        assert values[0] @ items[near] > values[0] @ items[far]


def test_vectors_have_unit_norm_and_equal_a_full_decomposition() -> None:
    encoder = TfIdf().fit(SHOP)
    values, _ = encoder.encode(SHOP)
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)
    plain = encoder._vectorizer.transform(SHOP).toarray()
    np.testing.assert_allclose(values @ values.T, plain @ plain.T, atol=1e-5)


def test_a_large_catalogue_takes_the_randomised_road_to_the_same_place() -> None:
    rng = np.random.default_rng(0)
    topics = [[f"w{topic}x{word}" for word in range(30)] for topic in range(8)]
    texts = [" ".join(rng.choice(topics[row % 8], 6)) for row in range(700)]
    encoder = TfIdf(dim=8).fit(texts)
    assert encoder.dim == 8
    values, present = encoder.encode(texts)
    likeness = values[present] @ values[present].T
    same = (np.flatnonzero(present)[:, None] % 8) == (np.flatnonzero(present)[None] % 8)
    assert likeness[same].mean() > likeness[~same].mean() + 0.5


def test_what_is_learned_does_not_depend_on_the_number_of_threads() -> None:
    words = np.random.default_rng(0).integers(3000, size=(450, 30))
    texts = [" ".join(f"w{word}" for word in row) for row in words.tolist()]
    learned = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            learned.append(TfIdf().fit(texts).fingerprint)
    assert learned[0] == learned[1]


def test_unknown_words_have_no_vector() -> None:
    encoder = TfIdf().fit(["red mug", "blue mug"])
    values, present = encoder.encode(["submarine", "red submarine"])
    assert present.tolist() == [False, True]
    assert not values[0].any()


def test_it_says_when_there_is_nothing_to_learn_from() -> None:
    with pytest.raises(DataError, match="none of the 1 texts"):
        TfIdf().fit(["...", None, "  "])
    with pytest.raises(DataError, match="none of the 0 texts"):
        TfIdf().fit([])
    with pytest.raises(DataError, match="fit it"):
        TfIdf().encode(["red mug"])


def test_the_column_is_named_that_nothing_can_be_learned_from() -> None:
    items = pl.DataFrame({"item_id": ["a"], "note": [" "]})
    data = from_frames(pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}), items, types={"note": "text"})
    with pytest.raises(DataError, match=r"'note' cannot be encoded: tf-idf learns from words.*--column NAME=tf-idf"):
        encode_columns(data, {"note": "tf-idf"})


def test_one_text_is_enough() -> None:
    values, present = TfIdf().fit(["red mug"]).encode(["red mug"])
    assert values.shape == (1, 1)
    assert present.all()


def test_use_knows_meaning_across_languages() -> None:
    encoder = USE()
    values, present = encoder.encode(["a cat sleeps", "a kitten is sleeping", "the price of oil", "一只猫在睡觉", None])
    assert present.tolist() == [True, True, True, True, False]
    np.testing.assert_allclose(np.linalg.norm(values[:4], axis=1), 1, atol=1e-4)
    assert values[0] @ values[1] > values[0] @ values[2] + 0.3
    assert values[0] @ values[3] > values[2] @ values[3] + 0.3


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_cannot_be_one_is_refused(seed: int) -> None:
    for kind in (TfIdf, Word2Vec):
        with pytest.raises(ConfigError, match="seed"):
            kind(seed=seed)
