"""Aligners where the right answer is known: what parts share is found, what they do not is not, and by the textbook's formulas."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.linear_model import Ridge

from palate.align import measure, registry
from palate.align.projection import beyond_popularity
from palate.core.errors import ConfigError, DataError
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions
from parted import shop

N, SHARED = 300, 5


def orthogonal(width, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def table(values, present=None):
    there = np.ones(len(values), bool) if present is None else present
    return FeatureTable(np.where(there[:, None], values, 0).astype(np.float32), there, "planted")


def turned(noise=0.05, seed=0, names="ab", missing=0.0):
    """Parts that say the same, each in axes of its own."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(N, SHARED))
    parts = {}
    for number, name in enumerate(names):
        values = truth @ orthogonal(SHARED, number + 1) + noise * rng.normal(size=(N, SHARED))
        parts[name] = table(values, rng.random(N) >= missing)
    return parts


def buried(seed=0):
    """Parts that share a little, under much that each has alone."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(N, 3))
    return {
        name: table(
            np.hstack([truth @ rng.normal(size=(3, 3)), 2 * np.repeat(rng.normal(size=(N, 2)), 8, axis=1)])
            + 0.05 * rng.normal(size=(N, 19))
        )
        for name in "ab"
    }


def aligned(name, parts, data=None, **settings):
    aligner = registry.get(name)(**{"dim": SHARED, **settings})
    return aligner.fit(parts, data or shop(N), generator(0)).align(parts)


@pytest.mark.parametrize(("name", "settings"), [("procrustes", {}), ("cca", {}), ("projection", {"onto": "a"})])
def test_a_thing_finds_its_own_other_part(name, settings):
    assert measure(aligned(name, turned(), **settings)).rank < 1.5


def test_main_directions_alone_do_not_bring_parts_together():
    for name in ("pca", "whitening"):
        assert measure(aligned(name, turned())).rank > 0.2 * N / 2


@pytest.mark.parametrize(("name", "settings"), [("procrustes", {}), ("cca", {}), ("projection", {"onto": "a"})])
def test_parts_of_other_things_are_not_brought_together(name, settings):
    parts = turned()
    parts["b"] = parts["b"].take(np.random.default_rng(1).permutation(N))
    fresh = turned(seed=7)
    fresh["b"] = fresh["b"].take(np.random.default_rng(2).permutation(N))
    aligner = registry.get(name)(dim=SHARED, **settings).fit(parts, shop(N), generator(0))
    assert measure(aligner.align(fresh)).rank > 0.8 * N / 2


@pytest.mark.parametrize("name", ["procrustes", "cca"])
def test_three_parts_of_which_many_are_missing_come_together(name):
    found = aligned(name, turned(names="abc", missing=0.4))
    assert measure(found).rank < 2


def test_what_is_shared_is_found_under_what_is_not():
    parts = buried()
    assert measure(aligned("cca", parts, dim=3, reg=0.001)).rank < 20
    assert measure(aligned("procrustes", parts, dim=3)).rank > 100


def test_cca_of_two_parts_is_that_of_the_textbook():
    """The correlations are the singular values of Cxx^(-1/2) Cxy Cyy^(-1/2) (Hotelling 1936)."""
    rng = np.random.default_rng(3)
    one = rng.normal(size=(N, 4))
    parts = {"a": table(one), "b": table(one @ rng.normal(size=(4, 6)) + 2 * rng.normal(size=(N, 6)))}
    aligner = registry.get("cca")(dim=4, reg=1e-9).fit(parts, shop(N), generator(0))
    rows = {
        name: aligner.standards[name].units(part.values, part.present).astype(float) for name, part in parts.items()
    }

    def root(gram):
        values, vectors = np.linalg.eigh(gram)
        return vectors / np.sqrt(values) @ vectors.T

    expected = np.linalg.svd(
        root(rows["a"].T @ rows["a"]) @ rows["a"].T @ rows["b"] @ root(rows["b"].T @ rows["b"]), compute_uv=False
    )
    found = aligner.align(parts)
    left, right = (found[name].values.astype(float) for name in "ab")
    cosines = (left * right).sum(0) / np.linalg.norm(left, axis=0) / np.linalg.norm(right, axis=0)
    np.testing.assert_allclose(cosines, expected, atol=1e-4)


def test_two_parts_are_turned_as_near_as_scipy_turns_them():
    parts = turned(noise=0.5)
    found = aligned("procrustes", parts)
    left, right = (found[name].values.astype(float) for name in "ab")
    plain = registry.get("pca")(dim=SHARED).fit(parts, shop(N), generator(0)).align(parts)
    one, other = (plain[name].values.astype(float) for name in "ab")
    turn, _ = orthogonal_procrustes(one, other)
    assert np.square(left - right).sum() == pytest.approx(np.square(one @ turn - other).sum(), rel=1e-3)
    np.testing.assert_allclose(left @ left.T, one @ one.T, atol=1e-4)


def test_projection_is_ridge_regression():
    parts = turned(noise=0.5)
    aligner = registry.get("projection")(dim=3, onto="a", reg=0.2).fit(parts, shop(N), generator(0))
    rows = aligner.standards["b"].units(parts["b"].values, parts["b"].present).astype(float)
    strongest = np.linalg.eigvalsh(rows.T @ rows).max()
    goal = aligner.align(parts)["a"].values
    ridge = Ridge(alpha=0.2 * strongest, fit_intercept=False).fit(rows, goal)
    np.testing.assert_allclose(aligner.align(parts)["b"].values, ridge.predict(rows), atol=1e-4)


def test_whitening_makes_every_direction_equally_strong():
    parts = turned(noise=0.5)
    values = aligned("whitening", parts, reg=0)["a"].values.astype(float)
    np.testing.assert_allclose(values.T @ values / N, np.eye(SHARED), atol=1e-4)


def liked_by_taste(seed=0):
    """People who like what lies where they look; a part that says where, and one that says nothing."""
    rng = np.random.default_rng(seed)
    truth, taste = rng.normal(size=(N, 3)), rng.normal(size=(200, 3))
    user, item = np.nonzero(taste @ truth.T > 3)
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
    ids = IdMap(f"i{code}" for code in range(N))
    data = Dataset(IdMap(f"u{code}" for code in range(200)), ids, rows, bare_catalogue(ids))
    return data, {"told": table(truth @ orthogonal(3, 1)), "noise": table(rng.normal(size=(N, 6)))}


def test_projection_onto_likes_puts_things_where_those_are_who_like_them():
    data, parts = liked_by_taste()
    found = aligned("projection", parts, data, dim=3)
    near = found["told"].values @ found["told"].values.T
    together = (data.liked.T @ data.liked).toarray()
    off = ~np.eye(N, dtype=bool)
    assert np.corrcoef(near[off], together[off])[0, 1] > 0.3
    lengths = {name: np.linalg.norm(part.values, axis=1).mean() for name, part in found.items()}
    assert lengths["noise"] < 0.5 * lengths["told"]


def two_camps(people=40, things=40, seed=0):
    """Two camps, of which neither likes what the other does; likes inside a camp are by chance."""
    rng = np.random.default_rng(seed)
    camp = np.arange(things) % 2
    user, item = np.nonzero((np.arange(people)[:, None] % 2 == camp) & (rng.random((people, things)) < 0.5))
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
    ids = IdMap(f"i{code}" for code in range(things))
    return Dataset(IdMap(f"u{code}" for code in range(people)), ids, rows, bare_catalogue(ids)), camp


@pytest.mark.parametrize("size", [40, 200])
def test_popularity_alone_is_taken_out_of_the_likes(size):
    """What tells two camps apart has the same singular value as popularity, and stays. Both ways of taking apart."""
    data, camp = two_camps(size, size)
    placed = beyond_popularity(data.liked, 1, np.random.default_rng(0))[:, 0]
    assert np.abs(np.corrcoef(placed, camp)[0, 1]) > 0.95
    wider = beyond_popularity(data.liked, 4, np.random.default_rng(0))
    popular = np.sqrt(data.liked.sum(axis=0))
    np.testing.assert_allclose(popular @ wider, 0, atol=1e-6)
    likes = data.liked.toarray().astype(float)
    scaled = likes / np.sqrt(likes.sum(1))[:, None] / np.sqrt(likes.sum(0))
    strengths = np.linalg.svd(scaled, compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(wider, axis=0), strengths[1:5], atol=1e-6)


def test_likes_that_tell_popularity_alone_are_no_target():
    rows = np.repeat(np.arange(5), 20), np.tile(np.arange(20), 5)
    ids = IdMap(f"i{code}" for code in range(30))
    log = Interactions(*(codes.astype(np.int32) for codes in rows), np.ones(100, np.float32))
    data = Dataset(IdMap(f"u{code}" for code in range(5)), ids, log, bare_catalogue(ids))
    parts = {"a": table(np.random.default_rng(0).normal(size=(30, 4)))}
    with pytest.raises(DataError, match="nothing but how popular things are: name a part instead, as in onto=title"):
        registry.get("projection")(dim=3).fit(parts, data, generator(0))


def test_projection_onto_nothing_is_refused():
    parts = turned()
    with pytest.raises(ConfigError, match=r"onto names the part 'c': .*allowed: a, b, likes"):
        aligned("projection", parts, onto="c")
    empty = shop(N, trained=0)
    with pytest.raises(DataError, match="name a part instead, as in onto="):
        aligned("projection", parts, empty)


def test_parts_of_unequal_width_have_no_measure():
    with pytest.raises(DataError, match=r"needs parts of one width, given \[2, 3\]: align them first"):
        measure({"a": table(np.ones((5, 2))), "b": table(np.ones((5, 3)))})
    with pytest.raises(DataError, match="parts of the same rows"):
        measure({"a": table(np.ones((5, 2))), "b": table(np.ones((4, 2)))})


def test_measures_of_a_perfect_and_of_a_chance_agreement():
    rng = np.random.default_rng(0)
    one = table(rng.normal(size=(N, 8)))
    perfect = measure({"a": one, "b": one})
    assert (perfect.rank, perfect.chance) == (1.0, (N + 1) / 2)
    by_chance = measure({"a": one, "b": table(rng.normal(size=(N, 8)))})
    assert by_chance.rank == pytest.approx(by_chance.chance, rel=0.15)
    assert np.isnan(measure({"a": one}).rank)
    flat = measure({"a": table(np.ones((N, 8)))})
    assert flat.uniformity == pytest.approx(0, abs=1e-6)
    assert perfect.uniformity < -3
    tied = measure({"a": table(np.ones((N, 2))), "b": table(np.ones((N, 2)))})
    assert tied.rank == pytest.approx(tied.chance)
