import os

import numpy as np
import pytest

from palate.core import cache
from palate.core.cache import kept
from palate.core.state import State


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


class Maker:
    def __init__(self, size=3):
        self.times, self.size = 0, size

    def __call__(self):
        self.times += 1
        return State({"a": np.arange(self.size, dtype=np.float32)})


def test_what_was_made_is_made_once(place):
    make = Maker()
    first, again = kept("graphs", "one", make), kept("graphs", "one", make)
    assert make.times == 1
    assert np.array_equal(first.arrays["a"], again.arrays["a"])
    kept("graphs", "two", make)
    assert make.times == 2
    assert len(list(place.glob("*.safetensors"))) == 2


@pytest.mark.parametrize("how", ["cut short", "changed", "no proof"])
def test_a_damaged_copy_is_made_anew(place, how):
    make = Maker()
    kept("graphs", "one", make)
    file, proof = place / "one.safetensors", place / "one.json"
    if how == "no proof":
        proof.write_text("{}")
    else:
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data[:-3] if how == "cut short" else data)
    assert kept("graphs", "one", make).arrays["a"].tolist() == [0, 1, 2]
    assert make.times == 2
    kept("graphs", "one", make)
    assert make.times == 2


def test_what_was_not_asked_for_the_longest_goes(place, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT_MB", 1)
    make = Maker(100_000)  # 0.4 MB
    for number, key in enumerate("abc"):
        kept("graphs", key, make)
        if key != "c":
            os.utime(place / f"{key}.safetensors", (number, number))
    assert sorted(file.stem for file in place.glob("*.*")) == ["b", "b", "c", "c"]
    kept("graphs", "b", make)
    assert make.times == 3
    os.utime(place / "c.safetensors", (0, 0))
    kept("graphs", "d", make)
    assert sorted(file.stem for file in place.glob("*.safetensors")) == ["b", "d"]


def test_a_cache_that_cannot_be_written_is_none(place):
    place.parent.mkdir()
    place.write_text("a file stands here")
    make = Maker()
    assert kept("graphs", "one", make).arrays["a"].tolist() == [0, 1, 2]
    assert kept("graphs", "one", make).arrays["a"].tolist() == [0, 1, 2]
    assert make.times == 2
