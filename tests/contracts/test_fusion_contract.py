"""What every registered fusion must do; a new one gets these tests for nothing."""

import json

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.core.memory import PeakMemory
from palate.core.rng import generator
from palate.core.state import State
from palate.fusion import registry
from palate.interfaces import Fusion
from parted import WIDTHS, WRONG, changed_later, lonely, shop, some_parts, standardised


@pytest.fixture(params=registry.names())
def kind(request):
    return registry.get(request.param)


@pytest.fixture(params=WIDTHS)
def parts(request, kind):
    if learns(kind) and request.param == "equal":
        pytest.skip("a network maps each part by itself: that some are equally wide is no case of its own")
    return some_parts(WIDTHS[request.param])


def quick(kind, epochs=2):
    """The fusion, one that learns in few steps."""
    return kind(epochs=epochs) if learns(kind) else kind()


def learns(kind):
    return "epochs" in kind.config_type.model_fields


def fitted(kind, parts, seed=0):
    n = len(next(iter(parts.values())))
    return quick(kind).fit(parts, shop(n), generator(seed))


def same(left, right):
    return np.array_equal(left.present, right.present) and np.array_equal(left.values, right.values)


def test_is_a_fusion(kind, parts):
    assert isinstance(fitted(kind, parts), Fusion)


def test_says_who_described_it_and_what_it_costs(kind):
    assert kind.paper[-4:].isdigit()
    assert kind.cost


def test_the_order_of_parts_does_not_matter(kind, parts):
    turned = dict(reversed(parts.items()))
    assert same(fitted(kind, parts).fuse(parts), fitted(kind, turned).fuse(turned))


@pytest.mark.parametrize("rubbish", [1e30, np.nan, np.inf])
def test_absent_values_cannot_leak(kind, parts, rubbish):
    widths = {name: table.dim for name, table in parts.items()}
    dirty = some_parts(widths, rubbish=rubbish)
    clean_fusion, dirty_fusion = fitted(kind, parts), fitted(kind, dirty)
    assert same(clean_fusion.fuse(parts), dirty_fusion.fuse(dirty))
    pairs = np.arange(50, dtype=np.int32), np.arange(50, dtype=np.int32)[::-1].copy()
    clean, other = clean_fusion.shares(parts, *pairs), dirty_fusion.shares(dirty, *pairs)
    assert all(np.array_equal(clean[name], other[name]) for name in parts)


def test_rows_without_any_part_are_absent_and_the_others_present(kind, parts):
    fused = fitted(kind, parts).fuse(parts)
    anything = np.any([table.present for table in parts.values()], axis=0)
    assert not anything.all()
    assert np.array_equal(fused.present, anything)
    assert not fused.values[~anything].any()


def test_rows_are_of_unit_length(kind, parts):
    fused = fitted(kind, parts).fuse(parts)
    assert np.allclose(np.linalg.norm(fused.values[fused.present], axis=1), 1, atol=1e-5)


def test_one_part_alone_works(kind):
    parts = some_parts({"a": 6})
    table = fitted(kind, parts).fuse(parts)
    present = parts["a"].present
    assert np.array_equal(table.present, present)
    rows = standardised(parts["a"].values[present])
    if learns(kind):
        assert len(np.unique(table.values[present].round(5), axis=0)) == len(rows)
        return
    found = (table.values[present] @ table.values[present].T)[np.triu_indices(len(rows), 1)]
    assert np.corrcoef(found, (rows @ rows.T)[np.triu_indices(len(rows), 1)])[0, 1] > 0.8


def test_a_fitted_part_that_is_not_given_counts_as_absent(kind, parts):
    fusion = fitted(kind, parts)
    gone = {**parts, "b": parts["b"].dropped(np.ones(50, bool))}
    without = {name: table for name, table in parts.items() if name != "b"}
    assert same(fusion.fuse(gone), fusion.fuse(without))


def test_all_absent_gives_absent(kind, parts):
    nothing = {name: table.dropped(np.ones(50, bool)) for name, table in parts.items()}
    fused = fitted(kind, nothing).fuse(nothing)
    assert not fused.present.any()
    assert not fused.values.any()


def test_is_deterministic_by_seed(kind, parts):
    assert same(fitted(kind, parts, 3).fuse(parts), fitted(kind, parts, 3).fuse(parts))


def test_what_was_learned_survives_a_round_trip(kind, parts, tmp_path):
    fusion = fitted(kind, parts)
    fusion.state().save(tmp_path, "fusion")
    assert json.loads((tmp_path / "fusion.json").read_text())
    again = kind(fusion.config).load_state(State.load(tmp_path, "fusion"))
    assert same(fusion.fuse(parts), again.fuse(parts))
    assert again.dim == fusion.dim
    assert again.fuse(parts).source == fusion.fuse(parts).source


def test_a_batch_equals_its_rows_one_by_one(kind, parts):
    fusion = fitted(kind, parts)
    whole = fusion.fuse(parts)
    for row in range(0, 50, 7):
        one = fusion.fuse({name: table.take(np.array([row])) for name, table in parts.items()})
        assert one.present[0] == whole.present[row]
        assert np.allclose(one.values[0], whole.values[row], atol=1e-6)


def test_the_width_is_as_declared(kind, parts):
    fusion = fitted(kind, parts)
    fused = fusion.fuse(parts)
    assert fused.dim == fusion.dim
    assert fused.values.dtype == np.float32


def test_shares_add_up_to_the_cosine(kind, parts):
    fusion = fitted(kind, parts)
    fused = fusion.fuse(parts).values
    left, right = np.divmod(np.arange(2500, dtype=np.int32), 50)
    shares = fusion.shares(parts, left, right)
    assert set(shares) == set(parts)
    assert np.allclose(sum(shares.values()), (fused[left] * fused[right]).sum(axis=1), atol=1e-5)


def test_only_trained_rows_tell_how_to_standardise(kind):
    parts = some_parts({"a": 6, "b": 4})
    other = changed_later(parts, 30, 7)
    data = shop(50, trained=30)
    first, second = (quick(kind).fit(given, data, generator(0)) for given in (parts, other))
    assert same(first.fuse(parts), second.fuse(parts))


def test_a_constant_dimension_and_a_lonely_row_do_no_harm(kind):
    parts = lonely()
    fused = fitted(kind, parts).fuse(parts)
    assert np.isfinite(fused.values).all()
    assert fused.present.all()
    assert np.linalg.norm(fused.values[3]) == pytest.approx(1, abs=1e-5)


def test_what_cannot_be_fused_is_refused_with_a_reason(kind, parts):
    fusion = fitted(kind, parts)
    for wrong, reason in WRONG:
        with pytest.raises(DataError, match=reason):
            fusion.fuse(wrong(parts))
    with pytest.raises(DataError, match="50 rows and the dataset 49"):
        quick(kind).fit(parts, shop(49), generator(0))


def test_ten_thousand_rows_of_five_parts_stay_in_bounds(kind):
    n, width = 10_000, 64
    parts = some_parts(dict.fromkeys("abcde", width), n=n)
    fusion = quick(kind, epochs=1).fit(parts, shop(n), generator(0))
    with PeakMemory() as memory:
        fused = fusion.fuse(parts)
    result_mb = fused.values.nbytes / (1 << 20)
    assert len(fused) == n
    assert memory.peak_mb < 2 * result_mb + 16


def test_validation_may_be_given(kind, parts):
    first, second = (quick(kind).fit(parts, shop(50, trained=40), generator(0), shop(50)) for _ in range(2))
    assert same(first.fuse(parts), second.fuse(parts))
