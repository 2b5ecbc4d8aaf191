"""Every block of the README is run, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLING = ("make ", "python3 -m venv", "palate-env/")
"""Lines that install are not repeated here: `make test` has just done it, and `make check` installs the wheel."""


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def run_block(language: str, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
    }
    command = ["bash", "-euo", "pipefail", "-m", "-c", text] if language == "sh" else [sys.executable, "-c", text]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.timeout(600)
def test_every_block_runs_in_order(tmp_path):
    ran = 0
    for language, text in blocks("README.md"):
        lines = text.splitlines()
        if all(line.startswith(INSTALLING) for line in lines):
            continue
        done = run_block(language, text, tmp_path)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        widest = max((len(line) for line in done.stdout.splitlines() if not line.startswith("{")), default=0)
        assert widest <= 80, f"a line of {widest} columns:\n{done.stdout}"
        assert "Traceback" not in done.stderr
        ran += 1
    assert ran >= 5
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "again.palate" / "manifest.json").is_file()


def test_make_targets_named_in_the_readme_exist():
    words = set(re.findall(r"`?make (\w+)`?", (ROOT / "README.md").read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {"demo", "test"} <= words
    assert all(re.search(rf"^{word}:", makefile, re.MULTILINE) for word in words)


def test_the_chinese_readme_has_the_same_blocks():
    assert blocks("README.zh-CN.md") == blocks("README.md")
