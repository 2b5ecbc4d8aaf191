import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.fusion.concat import Concat
from palate.fusion.mean import Mean, projection
from palate.fusion.sum import Sum
from palate.fusion.weighted import Weighted
from parted import shop, some_parts, standardised

NAN = np.nan
A = features_of(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]))
B = features_of(np.array([[0.0, 2], [0, -2], [NAN, NAN], [NAN, NAN]]))
PARTS = {"a": A, "b": B}
LEFT, RIGHT = np.array([0, 0, 2, 0], np.int32), np.array([0, 1, 3, 2], np.int32)


def catalogue(n=4):
    ids = IdMap(map(str, range(n)))
    rows = Interactions(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    return Dataset(IdMap(["u"]), ids, rows, bare_catalogue(ids))


def cosines(fusion):
    values = fusion.fit(PARTS, catalogue(), generator(0)).fuse(PARTS).values
    return (values[LEFT] * values[RIGHT]).sum(axis=1)


def test_concat_by_hand():
    # a and b of item 1 are both the opposite of item 0's; items 2 and 3 have a alone; <a_0, a_2> = 0.
    assert np.allclose(cosines(Concat()), [1, -1, -1, 0], atol=1e-6)
    shares = Concat().fit(PARTS, catalogue(), generator(0)).shares(PARTS, LEFT, RIGHT)
    assert np.allclose(shares["a"], [0.5, -0.5, -1, 0], atol=1e-6)
    assert np.allclose(shares["b"], [0.5, -0.5, 0, 0], atol=1e-6)


@pytest.mark.parametrize("kind", [Concat, Mean, Sum, Weighted])
def test_one_part_alone_keeps_its_cosines(kind):
    parts = some_parts({"a": 6})
    fused = kind().fit(parts, shop(50), generator(0)).fuse(parts)
    present = parts["a"].present
    rows = standardised(parts["a"].values[present])
    assert np.allclose(fused.values[present] @ fused.values[present].T, rows @ rows.T, atol=1e-5)


def test_a_weight_is_the_share_of_a_perfect_likeness():
    fusion = Weighted(weights={"a": 3, "b": 1}).fit(PARTS, catalogue(), generator(0))
    shares = fusion.shares(PARTS, LEFT, RIGHT)
    assert np.allclose(shares["a"], [0.75, -0.75, -1, 0], atol=1e-6)
    assert np.allclose(shares["b"], [0.25, -0.25, 0, 0], atol=1e-6)


def test_weights_are_the_coverage_where_none_are_given():
    fusion = Weighted().fit(PARTS, catalogue(), generator(0))
    assert fusion.weights == pytest.approx({"a": 2 / 3, "b": 1 / 3})


def test_a_part_of_weight_zero_is_left_out():
    parts = {"a": A, "b": features_of(np.array([[0.0, 2], [0, -2], [1, 1], [3, 1]]))}
    fusion = Weighted(weights={"a": 0, "b": 2}).fit(PARTS, catalogue(), generator(0))
    fused = fusion.fuse(PARTS)
    assert fused.present.tolist() == [True, True, False, False]
    assert fused.dim == 2
    assert not fusion.shares(parts, LEFT, RIGHT)["a"].any()


@pytest.mark.parametrize("weights", [{"a": 1}, {"a": 1, "z": 1}, {"a": 0, "b": 0}])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(DataError, match="weight"):
        Weighted(weights=weights).fit(PARTS, catalogue(), generator(0))


def test_a_negative_weight_is_refused():
    with pytest.raises(ConfigError, match="weights"):
        Weighted(weights={"a": -1})


def test_mean_of_equal_widths_by_hand():
    # Standardised: a_0 = (1, 0), b_0 = (0, 1): their mean turned to length one is (1, 1) / sqrt 2; a_2 = (0, 1).
    assert np.allclose(cosines(Mean()), [1, -1, -1, np.sqrt(0.5)], atol=1e-6)
    shares = Mean().fit(PARTS, catalogue(), generator(0)).shares(PARTS, LEFT, RIGHT)
    # <b_0, a_2> = 1 is what the two parts do together: half of it each.
    assert shares["a"][3] == pytest.approx(np.sqrt(0.5) / 2, abs=1e-6)
    assert shares["b"][3] == pytest.approx(np.sqrt(0.5) / 2, abs=1e-6)


@pytest.mark.parametrize(("width", "dim"), [(5, 5), (5, 40), (1, 3)])
def test_a_projection_to_more_dimensions_keeps_inner_products(width, dim):
    values = np.random.default_rng(0).normal(size=(20, width)).astype(np.float32)
    placed = values @ projection(width, dim, generator(1))
    assert placed.shape == (20, dim)
    assert np.allclose(placed @ placed.T, values @ values.T, atol=1e-4)


def test_a_projection_to_fewer_dimensions_keeps_inner_products_in_the_mean():
    values = np.random.default_rng(0).normal(size=(2, 30)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    found = []
    for seed in range(400):
        placed = values @ projection(30, 10, generator(seed))
        found.append([placed[0] @ placed[1], placed[0] @ placed[0]])
    assert np.mean(found, axis=0) == pytest.approx([values[0] @ values[1], 1], abs=0.04)
    assert np.std(found, axis=0)[0] < 1.2 / np.sqrt(10)


def test_in_a_sum_a_part_that_stands_out_counts_more():
    # b is (3, 0) for the last of ten and (-1/3, 0) for the others; every row of a has length sqrt 2 once standardised.
    a = features_of(np.tile([[1.0, 1], [1, -1], [-1, 1], [-1, -1], [1, 1]], (2, 1))[[*range(4), *range(4), 4, 9]])
    b = features_of(np.array([[0.0, 0]] * 9 + [[1, 0]]))
    parts = {"a": a, "b": b}
    pair = np.array([9], np.int32)
    amounts = {
        kind: {name: float(amount[0]) for name, amount in fusion.shares(parts, pair, pair).items()}
        for kind in (Sum, Mean)
        for fusion in [kind().fit(parts, catalogue(10), generator(0))]
    }
    assert amounts[Sum]["b"] > 3 * amounts[Sum]["a"]
    assert amounts[Mean]["b"] == pytest.approx(amounts[Mean]["a"], rel=1e-4)


def test_sum_by_hand():
    # Standardised: a_0 = (sqrt 2, 0), a_2 = (0, sqrt 2), b_0 = (0, 1), each over sqrt 2.
    assert np.allclose(cosines(Sum()), [1, -1, -1, np.sqrt(0.5) / np.sqrt(1.5)], atol=1e-6)


def test_mean_brings_parts_to_the_width_asked_for():
    wide = {**PARTS, "c": features_of(np.random.default_rng(0).normal(size=(4, 7)))}
    assert Mean().fit(wide, catalogue(), generator(0)).dim == 7
    assert Mean(dim=3).fit(wide, catalogue(), generator(0)).fuse(wide).dim == 3
    assert Mean(dim=3).fit(PARTS, catalogue(), generator(0)).fuse(PARTS).dim == 3


def test_other_seeds_project_otherwise():
    wide = {**PARTS, "c": features_of(np.random.default_rng(0).normal(size=(4, 7)))}
    first, second = (Mean().fit(wide, catalogue(), generator(seed)).fuse(wide).values for seed in (0, 1))
    assert not np.allclose(first, second)


def test_a_row_with_nothing_but_a_part_that_does_not_count_is_absent(tiny):
    fusion = Weighted(weights={"photo": 0, "title": 1}).fit(tiny.features, tiny, np.random.default_rng(0))
    photo = {"photo": tiny.features["photo"]}
    assert not fusion.fuse(photo).present.any()
    pair = np.array([1], np.int32)
    assert fusion.shares(photo, pair, pair)["photo"].tolist() == [0]
