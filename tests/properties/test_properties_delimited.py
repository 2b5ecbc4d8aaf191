"""Delimited text is read in three ways, and all three tell the same."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palate.data.sources import _lines
from palate.data.sources._delimited import _by_lines, _by_records, delimited

FIELD = st.text(st.sampled_from("ab é中\U0001f60d.;"), max_size=4)
LINE = st.lists(FIELD, min_size=3, max_size=3) | st.lists(FIELD, max_size=5)


@example(
    lines=[["", "", ";"], ["", "", ";", ""]], block=9, end="\n", separator=",", last=False, named=False, packed=False
)
@example(
    lines=[["", "", ";"], ["", "", ";", ""]], block=9, end="\n", separator=",", last=False, named=True, packed=True
)
@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(LINE, min_size=1, max_size=30), block=st.integers(1, 60), end=st.sampled_from(["\n", "\r\n"]),
    separator=st.sampled_from(",\t"), last=st.booleans(), named=st.booleans(), packed=st.booleans(),
)  # fmt: skip
def test_by_lines_is_as_by_records(lines, block, end, separator, last, named, packed):
    rows = [separator.join(line) for line in ([] if named else [["x", "y", "z"]]) + lines]
    text = "\ufeff" * packed + end.join(rows) + end * last
    names = ["x", "y", "z"] if named else None
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_lines, "BLOCK", block)
        file = Path(place) / "t.csv"
        file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        quick = _by_lines(file, separator, '"', names)
        if quick is None:  # no row can be used, which is for the slower way to tell
            assert all(len(line) != 3 or not any(line) for line in lines)
            return
        slow = _by_records(file, separator, '"', "utf-8", names)
        whole = delimited(file, separator, '"', "utf-8", names)
    assert quick.table.rows() == slow.table.rows() == whole.table.rows()
    assert quick.rows.to_list() == slow.rows.to_list()
    assert quick.rejected.rows() == slow.rejected.rows() == whole.rejected.rows()
