import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from palate.core.errors import DataError
from palate.fusion import registry as early
from palate.fusion.late import registry
from palate.fusion.late.borda import Borda
from palate.fusion.late.max import Max
from palate.fusion.late.reciprocal_rank import ReciprocalRank
from palate.fusion.late.weighted_scores import WeightedScores
from palate.interfaces import ScoreFusion

NAN = np.nan
SCORES = {
    "near": np.array([[0, 2, NAN, NAN], [NAN, NAN, NAN, NAN]], np.float32),
    "far": np.array([[300, 100, 100, NAN], [7, 7, 7, 9]], np.float32),
}


@pytest.fixture(params=registry.names())
def late(request):
    return registry.get(request.param)()


def test_late_fusions_have_their_own_registry(late):
    assert isinstance(late, ScoreFusion)
    assert late.name not in early.names()
    assert "late" not in early.names()


def test_says_who_described_it_and_what_it_costs(late):
    assert late.paper[-4:].isdigit()
    assert late.cost


def test_by_hand():
    # near: z = -1, 1. far: mean 500/3, z = sqrt 2, -sqrt 1/2, -sqrt 1/2. Second row: far alone, mean 7.5.
    found = WeightedScores(weights={"near": 3, "far": 1}).combine(SCORES)
    far = np.array([np.sqrt(2), -np.sqrt(0.5)])
    assert found[0, :3] == pytest.approx([(-3 + far[0]) / 4, (3 + far[1]) / 4, far[1]], abs=1e-5)
    assert found[1] == pytest.approx([-np.sqrt(1 / 3)] * 3 + [np.sqrt(3)], abs=1e-5)


def test_borda_by_hand():
    # near: of 2 items the second is first. far: places 1, 2.5, 2.5 of 3. Second row: far alone, 9 first, three share.
    found = Borda(weights={"near": 3, "far": 1}).combine(SCORES)
    assert found[0, :3] == pytest.approx([(3 * 0 + 1) / 4, (3 * 1 + 0.25) / 4, 0.25])
    assert found[1] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1])


def test_reciprocal_rank_by_hand():
    found = ReciprocalRank(weights={"near": 3, "far": 1}, offset=2).combine(SCORES)
    assert found[0, :3] == pytest.approx([3 / 4 + 1 / 3, 3 / 3 + 1 / 4.5, 1 / 4.5])
    assert found[1] == pytest.approx([1 / 5, 1 / 5, 1 / 5, 1 / 3])


def test_the_one_that_says_most_has_all_of_the_amount():
    # near: z = -1, 1. far: z = sqrt 2, -sqrt 1/2, -sqrt 1/2. Second row: far alone.
    found = Max().combine(SCORES)
    assert found[0, :3] == pytest.approx([np.sqrt(2), 1, -np.sqrt(0.5)], abs=1e-5)
    assert found[1] == pytest.approx([-np.sqrt(1 / 3)] * 3 + [np.sqrt(3)], abs=1e-5)
    terms = Max().terms(SCORES)
    amounts = {name: (term.slope * np.nan_to_num(SCORES[name]) + term.offset)[0, :3] for name, term in terms.items()}
    assert amounts["near"] == pytest.approx([0, 1, 0], abs=1e-5)
    assert amounts["far"] == pytest.approx([np.sqrt(2), 0, -np.sqrt(0.5)], abs=1e-5)


def test_of_equal_ones_the_first_by_name_has_the_amount():
    terms = Max().terms({"b": SCORES["far"], "a": SCORES["far"]})
    assert terms["a"].slope[:, :3].all()
    assert not terms["b"].slope.any()


def test_a_list_of_one_is_half_by_borda():
    assert Borda().combine({"a": np.array([[NAN, 3]], np.float32)})[0, 1] == 0.5


def test_fusions_of_ranks_ignore_how_far_scores_lie_apart():
    for late in (Borda(), ReciprocalRank()):
        stretched = {name: values**3 for name, values in SCORES.items()}
        assert np.array_equal(late.combine(SCORES), late.combine(stretched), equal_nan=True)


def test_nobody_can_score_is_nan(late):
    assert np.isnan(late.combine(SCORES)).tolist() == [[False, False, False, True], [False] * 4]


def test_one_member_keeps_its_order(late):
    alone = late.combine({"far": SCORES["far"]})
    assert np.array_equal(np.isnan(alone), np.isnan(SCORES["far"]))
    assert alone[0, 0] > alone[0, 1] == alone[0, 2]


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, (3, 2, 5), elements=st.one_of(st.just(np.float32(NAN)), st.floats(-8, 8, width=16))),
    st.permutations(["a", "b", "c"]),
)
def test_the_order_of_members_and_other_queries_do_not_matter(values, names):
    scores = dict(zip("abc", values, strict=True))
    for late in (kind() for kind in map(registry.get, registry.names())):
        found = late.combine(scores)
        assert np.array_equal(found, late.combine({name: scores[name] for name in names}), equal_nan=True)
        first = late.combine({name: table[:1] for name, table in scores.items()})
        assert np.array_equal(found[:1], first, equal_nan=True)


def test_terms_add_up(late):
    total = np.zeros((2, 4))
    for name, term in late.terms(SCORES).items():
        total += np.nan_to_num(term.slope * SCORES[name] + term.offset)
    found = late.combine(SCORES)
    assert np.allclose(total[~np.isnan(found)], found[~np.isnan(found)], atol=1e-6)


def test_equal_scores_say_nothing():
    same = {"a": np.full((1, 3), 0.1, np.float32), "b": np.array([[1, 2, 3]], np.float32)}
    assert np.allclose(WeightedScores().combine(same), WeightedScores().combine({"b": same["b"]}) / 2)


def test_what_cannot_be_combined_is_refused():
    with pytest.raises(DataError, match="same queries and items"):
        WeightedScores().combine({"a": np.zeros((1, 2), np.float32), "b": np.zeros((1, 3), np.float32)})
    with pytest.raises(DataError, match="given none"):
        WeightedScores().combine({})
    with pytest.raises(DataError, match="members are far, near"):
        WeightedScores(weights={"near": 1}).combine(SCORES)
    with pytest.raises(DataError, match="all weights are 0"):
        WeightedScores(weights={"near": 0, "far": 0}).combine(SCORES)


def test_a_member_of_weight_zero_is_left_out():
    found = WeightedScores(weights={"near": 1, "far": 0}).combine(SCORES)
    assert np.array_equal(np.isnan(found), np.isnan(SCORES["near"]))
