"""Every block of the README is run, in order, in an empty folder, each command as a process that starts anew."""

from __future__ import annotations

import re

import pytest

from doc_blocks import ROOT, blocks, run_page
from warm import COLD

INSTALLING = ("make ", "python3 -m venv", "palate-env/")
"""Lines that install are not repeated here: `make test` has just done it, and `make check` installs the wheel."""


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.timeout(600)
def test_every_block_runs_in_order(tmp_path):
    assert run_page("README.md", tmp_path, INSTALLING, COLD) >= 5
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "again.palate" / "manifest.json").is_file()


def test_make_targets_named_in_the_readme_exist():
    words = set(re.findall(r"`?make (\w+)`?", (ROOT / "README.md").read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test"} <= words
    assert all(re.search(rf"^{word}:", makefile, re.MULTILINE) for word in words)


def test_the_chinese_readme_has_the_same_blocks():
    assert blocks("README.zh-CN.md") == blocks("README.md")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_its_table_is_of_the_published_figures(page):
    figures = re.findall(
        r"^\| `([\w-]+)` \|((?: (?:\d\.\d{4}|–) \|){4})$", (ROOT / page).read_text(encoding="utf-8"), re.M
    )
    published = re.split(
        r"^## ", (ROOT / "docs" / "results" / "deep.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    grounds = ["tiktok", "amazon-baby", "movielens-posters, random", "movielens-posters, cold-items"]
    assert len(figures) == 6
    for model, told in figures:
        for ground, figure in zip(grounds, re.findall(r"[\d.]+|–", told), strict=True):
            (section,) = (text for text in published if text.startswith(f"{ground}\n"))
            found = re.findall(rf"^\| `{model}` \| [^|]+ \| (\d\.\d{{4}})", section, re.MULTILINE)
            assert found == ([] if figure == "–" else [figure]), (model, ground)
