"""What every index must do; a new one is tested by being found."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import pytest

from palate.core.errors import DataError, StoreError
from palate.core.state import State
from palate.interfaces import Index
from palate.retrieval.indexes import registry
from palate.retrieval.indexes._choice import measured_recall
from palate.retrieval.indexes.exact import ExactIndex
from palate.retrieval.indexes.hnsw import HnswIndex


@pytest.fixture(params=[*registry.names(), "hnsw without a shortcut"])
def kind(request):
    if request.param in registry.names():
        return registry.get(request.param)
    graph = functools.partial(HnswIndex, exact_below=0)
    graph.name, graph.load = HnswIndex.name, HnswIndex.load
    return graph


def unit_vectors(n: int = 300, dim: int = 16, seed: int = 0):
    values = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def filled(kind, n: int = 300):
    index = kind()
    codes = np.arange(n, dtype=np.int32) * 3
    index.add(codes, unit_vectors(n))
    return index, codes


def test_it_is_an_index_and_names_itself(kind):
    assert isinstance(kind(), Index)
    assert kind.name in registry.names()


def test_an_empty_index_finds_nothing(kind):
    found = kind().search(unit_vectors(2), k=3)
    assert (found.items == -1).all()
    assert np.isnan(found.scores).all()


def test_a_vector_finds_itself_first(kind):
    index, codes = filled(kind)
    found = index.search(unit_vectors(), k=1)
    assert found.items[:, 0].tolist() == codes.tolist()
    assert np.allclose(found.scores, 1, atol=1e-5)


def test_it_agrees_with_brute_force(kind):
    index, codes = filled(kind)
    queries = unit_vectors(20, seed=1)
    found = index.search(queries, k=10)
    truth = np.argsort(-(queries @ unit_vectors().T), axis=1, kind="stable")[:, :10]
    shared = [len(set(mine) & set(codes[best])) / 10 for mine, best in zip(found.items, truth, strict=True)]
    assert np.mean(shared) >= (1.0 if kind is ExactIndex else 0.95)
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_asking_for_more_than_there_is_ends_in_nothing(kind):
    index, _ = filled(kind, n=4)
    found = index.search(unit_vectors(1), k=6)
    assert (found.items[0] >= 0).tolist() == [True] * 4 + [False] * 2
    assert np.isnan(found.scores[0, 4:]).all()


def test_what_is_removed_is_not_found_and_can_come_back(kind):
    index, codes = filled(kind)
    index.remove(codes[:2])
    index.remove(codes[:2])
    assert not set(index.search(unit_vectors(), k=5).items.ravel()) & set(codes[:2].tolist())
    index.add(codes[:1], unit_vectors()[:1])
    assert index.search(unit_vectors()[:1], k=1).items[0, 0] == codes[0]


def test_adding_a_known_code_replaces_its_vector(kind):
    index, codes = filled(kind)
    index.add(codes[:1], -unit_vectors()[:1])
    assert index.search(-unit_vectors()[:1], k=1).items[0, 0] == codes[0]
    assert index.search(unit_vectors()[:1], k=300).items[0, -1] == codes[0]


def test_equal_scores_rank_by_the_lower_code(kind):
    index = kind()
    index.add(np.array([9, 2, 5], np.int32), np.ones((3, 4), np.float32))
    assert index.search(np.ones((1, 4), np.float32), k=3).items.tolist() == [[2, 5, 9]]


def test_a_query_with_nan_finds_nothing(kind):
    index, codes = filled(kind)
    queries = unit_vectors(2).copy()
    queries[0, 0] = np.nan
    found = index.search(queries, k=2)
    assert found.items[0].tolist() == [-1, -1]
    assert found.items[1, 0] == codes[1]


def test_wrong_input_is_refused(kind):
    index, _ = filled(kind)
    with pytest.raises(DataError, match="width 16: given 3"):
        index.add(np.array([1], np.int32), np.ones((1, 3), np.float32))
    with pytest.raises(DataError, match="not present"):
        index.add(np.array([1], np.int32), np.full((1, 16), np.nan, np.float32))
    with pytest.raises(DataError, match="twice"):
        index.add(np.array([1, 1], np.int32), np.ones((2, 16), np.float32))
    with pytest.raises(DataError, match="width 16"):
        index.search(np.ones((1, 3), np.float32), k=1)


def test_it_is_the_same_after_saving(kind, tmp_path):
    index, _ = filled(kind)
    index.save(tmp_path)
    again = kind.load(tmp_path)
    before, after = index.search(unit_vectors(9, seed=2), k=7), again.search(unit_vectors(9, seed=2), k=7)
    assert np.array_equal(before.items, after.items)
    assert np.array_equal(before.scores, after.scores)
    assert again.config == index.config


def test_only_some_may_be_found(kind):
    index, codes = filled(kind)
    queries, vectors = unit_vectors(20, seed=1), unit_vectors()
    for share in (0.9, 0.5, 0.2, 0.05, 0.0):
        chosen = np.random.default_rng(4).random(300) < share
        found = index.search(queries, 6, only=codes[chosen])
        assert set(found.items.ravel().tolist()) <= {*codes[chosen].tolist(), -1}
        assert ((found.items >= 0).sum(axis=1) == min(6, chosen.sum())).all()
        truth = np.sort((queries @ vectors[chosen].T), axis=1)[:, ::-1][:, :6]
        assert not chosen.any() or np.mean(found.scores[:, : truth.shape[1]] >= truth - 1e-5) >= 0.95
    nobody = index.search(queries, 3, only=np.array([1, 2, 10_000], np.int32))
    assert (nobody.items == -1).all()


def test_many_changes_leave_what_a_fresh_one_holds(kind):
    rng = np.random.default_rng(0)
    index, held = kind(), {}
    for step in range(40):
        codes = rng.choice(60, rng.integers(1, 12), replace=False).astype(np.int32)
        if step % 3 == 2:
            index.remove(codes)
            held = {code: vector for code, vector in held.items() if code not in set(codes.tolist())}
        else:
            vectors = unit_vectors(len(codes), seed=step)
            index.add(codes, vectors)
            held |= dict(zip(codes.tolist(), vectors, strict=True))
    found = index.search(np.stack(list(held.values())), k=1)
    assert len(index) == len(held)
    assert found.items[:, 0].tolist() == list(held)
    assert sorted(index.search(unit_vectors(1), k=60).items[0].tolist())[-len(held) :] == sorted(held)


def clustered(n, dim, seed):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(40, dim))
    values = centres[rng.integers(0, 40, n)] + 0.7 * rng.normal(size=(n, dim))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_the_graph_finds_what_the_exact_index_finds(share):
    vectors, queries = clustered(4000, 48, 1), clustered(200, 48, 2)
    codes = np.arange(4000, dtype=np.int32)
    graph, exact = HnswIndex(), ExactIndex()
    for index in (graph, exact):
        index.add(codes, vectors)
    only = None if share == 1 else codes[np.random.default_rng(3).random(4000) < share]
    found, truth = graph.search(queries, 10, only), exact.search(queries, 10, only)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.items, truth.items, strict=True)])
    assert recall >= 0.95
    same = found.items == truth.items
    assert np.allclose(found.scores[same], truth.scores[same], atol=1e-6)


def test_a_damaged_graph_is_refused(tmp_path):
    index, _ = filled(HnswIndex)
    state = index.state()
    graph = state.arrays["graph"]
    for broken in (graph[:40], np.zeros(100, np.uint8), filled(HnswIndex, n=5)[0].state().arrays["graph"]):
        with pytest.raises(StoreError, match="graph of an index is damaged"):
            HnswIndex().load_state(State({**state.arrays, "graph": broken}, state.meta))


def test_pictures_can_be_encoded_after_a_graph_was_made():
    """The libraries of both end the process where they are loaded in the wrong order."""
    program = (
        "import numpy as np; from palate.retrieval.indexes.hnsw import HnswIndex; index = HnswIndex(exact_below=0);"
        "index.add(np.arange(2, dtype=np.int32), np.eye(2, dtype=np.float32)); import onnxruntime;"
        "print(index.search(np.eye(2, dtype=np.float32), 1).items.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[[0], [1]]"), done.stderr


def test_the_same_vectors_give_the_same_graph():
    vectors, queries = clustered(3000, 24, 1), clustered(100, 24, 2)
    answers = []
    for _ in range(2):
        index = HnswIndex(search_width=8, build_width=8)
        index.add(np.arange(3000, dtype=np.int32), vectors)
        answers.append(index.search(queries, 10))
    assert np.array_equal(answers[0].items, answers[1].items)


def test_several_threads_may_search_at_once():
    from concurrent.futures import ThreadPoolExecutor

    index = HnswIndex(exact_below=0)
    index.add(np.arange(2000, dtype=np.int32), clustered(2000, 24, 1))
    queries = clustered(64, 24, 2)
    alone = [index.search(query[None], 5).items.tolist() for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: index.search(query[None], 5).items.tolist(), queries)) == alone
    assert index.search(queries, 5).items.tolist() == [row[0] for row in alone]


def test_small_blocks_give_the_same_answer():
    big, small = ExactIndex(), ExactIndex(memory_mb=1)
    vectors = unit_vectors(5000)
    for index in (big, small):
        index.add(np.arange(5000, dtype=np.int32), vectors)
    queries = unit_vectors(200, seed=3)
    assert np.array_equal(big.search(queries, 5).items, small.search(queries, 5).items)


def test_a_copy_goes_its_own_way(kind):
    index, codes = filled(kind)
    new = unit_vectors(320)[300:]
    other = index.copy()
    other.remove(codes[:10])
    other.add(np.arange(2000, 2020, dtype=np.int32), new)
    other.add(codes[10:11], unit_vectors(1, seed=9))
    everything = np.concatenate([unit_vectors(), new])
    for asked, known in ((index, codes), (other, np.concatenate([codes[10:], np.arange(2000, 2020)]))):
        found = asked.search(everything, k=5).items
        assert set(found.ravel()) <= set(known.tolist())
        assert (found >= 0).all()
    assert index.search(unit_vectors()[:1], k=1).items.tolist() == [[0]]
    assert other.search(new, k=1).items[:, 0].tolist() == list(range(2000, 2020))
    assert other.search(unit_vectors(1, seed=9), k=1).items.tolist() == [[int(codes[10])]]


def test_two_copies_know_nothing_of_each_other(kind):
    index, _ = filled(kind)
    left, right = unit_vectors(2, seed=9)
    for vector in (left, right):
        other = index.copy()
        other.add(np.array([5000], np.int32), vector[None])
        assert other.search(vector[None], k=1).items.tolist() == [[5000]]


def test_recall_is_measured_against_all(kind):
    index, _ = filled(kind)
    assert measured_recall(index, unit_vectors()) > 0.9
    assert measured_recall(index, np.zeros((0, 16), np.float32)) == 1
    blind = kind()
    blind.add(np.arange(30, dtype=np.int32), unit_vectors(30))
    assert measured_recall(blind, unit_vectors()) < 0.2
