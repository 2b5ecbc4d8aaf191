"""The benchmark of scaling, on little data."""

import sys

import numpy as np
import pytest

pytest.importorskip("torch")

from doc_blocks import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "speed"))

import scaling

pytestmark = pytest.mark.torch


def test_a_shop_has_so_many_likes_and_the_time_of_each_step_is_told():
    cut = scaling.world(1000)
    rows = [part.interactions for part in (cut.train, cut.valid, cut.test)]
    assert sum(map(len, rows)) == 1000
    assert (len(cut.train.users), len(cut.train.items)) == (100, 316)
    assert "hidden" not in cut.train.features
    found = scaling.measured("umami", cut, 1)
    assert set(found) == set(scaling.WHAT)
    assert 0 < found["epoch"] <= found["fit"]


def test_the_exponent_is_drawn_beside_the_line():
    sizes = [1000, 10_000, 100_000]
    seconds = [0.02 * (size / 1000) ** 1.5 for size in sizes]
    assert scaling.exponent(sizes, seconds) == pytest.approx(1.5)
    picture = scaling.plot({"lightgcn": {"fit": seconds}}, sizes, 2)
    assert "lightgcn fit: ^1.50" in picture
    for word in (">1,000<", ">10,000<", ">100,000<", ">0.01<", ">0.1<", ">1<", ">10<", ">100<"):
        assert word in picture
    assert " %<" not in picture
    (points,) = [part.split('"')[0] for part in picture.split('class="curve" points="')[1:]]
    x, y = np.array([point.split(",") for point in points.split()], float).T
    assert np.allclose(np.diff(x), np.diff(x)[0], atol=0.2)
    assert np.allclose(np.diff(y), np.diff(y)[0], atol=0.2)
