"""The drawing of the rooms, the doctests and the promises about imports are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import palate

ROOT = Path(__file__).parents[2]


def test_the_drawing_shows_the_rooms_in_the_enforced_order():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    expected = [[room.strip().removeprefix("palate.") for room in layer.split("|")] for layer in layers]
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    order = [name for line in drawing.splitlines() for name in re.findall(r"│ (\w+)", line)]
    known = {name for layer in expected for name in layer}
    assert [name for name in order if name in known] == [name for layer in expected for name in layer]


def test_every_room_stands_in_the_enforced_order():
    rooms = {module.name for module in pkgutil.iter_modules(palate.__path__)}
    text = (ROOT / "pyproject.toml").read_text()
    assert rooms == {room for room in rooms if f"palate.{room}" in text}


def modules() -> list[str]:
    return [module.name for module in pkgutil.walk_packages(palate.__path__, "palate.")]


@pytest.mark.parametrize("name", modules())
def test_doctests(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_public_name_of_the_package_loads():
    for name in palate.__all__:
        assert getattr(palate, name) is not None


def bare_seconds(code: str) -> float:
    program = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(3)
    ]
    return min(float(run.stdout) for run in runs)


def test_importing_palate_takes_under_a_third_of_a_second():
    assert bare_seconds("import palate") < 0.3


def test_the_road_without_torch_never_imports_it():
    code = (
        "import palate, sys, importlib, pkgutil\n"
        "[importlib.import_module(m.name) for m in pkgutil.walk_packages(palate.__path__, 'palate.')]\n"
        "heavy = {'torch', 'transformers', 'pandas', 'matplotlib', 'numba', 'usearch'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [["--help"], ["encode", "--help"], ["encoders"]])
def test_help_and_listings_load_no_library_that_only_work_needs(words):
    code = (
        "import sys; from palate.cli import _run\n"
        f"assert _run({words}, True) == 0\n"
        "print(sorted({'scipy.signal', 'scipy.stats', 'av', 'soundfile', 'onnxruntime', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
