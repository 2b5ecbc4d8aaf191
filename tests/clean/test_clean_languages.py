"""The languages of the columns of a dataset."""

from __future__ import annotations

import polars as pl

from palate.clean.check import check
from palate.data.frames import from_frames


def test_the_languages_of_each_column_are_told() -> None:
    titles = ["A cup for tea and coffee", "<p lang='en'>红色的杯子</p>", "木头椅子", "1984"]
    events = pl.DataFrame({"user": ["a", "b"], "item": ["0", "1"], "text": ["这个杯子很好", None]})
    items = pl.DataFrame({"item": list("01234"), "title": [*titles, None], "note": [None] * 5})
    data = from_frames(events, items, types={"title": "text", "text": "text"})
    told = check(data).languages
    assert told == {"title": {"zh": 0.5, "?": 0.25, "en": 0.25}, "interactions.text": {"zh": 1.0}}


def test_a_large_column_is_sampled_evenly() -> None:
    n = 2500
    titles = ["red mug with a handle" if row % 2 else "红色的杯子" for row in range(n)]
    items = pl.DataFrame({"item": [str(row) for row in range(n)], "title": titles})
    events = pl.DataFrame({"user": ["a"], "item": ["0"]})
    shares = check(from_frames(events, items, types={"title": "text"})).languages["title"]
    assert abs(shares["en"] - 0.5) < 0.01
    assert abs(shares["zh"] - 0.5) < 0.01


def test_what_is_empty_or_markup_only_is_no_text() -> None:
    events = pl.DataFrame({"user": ["a", "b", "c"], "item": ["0", "1", "1"], "text": ["这个杯子很好", "", " "]})
    items = pl.DataFrame({"item": ["0", "1"], "title": ["红色的杯子", "<br/>"], "note": ["<br>", "<p></p>"]})
    data = from_frames(events, items, types={"title": "text", "note": "text", "text": "text"})
    assert check(data).languages == {"title": {"zh": 1.0}, "interactions.text": {"zh": 1.0}}
