"""The published table is of every model and every ground, as the script writes it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from doc_blocks import ROOT
from palate.models import registry

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))


LIGHT = {name for name in registry.names() if registry.get(name).extra is None}
"""Models that need no torch: make eval is of these."""
LATER = {"cease"}
"""Models that came after the last run of make eval: until the next they stand in the table of make eval-deep."""


def test_every_model_stands_in_every_table():
    text = (ROOT / "docs" / "results" / "ground.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    from grounds import GROUNDS
    from rivals import RIVALS

    assert set(sections) == set(GROUNDS)
    for ground, section in sections.items():
        named = set(re.findall(r"^(?:\| )?`([\w\- ()]+)`", section, re.MULTILINE))
        assert named >= {*LIGHT, *RIVALS} - LATER, ground
        judged = re.findall(r"^\| `[\w\- ()]+` \| (\d\.\d{4})", section, re.MULTILINE)
        assert len(judged) >= 10, ground


def test_what_came_later_stands_in_the_other_table():
    text = (ROOT / "docs" / "results" / "deep.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(sections) == 4
    for ground, section in sections:
        assert set(re.findall(r"`([\w\-]+)`", section)) >= LATER, ground


def test_every_model_has_a_space_to_be_tuned_over():
    from spaces import SPACES

    assert LIGHT - {"ensemble"} <= set(SPACES)


@pytest.mark.data
@pytest.mark.slow
def test_a_model_that_cannot_be_fitted_is_a_row_with_the_reason(real_data, tmp_path):
    script = str(ROOT / "benchmarks" / "quality" / "ground.py")
    words = ["--real", str(real_data), "--out", str(tmp_path), "--grounds", "amazon-baby", "--models", "vector-space"]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = (tmp_path / "ground.md").read_text(encoding="utf-8")
    assert "`vector-space`: no model could be judged: vector-space: the dataset has no features" in text


@pytest.mark.data
@pytest.mark.slow
def test_the_script_runs_from_data_to_table_and_does_nothing_twice(real_data, tmp_path):
    script = str(ROOT / "benchmarks" / "quality" / "ground.py")
    words = ["--real", str(real_data), "--out", str(tmp_path), "--grounds", "tiktok", "--trials", "2"]
    command = [sys.executable, script, *words, "--publish", str(tmp_path / "published"), "--models"]
    files = []
    for models in ("popularity,item-knn", "item-knn"):
        done = subprocess.run([*command, models], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        files.append({path: path.stat().st_mtime_ns for path in (tmp_path / "tiktok").glob("*.json")})
    assert files[0] == files[1]
    assert len(files[0]) == 6
    text = (tmp_path / "published" / "ground.md").read_text(encoding="utf-8")
    assert re.search(r"^\| `popularity` \| .* \| 0\.0597 \[.* \| \d+\.\d\d \| \d+\.\d\d \| \d+ \|$", text, re.MULTILINE)
