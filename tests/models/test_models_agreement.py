"""Items are joined where all parts agree or behaviour confirms it: by hand, in every model that joins items, and with wrong pictures."""

import numpy as np
import pytest
import scipy.sparse as sp

from networks import dense, shop
from palate.linalg.neighbours import unit_rows
from palate.models import _deep_parts, registry
from palate.models._agreement import Agreement, NearConfig
from palate.models._deep_parts import Prepared, likeness
from planted import interval

NEAR = [name for name in registry.names() if issubclass(registry.get(name).config_type, NearConfig)]
PARTS = ("photo", "text")
NOBODY = sp.csr_array((5, 4), dtype=np.float32)


def part(*rows):
    values = unit_rows(np.array(rows, np.float32))
    return Prepared(values, values.any(axis=1))


def small():
    """Texts make pairs 0 1 and 2 3; the picture of 1 is like those of 2 and 3, and 3 has none."""
    return {"photo": part([1, 0], [0, 1], [0.1, 1], [0, 0]), "text": part([1, 0], [1, 0.1], [0, 1], [0.1, 1])}


@pytest.mark.parametrize(("deviations", "joined"), [(-2, 6), (0, 1), (2, 0)])
def test_a_pair_must_be_so_far_above_the_mean_in_each_part_that_both_have(deviations, joined):
    ready = small()
    found = Agreement(ready, NOBODY, deviations)(np.arange(4), np.arange(4))
    expected = np.ones((4, 4), bool)
    for rows, present in ((each.values.astype(float), each.present) for each in ready.values()):
        cosines = rows @ rows.T
        both = present[:, None] & present
        seen = cosines[both & ~np.eye(4, dtype=bool)]
        expected &= ~both | (cosines >= seen.mean() + deviations * seen.std())
    apart = ~np.eye(4, dtype=bool)
    assert np.array_equal(found[apart], expected[apart])
    assert np.triu(found, 1).sum() == joined


def test_people_who_like_both_confirm_what_parts_deny():
    """Of five people two like 0 and 1, more than by chance; all like 2, so that two in common with it tell nothing."""
    liked = sp.csr_array(np.array([[1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 1, 1]], np.float32))
    found = Agreement(small(), liked)(np.arange(4), np.arange(4))
    assert sorted(zip(*np.nonzero(np.triu(found, 1)), strict=True)) == [(0, 1), (2, 3)]


def test_the_graph_has_the_nearest_of_those_that_may_be_joined():
    graph = likeness(small(), np.ones(4, bool), 2, Agreement(small(), NOBODY)).toarray()
    assert np.array_equal(graph, [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])


def test_a_kept_graph_is_of_the_same_agreement(tmp_path, monkeypatch):
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path))
    monkeypatch.setattr(_deep_parts, "_DEAR", 0)
    liked = sp.csr_array(np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]], np.float32))
    agreed = (None, Agreement(small(), NOBODY), Agreement(small(), liked))
    for _ in "12":
        counts = [likeness(small(), np.ones(4, bool), 2, each).nnz for each in agreed]
        assert counts == [8, 2, 4]
    assert len(list(tmp_path.glob("graphs/*.safetensors"))) == 3


@pytest.mark.torch
@pytest.mark.parametrize("name", NEAR)
def test_every_model_that_joins_items_leaves_out_edges(name):
    """What is not left out is among what may be joined; unasked nothing is."""
    pytest.importorskip("torch")
    data, graphs = shop(users=30, items=24, likes=0.1), {}
    for agree in (None, 0.0):
        network = registry.get(name)(dim=4, agree=agree)._network(data, np.random.default_rng(0))
        near = network.near if isinstance(network.near, dict) else {"all": network.near}
        graphs[agree] = [dense(operator) * ~np.eye(24, dtype=bool) for operator in near.values()]
    parts = _deep_parts.parts_for(registry.get(name)(dim=4).config, data)
    allowed = Agreement(parts, data.liked)(np.arange(24), np.arange(24))
    assert any((graph[~allowed] > 0).any() for graph in graphs[None])
    assert not any((graph[~allowed] > 0).any() for graph in graphs[0])
    assert all(graph.any() for graph in graphs[0])


def purity(seed, wrong, names, deviations):
    """Share of the weights of edges between items of one kind, where so large a share of pictures is another item's."""
    rng = np.random.default_rng(seed)
    kind, centres = np.arange(160) % 8, rng.normal(size=(2, 8, 12))
    rows = [centre[kind] + rng.normal(size=(160, 12)) for centre in centres]
    lost = rng.permutation(160)[: int(wrong * 160)]
    rows[0][lost] = rows[0][np.roll(lost, 1)]
    ready = {name: part(*(each - each.mean(axis=0))) for name, each in zip(PARTS, rows, strict=True)}
    agreed = None if deviations is None else Agreement(ready, sp.csr_array((2, 160), dtype=np.float32), deviations)
    graph = likeness({name: ready[name] for name in names}, np.ones(160, bool), 10, agreed).tocoo()
    return graph.data[kind[graph.row] == kind[graph.col]].sum() / graph.data.sum()


@pytest.mark.parametrize("wrong", [0, 0.1, 0.3])
@pytest.mark.parametrize(("names", "deviations", "gain"), [(["photo"], 0, 0.05), (["photo", "text"], 1.5, 0.03)])
def test_wrong_pictures_join_less(wrong, names, deviations, gain):
    """In a graph of the pictures the mean suffices; of the sum of all parts more must be asked for."""
    gains = [purity(seed, wrong, names, deviations) - purity(seed, wrong, names, None) for seed in range(5)]
    assert interval(gains)[0] > gain
