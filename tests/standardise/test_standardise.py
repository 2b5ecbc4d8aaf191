"""Each standardiser where the right answer is known: by hand, against a reference, or in a planted world."""

import numpy as np
import pytest
import scipy.linalg as sla
from sklearn import covariance, decomposition, preprocessing

from palate.core.errors import ConfigError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.data.split import split
from palate.fusion.concat import Concat
from palate.linalg.standard import Standard
from palate.models import ContentKNN
from palate.standardise.l2 import L2
from palate.standardise.pca import PCA
from palate.standardise.robust import Robust
from palate.standardise.whitening import Whitening, shrinkage
from palate.standardise.z_score import ZScore
from parted import shop
from planted import recall


def mixed(n=200, d=6, seed=0):
    """Rows whose dimensions go together, on scales far apart."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, d)) @ rng.normal(size=(d, d))) * np.logspace(-2, 2, d) + 7


def made(kind, values, **settings):
    part = {"a": features_of(values)}
    return kind(**settings).fit(part, shop(len(values))).standardise(part)["a"].values


def alike(found, wanted, atol=1e-3):
    """Whether columns are the same but for their sign."""
    signs = np.sign((found * wanted).sum(axis=0))
    return np.allclose(found * signs, wanted, atol=atol)


def test_z_score_is_that_of_scikit_learn_and_what_is_done_without_a_name():
    values = mixed()
    assert np.allclose(made(ZScore, values), preprocessing.StandardScaler().fit_transform(values), atol=1e-3)
    plain, named = ({"a": features_of(values)}, {})
    named = ZScore().fit(plain, shop(200)).standardise(plain)
    one, other = (
        Standard.of(parts["a"], np.ones(200, bool)).units(parts["a"].values, parts["a"].present)
        for parts in (plain, named)
    )
    assert np.array_equal(one, other)


def test_robust_by_hand():
    values = np.array([[0.0], [1.0], [2.0], [3.0], [1000.0]])
    spread = 2 / 1.3489795
    assert np.allclose(made(Robust, values, clip=3)[:, 0], [-2 / spread, -1 / spread, 0, 1 / spread, 3], atol=1e-6)


def test_robust_is_that_of_scikit_learn_but_for_wild_values():
    values = mixed()
    wanted = preprocessing.RobustScaler(unit_variance=True).fit_transform(values)
    assert np.allclose(made(Robust, values, clip=100), wanted, atol=1e-3)
    assert np.allclose(made(Robust, values, clip=1), np.clip(wanted, -1, 1), atol=1e-3)


def test_robust_goes_by_the_deviation_where_most_values_are_the_same():
    values = np.zeros((100, 2))
    values[:4, 0] = 1
    found = made(Robust, values, clip=100)
    assert np.allclose(found[:, 0], values[:, 0] / np.sqrt(0.04), atol=1e-5)
    assert not found[:, 1].any()


def test_robust_holds_values_that_no_number_reaches():
    values = np.random.default_rng(0).normal(size=(50, 1)) * 1e-5
    part = {"a": features_of(values)}
    fitted = Robust().fit(part, shop(50))
    assert fitted.rows("a", np.array([[3e38], [-3e38]], np.float32)).tolist() == [[5], [-5]]


def test_l2_leaves_directions_as_they_are():
    values = mixed()
    assert np.allclose(made(L2, values), preprocessing.normalize(values), atol=1e-6)


def test_pca_is_that_of_scikit_learn_the_strongest_first():
    values = mixed()
    found = made(PCA, values, dim=4)
    assert alike(found, decomposition.PCA(4).fit_transform(values), atol=0.02)
    assert (np.diff(found.var(axis=0)) < 0).all()
    assert made(PCA, values, dim=64).shape == (200, 6)


def test_pca_leaves_out_what_does_not_vary_in_training():
    values = np.random.default_rng(0).normal(size=(30, 5)) * [3, 2, 0, 0, 0]
    values[20:, 4] = 9.0
    part = {"a": features_of(values)}
    found = PCA(dim=5).fit(part, shop(30, trained=20)).standardise(part)["a"].values
    assert not found[:, 2:].any()
    strength = np.linalg.svd(values[:20] - values[:20].mean(axis=0))[1][:2] / 20**0.5
    assert np.allclose(found[:20, :2].std(axis=0), strength, rtol=1e-4)


def test_zca_is_the_inverse_root_of_the_correlations():
    values = mixed()
    wanted = preprocessing.StandardScaler().fit_transform(values) @ np.real(
        sla.inv(sla.sqrtm(np.corrcoef(values, rowvar=False)))
    )
    assert np.allclose(made(Whitening, values, shrink=0), wanted, atol=0.02)
    shrunk = 0.7 * np.corrcoef(values, rowvar=False) + 0.3 * np.eye(6)
    wanted = preprocessing.StandardScaler().fit_transform(values) @ np.real(sla.inv(sla.sqrtm(shrunk)))
    assert np.allclose(made(Whitening, values, shrink=0.3), wanted, atol=1e-3)
    assert np.allclose(made(Whitening, values, shrink=1), made(ZScore, values), atol=1e-4)


def test_pca_whitening_is_that_of_scikit_learn():
    values = preprocessing.StandardScaler().fit_transform(mixed())
    wanted = decomposition.PCA(whiten=True).fit_transform(values) * np.sqrt(200 / 199)
    assert alike(made(Whitening, values, shrink=0, how="pca"), wanted, atol=0.02)
    assert alike(made(Whitening, values, shrink=0, how="pca", dim=3), wanted[:, :3], atol=0.02)


def test_what_is_white_has_no_correlations():
    found = made(Whitening, mixed(), shrink=0)
    assert np.allclose(found.T @ found / len(found), np.eye(6), atol=0.01)


def test_both_whitenings_make_the_same_cosines():
    zca, pca = (made(Whitening, mixed(), how=how, dim=dim) for how, dim in (("zca", 4), ("pca", 4)))
    assert (zca.shape, pca.shape) == ((200, 6), (200, 4))
    assert np.allclose(zca @ zca.T, pca @ pca.T, atol=1e-3)


def test_whitening_of_rank_deficient_rows_makes_what_varies_white():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(100, 3)) @ rng.normal(size=(3, 8))
    found = made(Whitening, values, shrink=0)
    strength = np.linalg.eigvalsh(found.T @ found / len(found))
    assert np.allclose(strength, [0] * 5 + [1] * 3, atol=1e-3)


@pytest.mark.parametrize("n", [20, 60, 500])
def test_the_shrinkage_is_that_of_scikit_learn(n):
    rows = mixed(n, 30)
    rows = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)
    strength = np.linalg.eigvalsh(rows.T.astype(float) @ rows / n)
    assert shrinkage(rows, strength) == pytest.approx(covariance.ledoit_wolf_shrinkage(rows, True), rel=1e-4)
    assert np.allclose(made(Whitening, rows, shrink=None), made(Whitening, rows, shrink=shrinkage(rows, strength)))


@pytest.mark.parametrize(
    ("kind", "settings", "reason"),
    [
        (Robust, {"clip": 0}, "greater than 0"), (PCA, {"dim": 0}, "greater than 0"),
        (Whitening, {"shrink": 1.5}, "at least 0 and at most 1"), (Whitening, {"how": "cca"}, "'zca' or 'pca'"),
        (L2, {"dim": 3}, "no setting 'dim'"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(kind, settings, reason):
    with pytest.raises(ConfigError, match=reason):
        kind(**settings)


def tasted(seed, wild=0.0, nuisance=0, told=4):
    """A shop of four tastes, which the signs of `told` numbers tell; a few of these are wild, or many others go together."""
    rng = np.random.default_rng(seed)
    n, people = 200, 120
    taste = np.arange(n) % 4
    signs = np.stack([taste % 2, taste // 2], axis=1) * 2 - 1
    signal = signs[:, np.arange(told) % 2] + 0.3 * rng.normal(size=(n, told))
    signal[rng.random(signal.shape) < wild] = 300.0
    other = rng.normal(size=(n, 4)) if not nuisance else np.zeros((n, 0))
    alike = rng.normal(size=(n, 3)) @ rng.normal(size=(3, nuisance)) + 0.1 * rng.normal(size=(n, nuisance))
    rows = []
    for person in range(people):
        chances = np.where(taste == person % 4, 1.0, 0.02)
        rows += [(person, item) for item in rng.choice(n, 10, replace=False, p=chances / chances.sum())]
    user, item = np.array(rows, np.int32).T
    ids = IdMap(f"i{code}" for code in range(n))
    log = Interactions(user, item, np.ones(len(user), np.float32))
    part = features_of(np.hstack([signal, other, alike]))
    return Dataset(IdMap(f"u{code}" for code in range(people)), ids, log, bare_catalogue(ids), features={"a": part})


def recalls(data, *standardisers):
    """Recall@20 on items that nobody met, without a name and by each standardiser."""
    found = [recall(ContentKNN(), data, "cold-items")]
    train = split(data, "cold-items", seed=0).train
    for standardiser in standardisers:
        made = standardiser.fit(data.item_parts(), train).standardise(data.item_parts())
        found.append(recall(ContentKNN(), data.with_features(**made), "cold-items"))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_wild_values_drown_what_is_told_and_robust_saves_it(seed):
    drowned, saved = recalls(tasted(seed, wild=0.02), Robust())
    (tame,) = recalls(tasted(seed))
    assert drowned < 0.4 * tame
    assert saved > 0.7 * tame


@pytest.mark.parametrize("seed", range(3))
def test_many_numbers_that_say_the_same_count_once_when_they_are_white(seed):
    plain, white, strongest = recalls(tasted(seed, nuisance=60), Whitening(), PCA(dim=3))
    assert white > 1.5 * plain
    assert white > 1.5 * strongest


def test_a_standardised_part_is_not_standardised_again_by_a_fusion():
    values = mixed()
    part = {"a": features_of(values)}
    whole = PCA(dim=3).fit(part, shop(200)).standardise(part)
    fused = Concat().fit(whole, shop(200), np.random.default_rng(0)).fuse(whole)
    assert np.allclose(fused.values, preprocessing.normalize(whole["a"].values), atol=1e-6)
