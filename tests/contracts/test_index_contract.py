"""What every index must do; a new one is tested by being found."""

from __future__ import annotations

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.interfaces import Index
from palate.retrieval.indexes import registry
from palate.retrieval.indexes.exact import ExactIndex


@pytest.fixture(params=registry.names())
def kind(request):
    return registry.get(request.param)


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


def test_small_blocks_give_the_same_answer():
    big, small = ExactIndex(), ExactIndex(memory_mb=1)
    vectors = unit_vectors(5000)
    for index in (big, small):
        index.add(np.arange(5000, dtype=np.int32), vectors)
    queries = unit_vectors(200, seed=3)
    assert np.array_equal(big.search(queries, 5).items, small.search(queries, 5).items)
