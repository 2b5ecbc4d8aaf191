"""How datasets look in a notebook, and how numbers with commas are read."""

import polars as pl
import pytest

from palate.data.assemble import guess_type
from palate.data.rows import numbers_of
from palate.data.split import split


def test_a_dataset_is_shown_in_one_line(tiny):
    shown = repr(tiny)
    assert f"{len(tiny.items):,} items" in shown
    cut = split(tiny)
    assert repr(cut).startswith("Split(random-per-user, seed 0: train ")
    for thing in (shown, repr(cut), repr(tiny.interactions), *map(repr, tiny.features.values())):
        assert len(thing) < 200
        assert "\n" not in thing


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["4,5", "12", "-0,25", None, ""], [4.5, 12.0, -0.25, None, None]),
        (["1.299,00", "2.000", "3,1234"], [1299.0, 2000.0, 3.1234]),
        (["1,234", "5,678"], [None, None]),  # a thousand or one and a bit: not told, so not guessed
        (["1,234.50", "4,5"], [None, None]),
        (["4,5", "x"], [4.5, None]),
    ],
)
def test_decimal_commas_are_read_where_they_can_be_nothing_else(texts, numbers):
    assert numbers_of(pl.Series(texts, dtype=pl.String))[0].to_list() == numbers


def test_titles_are_texts_however_often_they_come_again():
    values = ["Lamp", "Bowl"] * 50
    assert guess_type(pl.Series("Title", values)) == "text"
    assert guess_type(pl.Series("colour", values)) == "category"
