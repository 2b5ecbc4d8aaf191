"""Trees of fusions: each group in its own way, and the groups in another."""

import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError, UnknownNameError
from palate.core.rng import generator
from palate.fusion.concat import Concat
from palate.fusion.hybrid import Hybrid
from palate.fusion.mean import Mean
from palate.fusion.weighted import Weighted
from parted import shop, some_parts

WIDTHS = {"poster": 6, "trailer": 6, "title": 4, "plot": 5}
GROUPS = {
    "seen": {"parts": ["poster", "trailer"], "fuse": "mean"},
    "read": {"parts": ["title", "plot"], "fuse": "weighted", "fuse_settings": {"weights": {"title": 3, "plot": 1}}},
}
LEFT, RIGHT = (codes.astype(np.int32) for codes in np.divmod(np.arange(2500), 50))


@pytest.fixture
def parts():
    found = some_parts(dict(zip("abcd", WIDTHS.values(), strict=True)))
    return dict(zip(WIDTHS, found.values(), strict=True))


def fitted(fusion, parts):
    return fusion.fit(parts, shop(50), generator(0))


def cosines(table):
    return (table.values[LEFT] * table.values[RIGHT]).sum(axis=1)


def test_side_by_side_groups_say_the_mean_of_what_each_says(parts):
    whole = fitted(Hybrid(groups=GROUPS), parts).fuse(parts)
    seen, read = ({name: parts[name] for name in group["parts"]} for group in GROUPS.values())
    groups = (
        fitted(Mean(), seen).fuse(seen),
        fitted(Weighted(weights={"title": 3, "plot": 1}), read).fuse(read),
    )
    both = np.all([group.present for group in groups], axis=0)
    inside = both[LEFT] & both[RIGHT]
    assert np.allclose(cosines(whole)[inside], np.mean([cosines(group) for group in groups], axis=0)[inside], atol=1e-5)
    assert np.array_equal(whole.present, groups[0].present | groups[1].present)


def test_amounts_are_divided_as_groups_and_their_fusions_divide_them(parts):
    fusion = fitted(Hybrid(groups=GROUPS, fuse="weighted", fuse_settings={"weights": {"seen": 1, "read": 3}}), parts)
    everything = np.flatnonzero(np.all([table.present for table in parts.values()], axis=0)).astype(np.int32)[:1]
    shares = {name: float(amount[0]) for name, amount in fusion.shares(parts, everything, everything).items()}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert shares["title"] == pytest.approx(0.75 * 0.75, abs=1e-5)
    assert shares["plot"] == pytest.approx(0.75 * 0.25, abs=1e-5)
    assert shares["poster"] + shares["trailer"] == pytest.approx(0.25, abs=1e-5)


@pytest.mark.parametrize("fuse", ["concat", "mean", "sum", "aligned", "hybrid"])
def test_amounts_add_up_whatever_joins_the_groups(parts, fuse):
    fusion = fitted(Hybrid(groups=GROUPS, fuse=fuse), parts)
    shares = fusion.shares(parts, LEFT, RIGHT)
    assert list(shares) == sorted(parts)
    assert np.allclose(sum(shares.values()), cosines(fusion.fuse(parts)), atol=1e-5)


def test_a_part_that_one_of_two_lacks_has_no_amount_where_groups_stand_side_by_side(parts):
    groups = {
        "a": {"parts": ["poster", "trailer"], "fuse": "concat"},
        "b": {"parts": ["title", "plot"], "fuse": "concat"},
    }
    shares = fitted(Hybrid(groups=groups), parts).shares(parts, LEFT, RIGHT)
    for name, table in parts.items():
        lacking = ~(table.present[LEFT] & table.present[RIGHT])
        assert lacking.any()
        assert np.abs(shares[name][lacking]).max() < 1e-6


def test_parts_of_equal_width_are_a_group_unless_told_otherwise(parts):
    fusion = fitted(Hybrid(), parts)
    assert fusion.members == {"plot": ("plot",), "poster+trailer": ("poster", "trailer"), "title": ("title",)}
    assert fusion.groups["poster+trailer"].name == "mean"
    apart = {name: parts[name] for name in ("poster", "title", "plot")}
    assert np.allclose(
        cosines(fitted(Hybrid(), apart).fuse(apart)), cosines(fitted(Concat(), apart).fuse(apart)), atol=1e-5
    )


def test_a_tree_of_three_floors_comes_back_from_what_it_learned(parts):
    inner = {"parts": ["poster", "trailer", "title"], "fuse": "hybrid", "fuse_settings": {
        "groups": {"pictures": {"parts": ["poster", "trailer"]}, "words": {"parts": ["title"]}}, "fuse": "sum"}}  # fmt: skip
    fusion = fitted(Hybrid(groups={"most": inner, "rest": {"parts": ["plot"]}}), parts)
    again = Hybrid(fusion.config).load_state(fusion.state())
    assert np.array_equal(again.fuse(parts).values, fusion.fuse(parts).values)
    assert again.groups["most"].members == {"pictures": ("poster", "trailer"), "words": ("title",)}
    assert np.allclose(sum(fusion.shares(parts, LEFT, RIGHT).values()), cosines(fusion.fuse(parts)), atol=1e-5)


def test_aligned_groups_are_not_standardised_again(parts):
    from palate.fusion.aligned import Aligned

    fusion = fitted(Aligned(align="pca", align_settings={"dim": 3}, fuse="hybrid"), parts)
    inner = fusion.fusion.groups["plot+poster+title+trailer"]
    assert not any(standard.mean.any() for standard in inner.standards.values())


def test_wrong_groups_are_refused_with_a_reason(parts):
    with pytest.raises(UnknownNameError, match="no fusion 'maen': did you mean 'mean'"):
        Hybrid(groups={"seen": {"parts": ["poster"], "fuse": "maen"}})
    with pytest.raises(UnknownNameError, match="no fusion 'maen'"):
        Hybrid(fuse="maen")
    with pytest.raises(ConfigError, match="no setting 'dims'"):
        Hybrid(groups={"seen": {"parts": ["poster"], "fuse_settings": {"dims": 3}}})
    with pytest.raises(ConfigError, match="'poster' is named twice: put each part into one group"):
        Hybrid(groups={"a": {"parts": ["poster"]}, "b": {"parts": ["title", "poster"]}})
    with pytest.raises(ConfigError, match=r"groups\.a\.parts"):
        Hybrid(groups={"a": {"parts": []}})
    with pytest.raises(ConfigError, match=r"groups\.a\.fused' was 'mean'"):
        Hybrid(groups={"a": {"parts": ["poster"], "fused": "mean"}})
    with pytest.raises(DataError, match=r"the group 'a' of hybrid names the part 'postre'.*did you mean 'poster'"):
        fitted(Hybrid(groups={"a": {"parts": ["postre"]}}), parts)
    with pytest.raises(DataError, match="the part 'plot' is in no group of hybrid: put it into one"):
        fitted(Hybrid(groups={"seen": GROUPS["seen"], "read": {"parts": ["title"]}}), parts)


def test_groups_in_a_sum_are_of_one_length_whatever_their_width(parts):
    summed, mean = (fitted(Hybrid(fuse=name), parts).fuse(parts) for name in ("sum", "mean"))
    assert np.allclose(summed.values, mean.values, atol=1e-6)
