"""The blocks of a page of documentation, and how they are run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import warm

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """Return language and text of each block of a page, a path from the project's root."""
    return _BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))


def run_block(language: str, text: str, folder: Path, programs: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a block of shell or Python in a folder, in a terminal of 80 columns.

    `palate` and `python` are those of a folder of programs; without one, those that are warm.
    """
    programs = programs or warm.programs()
    environment = os.environ | {
        "PATH": os.pathsep.join([str(programs), str(warm.COLD), os.environ["PATH"]]),
        "COLUMNS": "80",
    }
    command = ["bash", "-euo", "pipefail", "-m", "-c", text] if language == "sh" else [programs / "python", "-c", text]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def run_page(page: str, folder: Path, leave_out: tuple[str, ...] = (), programs: Path | None = None) -> int:
    """Run the blocks of a page one after another and return how many there were.

    Each must succeed, without a traceback, and print nothing wider than the terminal; blocks of which every line begins
    with one of `leave_out` are not run. Programs are as for `run_block`.
    """
    ran = 0
    for language, text in blocks(page):
        if language not in ("sh", "python") or all(line.startswith(leave_out) for line in text.splitlines()):
            continue
        done = run_block(language, text, folder, programs)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        widest = max((len(line) for line in done.stdout.splitlines() if not line.startswith("{")), default=0)
        assert widest <= 80, f"a line of {widest} columns:\n{done.stdout}"
        assert "Traceback" not in done.stderr
        ran += 1
    return ran
