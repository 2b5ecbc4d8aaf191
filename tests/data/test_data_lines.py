"""JSON lines, block by block: what is kept, what is set aside, and that the size of the blocks changes nothing."""

from __future__ import annotations

import ast
import gzip
import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.core.errors import DataError
from palate.data.sources import _lines
from palate.data.sources._amazon_fields import item_rows, pictures
from palate.data.sources._lines import read_lines
from palate.data.sources._literal import json_of_literal
from palate.data.sources._texts import joined, plain_text
from palate.data.sources._yelp_fields import business_rows

GOOD = ('{"a": "x", "b": 1}', '{"b": {"c": [1, 2]}, "a": null}', "{}", '{"a": "one\\u2028two \u2028 {\\"}", "z": 0}')
BAD = ("5", "null", '["a"]', '{"a": 1', '{"a": NaN}', '{"a": 1} {"a": 2}', "{'a': 1}", "not json}", '{"a": "\\ud800"}}')


def test_every_value_is_text_and_what_lacks_is_null(tmp_path):
    (tmp_path / "x.json").write_text("\n".join(GOOD))
    found = read_lines(tmp_path / "x.json", ["a", "b"])
    assert found.table.rows() == [("x", "1"), (None, '{"c": [1, 2]}'), (None, None), ('one\u2028two \u2028 {"}', None)]
    assert found.rows.to_list() == [1, 2, 3, 4]
    assert found.rejected.is_empty()


def test_each_kind_of_broken_line_is_told_with_its_number(tmp_path):
    lines = [b'{"a": 1}', b"", b'{"a": "\xff"}', b"[1]", b'{"a": 1', b"  ", b'{"a": 2}\r']
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + b"\n".join(lines))
    found = read_lines(tmp_path / "x.json", ["a"])
    assert found.table["a"].to_list() == ["1", "2"]
    assert found.rows.to_list() == [1, 7]
    assert found.rejected.select("place", "row", "reason", "value").rows() == [
        ("x.json", 3, "the line is not UTF-8 text", '{"a": "�"}'),
        ("x.json", 4, "the line is not a JSON object", "[1]"),
        ("x.json", 5, "the line is not a JSON object", '{"a": 1'),
    ]


def test_a_line_that_is_too_long_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(_lines, "BLOCK", 64)
    monkeypatch.setattr(_lines, "LONGEST", 256)
    long = json.dumps({"a": "x" * 1000})
    (tmp_path / "x.json").write_text(f'{{"a": 1}}\n{long}\n{{"a": 2}}\n{long}')
    found = read_lines(tmp_path / "x.json", ["a"])
    assert found.table["a"].to_list() == ["1", "2"]
    assert found.rows.to_list() == [1, 3]
    assert found.rejected["row"].to_list() == [2, 4]
    assert found.rejected["reason"].str.contains("longer than").all()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"nothing here\n", b"[\n{}\n]"])
def test_a_file_without_an_object_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    if content.startswith(b"["):
        assert read_lines(tmp_path / "x.json", ["a"]).rejected["row"].to_list() == [1, 3]
        return
    with pytest.raises(DataError, match="holds no line that is a JSON object"):
        read_lines(tmp_path / "x.json", ["a"])


def test_a_packed_file_that_is_cut_off_or_damaged_is_refused(tmp_path):
    packed = gzip.compress("".join(f'{{"a": "{n * 7919 % 10007}"}}\n' for n in range(5000)).encode())
    (tmp_path / "x.json.gz").write_bytes(packed)
    assert read_lines(tmp_path / "x.json.gz", ["a"]).table.height == 5000
    for broken in (packed[: len(packed) // 2], packed[:500] + b"\x00" * 40 + packed[540:], packed[:-6]):
        (tmp_path / "x.json.gz").write_bytes(broken)
        with pytest.raises(DataError, match="is cut off or damaged"):
            read_lines(tmp_path / "x.json.gz", ["a"])


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(st.sampled_from([*GOOD, *BAD, "", "  "]), max_size=40),
    block=st.integers(1, 200),
    end=st.sampled_from(["", "\n", "\r\n"]),
)
def test_blocks_of_any_size_give_what_one_line_at_a_time_gives(lines, block, end):
    expected = [n for n, line in enumerate(lines, 1) if line in GOOD]
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_lines, "BLOCK", block)
        file = Path(place) / "x.json"
        file.write_text("\n".join(lines) + end, encoding="utf-8")
        if not expected:
            with pytest.raises(DataError):
                read_lines(file, ["a", "b"])
            return
        found = read_lines(file, ["a", "b"])
    assert found.rows.to_list() == expected
    assert found.rejected["row"].to_list() == [n for n, line in enumerate(lines, 1) if line in BAD]
    assert found.table["b"].to_list() == [{GOOD[0]: "1", GOOD[1]: '{"c": [1, 2]}'}.get(lines[n - 1]) for n in expected]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(value=st.dictionaries(st.text(), PLAIN, max_size=4))
def test_a_dict_written_by_python_is_read_as_it_was(value):
    found = json_of_literal(repr(value), list(value))
    assert found is not None
    assert json.loads(found) == value


@settings(max_examples=500, deadline=None)
@given(inner=st.text("{}'\":,[]() \\nuxTrueFalsNo0123.-\t#b", max_size=30))
def test_what_python_reads_is_read_the_same_and_nothing_is_run(inner):
    line = "{'a': " + inner + "}"
    found = json_of_literal(line, ["a"])
    try:
        expected = ast.literal_eval(line)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return
    if isinstance(expected, dict) and found is not None:
        assert json.loads(found).get("a") == json.loads(json.dumps(expected)).get("a")


@settings(max_examples=200, deadline=None)
@given(value=PLAIN | st.dictionaries(st.sampled_from(["hi_res", "large", "variant", "WiFi"]), PLAIN))
def test_no_value_in_a_field_stops_an_import(value):
    cells = pl.Series([json.dumps(value), repr(value), None], dtype=pl.String)
    assert len(pictures(cells)[0]) == len(joined(cells, ", ")) == len(plain_text(cells)) == 3
    shops = pl.DataFrame(dict.fromkeys(("name", "categories", "attributes"), cells))
    assert business_rows(shops).height == 3
    assert item_rows(pl.DataFrame({"asin": cells, "price": cells, "images": cells, "category": cells}))[0].height == 3


@pytest.mark.parametrize(
    "line",
    ["{'a': __import__('os').getcwd()}", "{'a': 1 if 1 else 2}", "{'a': [x for x in 'ab']}", "{'a': f'{1}'}", "{'a': b'x'}",
     "{'a': {1, 2}}", "{'a'", "{'a': " + "[" * 5000 + "]" * 5000 + "}", "{'a': " + "-" * 20_000 + "1}"],
)  # fmt: skip
def test_a_line_that_is_no_plain_dict_is_none(line):
    assert json_of_literal(line, ["a"]) is None


def test_half_a_letter_in_a_dict_is_told_and_stops_nothing(tmp_path):
    file = tmp_path / "meta.json"
    file.write_text("{'a': 'one'}\n{'a': 'half \\ud83d'}\n{'a': 'whole \\ud83d\\ude00'}\n")
    found = read_lines(file, ["a"], literals=True)
    assert found.table["a"].to_list()[0] == "one"
    assert found.rows.to_list() + found.rejected["row"].to_list() == [1, 2, 3]
    assert found.rejected["reason"].unique().to_list() == ["the line is neither a JSON object nor a Python dict"]
