"""Pseudo-labels: the nearest by content of those with few likes, to learn from alone, and never of what is held out."""

from dataclasses import replace

import numpy as np
import pytest

import palate
import scarce
from palate.core.errors import ConfigError, DataError
from palate.data.interactions import Interactions
from palate.interfaces import Queries, Run
from palate.linalg.neighbours import unit_rows
from palate.models import registry
from palate.training.pseudo_labels import pseudo_labels

LEARNERS = ("lightgcn", "ease", "item-knn", "als")


def small(seed=0, users=40, items=30, absent=0.2):
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((users, items)) < rng.choice([0.03, 0.1, 0.3], (users, 1)))
    data = scarce.world(users, rng.normal(size=(items, 5)), user, item)
    present = rng.random(items) >= absent
    look = data.features["look"]
    return data.with_features(look=type(look)(look.values, present, "look"))


def by_hand(data, n, most):
    look, liked, seen = data.features["look"], data.liked.toarray(), data.seen.toarray()
    trained = look.present & (liked.sum(0) > 0)
    values = look.values.astype(np.float64)
    known = look.present & (seen.sum(0) > 0)
    values = (values - values[known].mean(0)) / values[known].std(0)
    values = np.where(look.present[:, None], values / np.linalg.norm(values, axis=1, keepdims=True), 0)
    found = np.zeros_like(liked)
    for user in np.flatnonzero((liked.sum(1) > 0) & (liked.sum(1) <= most)):
        profile = liked[user] @ values
        if not profile.any():
            continue
        cosines = values @ profile
        cosines[~trained | (seen[user] > 0)] = -1
        best = np.argsort(-cosines, kind="stable")[:n]
        found[user, best[cosines[best] > 0]] = 1
    return found


@pytest.mark.parametrize(("n", "most"), [(1, 1), (4, 3), (50, 100)])
def test_they_are_the_nearest_by_content_that_somebody_likes(n, most):
    data = small()
    for memory in (0, 64):
        found = pseudo_labels(data, n, most_likes=most, memory_mb=memory).supposed
        assert np.array_equal(found.toarray(), by_hand(data, n, most))
        assert found.has_sorted_indices


def test_dislikes_are_no_likes_and_are_not_supposed():
    data = small()
    weight = np.where(np.arange(len(data.interactions)) % 4 == 0, -1, 1).astype(np.float32)
    rows = data.interactions
    data = data.with_interactions(Interactions(rows.user, rows.item, weight))
    found = pseudo_labels(data, 5)
    assert np.array_equal(found.supposed.toarray(), by_hand(data, 5, 3))
    assert not found.supposed.multiply(data.seen).nnz


def test_they_are_likes_but_no_history_and_nothing_that_was_met():
    data = small()
    added = palate.pseudo_labels(data, 3)
    assert np.array_equal(added.liked.toarray(), np.maximum(data.liked.toarray(), added.supposed.toarray()))
    assert (added.seen != data.seen).nnz == (added.history != data.liked).nnz == 0
    queries = Queries.of_users(added, np.arange(40, dtype=np.int32))
    assert (queries.history != data.liked).nnz == 0
    assert added.fingerprint != data.fingerprint
    assert added.take_interactions(np.arange(3)).supposed is None
    assert added.with_interactions(data.interactions).fingerprint == data.fingerprint


@pytest.mark.parametrize("name", LEARNERS)
def test_a_model_keeps_what_people_showed(name):
    data = small()
    if name == "lightgcn":
        pytest.importorskip("torch")
    settings = {"epochs": 2} if name in ("lightgcn", "als") else {}
    plain, taught = (
        registry.get(name)(**settings).fit(part, None, Run(threads=1)) for part in (data, pseudo_labels(data, 3))
    )
    assert (taught.liked != data.liked).nnz == (taught.seen != data.seen).nnz == 0
    queries = Queries.of_users(data, np.arange(40, dtype=np.int32))
    assert not np.array_equal(plain.score(queries), taught.score(queries), equal_nan=True)


