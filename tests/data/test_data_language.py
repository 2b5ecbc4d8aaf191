"""Which language a text is in."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from palate.data.language import certain_language, language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("red mug", "en"),
        ("The Shawshank Redemption", "en"),
        ("A hand-made cup for tea & coffee, dishwasher safe", "en"),
        ("Das Leben der Anderen ist ein schöner Film", "de"),
        ("Le fabuleux destin d'Amélie Poulain", "fr"),
        ("La lengua de las mariposas y otros cuentos", "es"),
        ("红色的杯子", "zh"),
        ("木椅", "zh"),
        ("红色iPhone手机壳", "zh"),
        ("紅色的杯子", "zh"),
        ("赤いマグカップ", "ja"),
        ("東京の夜", "ja"),
        ("빨간 머그컵", "ko"),
        ("Красная кружка, чтобы пить чай", "ru"),
        ("كوب أحمر للشاي", "ar"),
        ("κόκκινη κούπα", "el"),
        ("ｒｅｄ　ｍｕｇ　ａｎｄ　ｔｈｅ　ｔｅａ", "en"),
    ],
)
def test_the_language_of_titles(text: str, code: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize("text", ["", "  ", "2001", "8½ !", "---", "🔥", "ᛒ", "Margaret"])
def test_where_it_cannot_be_told_there_is_none(text: str) -> None:
    assert language(text) is None


def test_the_script_alone_tells_some() -> None:
    assert certain_language("红色的杯子") == "zh"
    assert certain_language("赤いマグカップ") == "ja"
    assert certain_language("a red mug") is None


@pytest.mark.data
def test_real_captions_and_titles(real_data: Path) -> None:
    with (real_data / "stamps" / "items.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    english = Counter(language(row["text_en"]) for row in rows)
    chinese = Counter(language(row["text_zh"]) for row in rows if row["text_zh"])
    with (real_data / "movielens-posters" / "movies.csv").open(encoding="utf-8") as file:
        titles = Counter(language(row["title"]) for row in csv.DictReader(file))
    assert english["en"] > 0.9 * english.total()
    assert english.total() - english["en"] - english[None] < 0.03 * english.total()
    assert chinese["zh"] > 0.99 * chinese.total()
    assert titles["en"] > 0.8 * titles.total()  # some are French or Italian
