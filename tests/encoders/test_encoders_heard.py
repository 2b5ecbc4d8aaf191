"""What encoders and recognisers hear in real sounds, by the functions of the benchmark."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.xdist_group("encoders_heard")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "quality" / "senses_audio.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("senses_audio", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.data
@pytest.mark.weights
@pytest.mark.soak
@pytest.mark.parametrize("name", ["mel", "musicnn", "aisfx"])
def test_the_nearest_sound_is_of_the_same_category(name: str, bench: ModuleType, real_data: Path) -> None:
    found = bench.nearest_category(real_data / "stamps", name)
    assert found["clips"] > 110
    assert found["right"] > found["majority"] + 0.08  # seen: .68, .64 and .77; the majority is .53


@pytest.mark.data
@pytest.mark.weights
@pytest.mark.soak
def test_what_is_said_finds_its_caption(bench: ModuleType, real_data: Path) -> None:
    found = bench.nearest_caption(real_data / "stamps", "whisper-tiny.en")
    assert found["clips"] > 60
    assert found["right"] > 0.4 > 10 * found["chance"]
