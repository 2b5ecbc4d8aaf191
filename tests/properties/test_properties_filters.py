"""Filters: any text is read or refused, nothing is ever run, and any tree means what a plain reading of it means."""

from __future__ import annotations

import builtins
import contextlib
import operator
import os
import re

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palate.core.errors import RequestError
from palate.data.catalogue import Catalogue
from palate.retrieval import Filters
from palate.retrieval.filters import parse
from palate.retrieval.filters.tree import Column, Compare, Every, Like, Missing, Not, OneOf, Some, Value

TABLE = {
    "price": [1.0, 2.5, None, -3.0, 2.5, 0.0],
    "kind": ["tea", "Tea|cup", None, "red cup; tea", "", "lamp, TEA"],
    "tags": [["tea"], [], None, ["red cup", "x"], ["Tea"], ["lamp"]],
    "in `stock`": [True, False, None, True, False, None],
}
FILTERS = Filters(Catalogue(pl.DataFrame(TABLE)))
TEXTS = ("tea", "Tea", "cup", "red cup", "lamp", "e", "", "x", 'a "quote" \\', "茶壶")

numbers = st.sampled_from([1.0, 2.5, -3.0, 0.0, 7.25, 1e-7]) | st.floats(-1e6, 1e6)
number_columns = st.sampled_from(["price", "in `stock`"]).map(Column)
text_columns = st.sampled_from(["kind", "tags"]).map(Column)
texts = st.sampled_from(TEXTS).map(Value)
orders = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
number_values = numbers.map(Value) | st.booleans().map(Value)
leaves = st.one_of(
    st.builds(Compare, number_columns, orders, number_values),
    st.builds(Compare, st.just(Column("kind")), st.sampled_from(["=", "!="]), texts),
    st.builds(OneOf, number_columns, st.lists(number_values, min_size=1, max_size=3).map(tuple)),
    st.builds(OneOf, text_columns, st.lists(texts, min_size=1, max_size=3).map(tuple)),
    st.builds(Like, text_columns, st.sampled_from(["contains", "starts with", "ends with"]), texts),
    st.builds(Missing, number_columns | text_columns),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Every, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Some, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
OPERATORS = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
LIKE = {"contains": str.__contains__, "starts with": str.startswith, "ends with": str.endswith}


def plainly(node, row):
    """Read a tree over one row: True, False, or None for unknown (Kleene)."""
    match node:
        case Not(inner):
            found = plainly(inner, row)
            return None if found is None else not found
        case Every(parts):
            found = [plainly(part, row) for part in parts]
            return False if False in found else None if None in found else True
        case Some(parts):
            found = [plainly(part, row) for part in parts]
            return True if True in found else None if None in found else False
        case Missing(column):
            return row[column.name] is None
    cell = row[node.column.name]
    if cell is None:
        return None
    match node:
        case Compare(_, order, value):
            return bool(OPERATORS[order](cell, value.what))
        case OneOf(_, values):
            members = [cell] if not isinstance(cell, (str, list)) else cell
            if isinstance(cell, str):
                members = [cell, *(part.strip() for part in re.split(r"[|;,]", cell))]
            return any(member == value.what for member in members for value in values)
        case Like(_, likeness, value):
            cells = cell if isinstance(cell, list) else [cell]
            return any(LIKE[likeness](one.lower(), value.what.lower()) for one in cells)


@settings(max_examples=400, deadline=None)
@given(trees)
def test_a_tree_means_what_it_says_and_survives_printing(tree):
    rows = [dict(zip(TABLE, cells, strict=True)) for cells in zip(*TABLE.values(), strict=True)]
    expected = [plainly(tree, row) is True for row in rows]
    assert FILTERS.mask(tree).tolist() == expected
    if len(str(tree)) <= 4000:
        assert parse(str(tree)) == tree
        assert FILTERS.mask(str(tree)).tolist() == expected


WORDS = (
    "price", "kind", "tags", "`in ``stock```", "and", "or", "not", "in", "contains", "starts", "with", "is", "missing",
    "(", ")", "[", "]", ",", "=", "==", "!=", "<", "<=", ">", "true", "3", "-2.5", '"tea"', "'x'", "2024-05-01", ";",
    "`", '"', "\\", "__class__", ".", "{", "}", "%", "茶壶", "“", "lambda", ":", "import", "--",
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)))
@example("not " * 1000)
@example("(" * 4000)
@example("price<1 or " * 360 + "price<1")
@example("\x00")
@example("\ud800")
@example("price = ²")
@example("kind contains '\ud800'")
@example("price = 9" * 400)
@example("price in [" + "1," * 1900 + "1]")
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(RequestError):
        assert len(FILTERS.mask(text)) == 6


@pytest.mark.parametrize(
    "attempt",
    [
        "__import__('os').system('touch {place}')",
        "().__class__.__bases__[0].__subclasses__()",
        "price = __import__('os')",
        "price < 3; open('{place}', 'w')",
        "f\"{{open('{place}', 'w')}}\"",
        "kind = f\"{{open('{place}', 'w')}}\"",
        "`touch {place}`",
        "$(touch {place})",
        "kind = 'x' UNION SELECT * FROM items",
        "kind = ''; DROP TABLE items; --",
        "price.map_elements(lambda x: open('{place}', 'w'))",
        "pl.read_csv('{place}')",
        "kind = {{{{7*7}}}}",
        "exec(\"open('{place}', 'w')\")",
        "(lambda: open('{place}', 'w'))()",
        "[open('{place}', 'w') for _ in [1]]",
        "price < 3 if True else open('{place}', 'w')",
        "price := 3",
    ],
)
def test_code_is_refused_and_never_run(attempt, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a filter was run")

    place = tmp_path / "made"
    text = attempt.format(place=place)
    for name in ("eval", "exec", "compile"):
        monkeypatch.setattr(builtins, name, refuse)
    monkeypatch.setattr(os, "system", refuse)
    with pytest.raises(RequestError):
        FILTERS.mask(text)
    assert not place.exists()


def test_code_in_quotes_is_a_text_like_any_other():
    table = pl.DataFrame({"kind": ["__import__('os')", "'; DROP TABLE items; --"]})
    filters = Filters(Catalogue(table))
    assert filters.mask("kind = \"__import__('os')\"").tolist() == [True, False]
    assert filters.mask('kind contains "drop table"').tolist() == [False, True]
