"""The graph of items by content: what it is, and that it is kept by all the numbers that it was made of."""

import numpy as np
import pytest

from palate.linalg.neighbours import unit_rows
from palate.models import _deep_parts
from palate.models._deep_parts import Prepared, likeness, weighted


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_deep_parts, "_DEAR", 0)
    return tmp_path / "cache" / "graphs"


def parts(seed=0, items=12):
    rng = np.random.default_rng(seed)
    made = {}
    for name, width in (("photo", 5), ("text", 3)):
        present = rng.random(items) < 0.8
        rows = unit_rows(rng.normal(size=(items, width)).astype(np.float32)) * present[:, None]
        made[name] = Prepared(rows.astype(np.float32), present)
    return made


EVEN, ALL = {"photo": 0.5, "text": 0.5}, np.ones(12, bool)


def graph(ready=None, weights=EVEN, speaking=ALL, neighbours=3):
    return likeness(weighted(ready or parts(), weights), speaking, neighbours).toarray()


def test_an_edge_is_a_share_of_the_summed_cosines_of_the_parts():
    ready, speaking = parts(), np.arange(12) % 3 > 0
    weights = {"photo": 0.7, "text": 0.3}
    stacked = np.concatenate([np.sqrt(weights[name]) * part.values for name, part in ready.items()], axis=1)
    present = ready["photo"].present | ready["text"].present
    cosines = unit_rows(stacked.astype(np.float32)) @ unit_rows(stacked.astype(np.float32)).T
    cosines[:, ~(speaking & present)] = -np.inf
    np.fill_diagonal(cosines, -np.inf)
    expected = np.zeros((12, 12))
    for row in np.flatnonzero(present):
        best = np.argsort(-cosines[row])[:3]
        expected[row, best] = np.maximum(cosines[row, best], 0)
        expected[row] /= max(expected[row].sum(), 1e-30)
    assert np.allclose(graph(ready, weights, speaking), expected, atol=1e-6)


def test_the_same_numbers_make_it_once(place, monkeypatch):
    first = graph()
    monkeypatch.setattr(_deep_parts, "nearest", None)
    assert np.array_equal(graph(), first)
    assert len(list(place.glob("*.safetensors"))) == 1


def test_other_features_weights_candidates_or_numbers_of_neighbours_make_another(place, monkeypatch):
    """A cache that knows the features by the name of the data alone would hand out a stale graph."""
    moved, hidden = parts(), parts()
    moved["photo"].values[:] = np.roll(moved["photo"].values, 1, axis=0)
    hidden["text"].present[:] = False
    given = [
        {}, {"ready": moved}, {"ready": hidden}, {"ready": parts(seed=1)}, {"weights": {"photo": 0.9, "text": 0.1}},
        {"speaking": np.arange(12) != 4}, {"neighbours": 2},
    ]  # fmt: skip
    found = [graph(**each) for each in given]
    assert len(list(place.glob("*.safetensors"))) == len(given)
    monkeypatch.setattr(_deep_parts, "_DEAR", 1 << 33)
    for each, cached in zip(given, found, strict=True):
        assert np.array_equal(graph(**each), cached)


def test_a_graph_that_is_made_in_no_time_is_not_kept(place, monkeypatch):
    monkeypatch.setattr(_deep_parts, "_DEAR", 1 << 33)
    graph()
    assert not place.exists()
