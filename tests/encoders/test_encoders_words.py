"""The words that are counted, in English, Chinese and Japanese."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from palate.core.errors import ConfigError
from palate.encoders._words import terms_of, words_of
from palate.encoders.tf_idf import TfIdf


def test_words_and_pairs_of_neighbours() -> None:
    assert terms_of("A red mug") == ["a", "red", "mug", "a red", "red mug"]
    assert terms_of("ＭＵＧ-2") == ["mug", "2", "mug 2"]
    assert terms_of("... !") == []
    assert terms_of("red mug", words=(2, 3)) == ["red mug"]


def test_chinese_is_segmented_and_japanese_is_not() -> None:
    assert words_of("我来到北京清华大学") == ["我", "来到", "北京", "清华大学"]
    assert words_of("红色的iPhone手机壳2个") == ["红色", "的", "iphone", "手机", "壳", "2", "个"]
    assert words_of("東京タワーの写真") == list("東京タワーの写真")
    assert words_of("mug 杯子 with a handle") == ["mug", "杯", "子", "with", "a", "handle"]


def test_vowel_signs_and_accents_belong_to_their_words() -> None:
    assert words_of("किताब अच्छी है") == ["किताब", "अच्छी", "है"]
    assert words_of("தமிழ் புத்தகம்") == ["தமிழ்", "புத்தகம்"]
    assert words_of("كِتاب שָׁלוֹם x̄") == ["كِتاب", "שָׁלוֹם", "x̄"]
    assert words_of("ที่ร้าน 7") == ["ที่", "ร้", "า", "น", "7"]


def test_the_characters_of_a_chinese_word_count_too() -> None:
    assert terms_of("木头椅子") == ["木头", "木", "头", "椅子", "椅", "子", "木头 椅子"]


def test_n_grams_of_characters_stay_within_words() -> None:
    assert terms_of("ab c", words=None, characters=(2, 3)) == [
        "· a",
        "·ab",
        "·b ",
        "· ab",
        "·ab ",
        "· c",
        "·c ",
        "· c ",
    ]
    assert terms_of("c", words=None, characters=(9, 9)) == ["· c "]


def test_threads_cut_alike() -> None:
    texts = ["红色的杯子很好看", "木头椅子", "苏州园林风景明信片"] * 20
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(words_of, texts)) == [words_of(text) for text in texts]


def test_segmenting_is_quiet_and_leaves_no_file(tmp_path: Path) -> None:
    code = "from palate.encoders._words import words_of; print(len(words_of('红色的杯子')))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("3", "")
    assert list(tmp_path.iterdir()) == []


def test_characters_make_plural_and_singular_alike() -> None:
    texts = ["red mug", "chairs", "lamp of oak", "tables"]
    encoder = TfIdf(words=None, characters=(2, 4)).fit(texts)
    values, present = encoder.encode([*texts, "mugs", "a chair"])
    assert present.all()
    assert (values[4:] @ values[:4].T).argmax(axis=1).tolist() == [0, 1]
    assert not TfIdf().fit(texts).encode(["mugs"])[1].any()


def test_settings_that_count_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="nothing would be counted"):
        TfIdf(words=None)
    with pytest.raises(ConfigError, match="give the shorter first"):
        TfIdf(words=(2, 1))
    with pytest.raises(ConfigError, match="greater than 0"):
        TfIdf(characters=(0, 2))
