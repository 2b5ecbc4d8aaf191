"""The weights of a network: every one is learned and kept by its name, and no name is given twice."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from palate.nn.network import Weights  # noqa: E402

pytestmark = pytest.mark.torch


def test_what_is_added_is_learned_and_kept_by_name():
    weights, other = (Weights(np.random.default_rng(seed)) for seed in (0, 1))
    for one in (weights, other):
        one.table("people", 4, 2)
        one.linear("map trailer.sound", 3, 2)
    assert {name: array.shape for name, array in weights.arrays().items()} == {
        "people": (4, 2),
        "map trailer.sound.weight": (2, 3),
        "map trailer.sound.bias": (2,),
    }
    assert len(list(weights.parameters())) == 3
    assert not np.array_equal(other.arrays()["people"], weights.arrays()["people"])
    other.load(weights.arrays())
    assert all(np.array_equal(other.arrays()[name], array) for name, array in weights.arrays().items())


def test_a_name_given_twice_is_refused():
    weights = Weights(np.random.default_rng(0))
    weights.linear("map", 3, 2)
    with pytest.raises(ValueError, match=r"two weights called 'map\.weight'"):
        weights.linear("map", 3, 2)
