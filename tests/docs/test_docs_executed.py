"""The tutorial and the how-tos run, block by block, each in an empty folder."""

from __future__ import annotations

import re

import pytest

from doc_blocks import ROOT, run_page

PAGES = {
    "docs/tutorial.md": 10,
    "docs/serving.md": 4,
    **{str(page.relative_to(ROOT)): 2 for page in (ROOT / "docs" / "how-to").glob("*.md")},
}
"""Page -> at least so many blocks."""


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_block_runs_in_order(page, tmp_path):
    assert run_page(page, tmp_path) >= PAGES[page]


def test_pages_that_are_named_exist():
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        named = re.findall(r"`(docs/[\w/-]+\.md)`", page.read_text(encoding="utf-8"))
        assert [name for name in named if not (ROOT / name).is_file()] == [], page