@pytest.mark.torch
def test_a_known_person_is_scored_as_the_network_scored_them():
    torch = pytest.importorskip("torch")
    from palate.models import LightGCN
    from palate.models._hops import HopNetwork
    from palate.models.vbpr import VBPR

    added = pseudo_labels(small(), 3)
    everyone = np.arange(40, dtype=np.int32)
    for model in (LightGCN(dim=6, epochs=1), VBPR(dim=6, epochs=1)):
        network = model._network(added, np.random.default_rng(0))
        assert isinstance(network, HopNetwork) == (model.name == "lightgcn")
        model.remember(added.users, added.items, added.history, added.seen)
        model._take(network, added)
        known = np.diff(added.liked.indptr) > 0
        found = model.score(Queries.of_users(added, everyone))[known][:, model.placed]
        with torch.no_grad():
            expected = network.scorer()(everyone)[known][:, model.placed]
        assert np.allclose(found, expected, atol=1e-5)


def test_shuffling_the_test_part_changes_nothing():
    data = small()
    cut = palate.split(data, "random-per-user", seed=0)
    rows, rng = cut.test.interactions, np.random.default_rng(1)
    moved = cut.test.with_interactions(Interactions(rows.user, rng.permutation(rows.item), rows.weight))
    other = data.with_interactions(
        Interactions.concat(cut.train.joined(cut.valid).interactions, moved.interactions)
    ).take_interactions(np.arange(len(cut.train.interactions)))
    one, two = pseudo_labels(cut.train, 4), pseudo_labels(other, 4)
    assert np.array_equal(one.supposed.toarray(), two.supposed.toarray())
    assert np.array_equal(one.fingerprint, two.fingerprint)


def test_nothing_that_only_validation_or_test_knows_is_supposed():
    cut = palate.split(small(), "cold-items", seed=0)
    cold = np.bincount(cut.train.liked.indices, minlength=30) == 0
    assert cold.any()
    assert not pseudo_labels(cut.train, 30, most_likes=30).supposed.toarray()[:, cold].any()


@pytest.mark.parametrize(("words", "says"), [({"n": 0}, "n was 0"), ({"n": 1, "most_likes": 0}, "most_likes was 0")])
def test_numbers_below_one_are_refused(words, says):
    with pytest.raises(ConfigError, match=says):
        pseudo_labels(small(), **words)


def test_parts_are_needed():
    with pytest.raises(DataError, match="palate encode"):
        pseudo_labels(small().without_features("look"), 1)
    with pytest.raises(DataError, match=r"look.*encode some"):
        pseudo_labels(small(absent=1.0), 1)
    with pytest.raises(DataError, match="supposed likes are of"):
        replace(small(), supposed=small(items=31).liked)


@pytest.mark.torch
def test_where_content_tells_taste_they_help_people_of_one_like_and_shuffled_content_does_not():
    pytest.importorskip("torch")
    gains = []
    for shuffled in (False, True):
        cut = scarce.coloured(shuffled=shuffled)
        found = [
            scarce.recall(
                registry.get("lightgcn")(epochs=15, batch_size=256, lr=0.01).fit(train, None, Run(threads=1)), cut
            )
            for train in (cut.train, pseudo_labels(cut.train, 5))
        ]
        gains.append(found[1] - found[0])
    assert gains[0] > 0.3
    assert abs(gains[1]) < 0.05


def test_unit_rows_of_means_are_what_is_compared():
    """The mean of two directions is as near to both, whichever is longer before it is standardised."""
    values = unit_rows(np.array([[1, 0], [0, 1], [1, 1], [-1, -1]], np.float32)) * np.array([[5], [1], [1], [1]])
    data = scarce.world(3, values, [0, 0, 1, 2], [0, 1, 2, 3])
    assert pseudo_labels(data, 1).supposed.toarray()[0].argmax() == 2
