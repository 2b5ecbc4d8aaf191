"""Filters: what passes, by tables worked by hand, and what is told of those that cannot be read."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest

from palate.core.errors import RequestError
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.retrieval import Filters
from palate.retrieval.filters import parse

pytestmark = pytest.mark.xdist_group("retrieval_filters")

GOODS = pl.DataFrame(
    {
        "price": [3.0, 8.0, None, float("nan")],
        "kind": ["Action|Comedy", "cup", "Salt, pepper", None],
        "released": ["2024-05-01", "2024-06-01", None, "2023-01-01"],
        "seen": ["2024-05-01T10:00:00", "2024-06-01T23:59:59", None, "2023-01-01T00:00:00"],
        "day": [date(2024, 5, 1), None, date(2020, 2, 29), date(2024, 5, 2)],
        "when": [datetime(2024, 5, 1, 9), None, datetime(2020, 2, 29), datetime(2024, 5, 1)],
        "tags": [["a", "b"], None, [], ["Ab"]],
        "vector": [[1.0], None, [2.0], [3.0]],
        "stock": [True, False, None, True],
        "标题": ["红色台灯", "茶壶", None, "Öl"],
        "a b`c": [1, 2, 3, 4],
        "not": ["x", "y", "z", None],
    }
)


@pytest.fixture(scope="module")
def filters():
    return Filters(Catalogue(GOODS), IdMap(["i0", "i1", "i2", "i3"]))


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("price < 5", "1..."), ("not price < 5", ".1.."), ("price != 3", ".1.."), ("not price != 3", "1..."),
        ("price == 8.0", ".1.."), ("price >= 3 AND price <= 7.5", "1..."), ("price in [3, 8e0]", "11.."),
        ("not price in [3]", ".1.."), ("price is missing", "..11"), ("price is not missing", "11.."),
        ("price > -1.5", "11.."), ("price > .5", "11.."), ("price = 3 or price = 8 and price = 9", "1..."),
        ("(price = 3 or price = 8) and price = 8", ".1.."), ("price < 5 or price is missing", "1.11"),
        ("not (price < 5 or kind = \"cup\")", "...."), ("stock = true", "1..1"), ("stock = false", ".1.."), ("stock = 1", "1..1"),
        ('kind = "cup"', ".1.."), ('kind != "cup"', "1.1."), ('kind in ["Comedy", "cup"]', "11.."), ("kind in ['comedy']", "...."),
        ('kind in ["Salt, pepper"]', "..1."), ('kind in ["pepper"]', "..1."), ('kind contains "COM"', "1..."),
        ('not kind contains "com"', ".11."), ('kind starts with "s"', "..1."), ('kind ends with "P"', ".1.."),
        ('kind not in ["cup"]', "1.1."), ('kind not contains "c"', "..1."), ("kind is missing", "...1"),
        ("released >= 2024-05-01", "11.."), ('released = "2024-05-01"', "1..."), ("not released < 2024-01-01", "11.."),
        ("released in [2023-01-01, '2024-06-01']", ".1.1"), ('released starts with "2024-0"', "11.."),
        ("seen <= 2024-05-01", "1..1"), ('seen < "2024-05-01 10:00"', "...1"), ('seen <= "2024-05-01T10:00:00"', "1..1"),
        ("day >= 2024-05-01", "1..1"), ("day = 2020-02-29", "..1."), ("when = 2024-05-01", "1..1"),
        ('when = "2024-05-01 09:00"', "1..."), ('when contains "09:00"', "1..."),
        ('tags in ["a"]', "1..."), ('tags contains "A"', "1..1"), ('not tags in ["a"]', "..11"), ("tags is missing", ".1.."),
        ('tags ends with "b"', "1..1"), ("vector is missing", ".1.."),
        ('标题 contains "台灯"', "1..."), ("标题 = “茶壶”", ".1.."), ("（标题 = 「茶壶」） or price≤3", "11.."), ('标题 contains "ö"', "...1"),
        ("`a b``c` > 2", "..11"), ("`not` in ['y', 'z']", ".11."), ('item_id in ["i1", "i3"]', ".1.1"),
        (r'kind = "say \"cup\" \\"', "...."),
    ],
)  # fmt: skip
def test_what_passes(filters, text, passed):
    assert "".join(".1"[int(kept)] for kept in filters.mask(text)) == passed
    assert filters.mask(str(parse(text))).tolist() == filters.mask(text).tolist()
    assert parse(str(parse(text))) == parse(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the filter is empty"),
        (" \n", "the filter is empty"),
        ("price", "at character 6 (its end): expected =, !=, <"),
        ("price <", "at character 8 (its end): expected a value"),
        ('price < "a"', "at character 9: 'price' holds numbers, and \"a\" is a text"),
        ("prize < 3", "at character 1: there is no column 'prize': did you mean 'price'? (allowed: a b`c, day,"),
        ("price < 3 and Price < 2", "at character 15: there is no column 'Price': did you mean 'price'?"),
        ("kind = 3", "'kind' holds texts, and 3 is a number: write it in quotes"),
        ("kind = true", "'kind' holds texts, and true is a truth value"),
        ('kind < "a"', "'kind' holds texts, which have no order here: use =, !=, in"),
        ('price contains "3"', "'price' holds numbers: compare it by ="),
        ('kind in "a"', "at character 9 ('a'): expected '[' after 'in'"),
        ("kind in [", "expected a value"),
        ("kind in []", "(']'): expected a value"),
        ("kind in ['a' 'b']", "expected ',' or ']'"),
        ("(price < 3", "the bracket is never closed"),
        ("price < 3)", "at character 10 (')'): expected 'and', 'or' or the end"),
        ("price < 3 price", "expected 'and', 'or' or the end"),
        ("and price < 3", "('and'): expected a column"),
        ('kind starts "a"', "expected 'with' after 'starts'"),
        ("kind is null", "expected 'missing' or 'not missing' after 'is'"),
        ('kind = "a', 'the quote is never closed: end the text with "'),
        ("`kind", "the backtick is never closed"),
        ('kind = "a\\n"', "a backslash stands only before"),
        ("kind = cup", "('cup'): expected a value: a text in quotes"),
        ("price = 12abc", "('12abc'): expected"),
        ("price < 1e999", "the number is too large"),
        ("price && 3", "('&&'): expected"),
        ('released < "soon"', "'released' holds dates, and \"soon\" is none: write one such as 2024-05-31"),
        ("released < 2024-13-01", '"2024-13-01" is none'),
        ("released < 2024", "'released' holds dates, and 2024 is none: write one such as 2024-05-31"),
        ('tags = "a"', "'tags' holds lists: use in or contains"),
        ("vector = 1", "'vector' holds no numbers, dates or texts: ask 'is missing' alone"),
        ("not " * 41 + "price < 3", "more than 40 brackets and 'not'"),
        ("(" * 41 + "price < 3" + ")" * 41, "more than 40 brackets and 'not'"),
        ("price < 3 " + " " * 4000, "the filter has 4,010 characters, and may have 4,000"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(filters, text, sentence):
    with pytest.raises(RequestError) as told:
        filters.mask(text)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_an_empty_catalogue_and_a_single_item():
    empty = Filters(Catalogue(pl.DataFrame(schema={"a": pl.Float64, "b": pl.String, "c": pl.List(pl.String)})))
    one = Filters(Catalogue(pl.DataFrame({"a": [1.0], "b": ["x|y"], "c": [["q"]]})))
    for text in ("a < 3", 'b in ["x"]', 'b contains "x"', 'c in ["q"]', 'c contains "q"', "a is missing or a = 1"):
        assert empty.mask(text).tolist() == []
        assert one.mask(text).tolist() == [True]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([Decimal("1.5"), None]), pl.Series([1, None], dtype=pl.UInt8), pl.Series([time(1), None]), pl.Series([timedelta(1), None]),
        pl.Series([datetime(2024, 5, 1, tzinfo=UTC), None]), pl.Series([{"a": 1}, None]), pl.Series([b"x", None]),
        pl.Series(["a", None], dtype=pl.Enum(["a"])), pl.Series([[["a"]], None]), pl.Series([object(), None], dtype=pl.Object),
        pl.Series([["a", "b"], None], dtype=pl.Array(pl.String, 2)), pl.Series([[True], None]), pl.Series([[date(2024, 1, 1)], None]),
        pl.Series(["2024-01-01T00:00:00Z", None]), pl.Series(["2024-01-01T00:00:00.5", None]), pl.Series(["2024-01-01", "soon", None]),
    ],
)  # fmt: skip
def test_every_type_of_column_is_tested_or_refused(column):
    filters = Filters(Catalogue(pl.DataFrame({"x": column})))
    assert filters.mask("x is missing").tolist() == column.is_null().to_list()
    for test in ("= 1", "< 2", '= "a"', 'in ["a", "b"]', 'contains "a"', ">= 2024-01-01", "= true", "in [1, 2]"):
        with contextlib.suppress(RequestError):
            passed = filters.mask(f"x {test}")
            assert not passed[-1]


def test_columns_that_hold_nothing_and_odd_types():
    table = pl.DataFrame({"nothing": [None, None], "kind": ["a", "b"]}, schema_overrides={"kind": pl.Categorical})
    filters = Filters(Catalogue(table))
    assert filters.mask("nothing is missing").tolist() == [True, True]
    assert filters.mask('nothing = "x" or not nothing = "x"').tolist() == [False, False]
    assert filters.mask('kind = "a"').tolist() == [True, False]
