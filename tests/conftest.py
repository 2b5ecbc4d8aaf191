"""Fixtures that every room shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from palate.cli import main
from palate.data.dataset import Dataset
from tiny_data import make_dataset


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it skip where it is absent, unless PALATE_REQUIRE_DATA is set."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("PALATE_TEST_DATA", default))
    if not (folder / "README.md").is_file():
        message = f"the real data folder {folder} is absent: set PALATE_TEST_DATA"
        if os.environ.get("PALATE_REQUIRE_DATA"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture
def tiny() -> Dataset:
    """Forty users, thirty items, parts `title` (carries the groups) and `photo` (noise, with holes)."""
    return make_dataset()


@pytest.fixture
def palate(capsys):
    """Run the command line in this process; returns the exit code, and what was written to stdout and to stderr."""

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run
