"""What every registered aligner must do; a new one gets these tests for nothing."""

import json

import numpy as np
import pytest

from palate.align import registry
from palate.core.errors import DataError
from palate.core.memory import PeakMemory
from palate.core.rng import generator
from palate.core.state import State
from palate.interfaces import Aligner
from parted import WIDTHS, WRONG, changed_later, lonely, same, shop, some_parts

DIM = 4


@pytest.fixture(params=registry.names())
def kind(request):
    found = registry.get(request.param)
    if found.extra == "deep":
        pytest.importorskip("torch")
    return found


@pytest.fixture(params=WIDTHS)
def parts(request, kind):
    if kind.extra == "deep" and request.param == "equal":
        pytest.skip("a network maps each part by itself: that some are equally wide is no case of its own")
    return some_parts(WIDTHS[request.param])


def fitted(kind, parts, seed=0, epochs=10, **settings):
    n = len(next(iter(parts.values())))
    quick = {"epochs": epochs} if "epochs" in kind.config_type.model_fields else {}
    return kind(**{"dim": DIM, **quick, **settings}).fit(parts, shop(n), generator(seed))


def test_is_an_aligner(kind, parts):
    assert isinstance(fitted(kind, parts), Aligner)


def test_says_who_described_it_and_what_it_costs(kind):
    assert kind.paper[-4:].isdigit()
    assert kind.cost


def test_the_order_of_parts_does_not_matter(kind, parts):
    turned = dict(reversed(parts.items()))
    assert same(fitted(kind, parts).align(parts), fitted(kind, turned).align(turned))


@pytest.mark.parametrize("rubbish", [1e30, np.nan, np.inf])
def test_absent_values_cannot_leak(kind, parts, rubbish):
    dirty = some_parts({name: table.dim for name, table in parts.items()}, rubbish=rubbish)
    assert same(fitted(kind, parts).align(parts), fitted(kind, dirty).align(dirty))


def test_what_is_absent_stays_absent_and_nothing_else(kind, parts):
    for name, table in fitted(kind, parts).align(parts).items():
        assert np.array_equal(table.present, parts[name].present)
        assert not table.values[~table.present].any()
        assert table.values[table.present].any(axis=1).all()


def test_one_part_alone_works(kind):
    parts = some_parts({"a": 6})
    table = fitted(kind, parts).align(parts)["a"]
    assert np.linalg.matrix_rank(table.values[table.present]) > 0


def test_a_part_that_is_not_given_does_not_change_the_others(kind, parts):
    aligner = fitted(kind, parts)
    whole = aligner.align(parts)
    del whole["b"]
    assert same(whole, aligner.align({name: parts[name] for name in ("c", "a")}))


def test_all_absent_gives_absent(kind, parts):
    nothing = {name: table.dropped(np.ones(50, bool)) for name, table in parts.items()}
    for table in fitted(kind, nothing).align(nothing).values():
        assert not table.present.any()
        assert not table.values.any()


def test_a_part_that_no_trained_thing_has_does_no_harm(kind, parts):
    data = shop(50, trained=30)
    late = {**parts, "b": parts["b"].dropped(np.arange(50) < 30)}
    for table in kind(dim=DIM).fit(late, data, generator(0)).align(late).values():
        assert np.isfinite(table.values).all()
        assert table.values[table.present].any(axis=1).all()


def test_is_deterministic_by_seed(kind, parts):
    assert same(fitted(kind, parts, 3).align(parts), fitted(kind, parts, 3).align(parts))


def test_what_was_learned_survives_a_round_trip(kind, parts, tmp_path):
    aligner = fitted(kind, parts)
    aligner.state().save(tmp_path, "aligner")
    assert json.loads((tmp_path / "aligner.json").read_text())
    again = kind(aligner.config).load_state(State.load(tmp_path, "aligner"))
    assert same(aligner.align(parts), again.align(parts))
    assert (again.dim, again.agreement) == (aligner.dim, aligner.agreement)
    assert {name: table.source for name, table in again.align(parts).items()} == {
        name: table.source for name, table in aligner.align(parts).items()
    }


def test_a_batch_equals_its_rows_one_by_one(kind, parts):
    aligner = fitted(kind, parts)
    whole = aligner.align(parts)
    for row in range(0, 50, 7):
        one = aligner.align({name: table.take(np.array([row])) for name, table in parts.items()})
        for name, table in one.items():
            assert table.present[0] == whole[name].present[row]
            assert np.allclose(table.values[0], whole[name].values[row], atol=1e-5)


@pytest.mark.parametrize("dim", [1, 4, 40])
def test_every_part_comes_to_the_width_that_was_asked_for(kind, parts, dim):
    aligner = fitted(kind, parts, dim=dim)
    assert aligner.dim == dim
    for table in aligner.align(parts).values():
        assert table.dim == dim
        assert table.values.dtype == np.float32


def test_only_trained_rows_tell_how(kind):
    parts = some_parts({"a": 6, "b": 4})
    other = changed_later(parts, 30, -7)
    data = shop(50, trained=30)
    first, second = (kind(dim=DIM).fit(given, data, generator(0)) for given in (parts, other))
    assert same(first.align(parts), second.align(parts))


def test_a_constant_dimension_and_a_lonely_row_do_no_harm(kind):
    parts = lonely()
    for table in fitted(kind, parts).align(parts).values():
        assert np.isfinite(table.values).all()


def test_what_cannot_be_aligned_is_refused_with_a_reason(kind, parts):
    aligner = fitted(kind, parts)
    for wrong, reason in WRONG:
        with pytest.raises(DataError, match=reason):
            aligner.align(wrong(parts))
    with pytest.raises(DataError, match="50 rows and the dataset 49"):
        kind().fit(parts, shop(49), generator(0))


def test_ten_thousand_rows_of_five_parts_stay_in_bounds(kind):
    n, width = 10_000, 64
    fitted(kind, some_parts({"a": 3, "b": 3}))  # so that libraries are in memory already
    parts = some_parts(dict.fromkeys("abcde", width), n=n)
    given_mb = sum(table.values.nbytes for table in parts.values()) / (1 << 20)
    with PeakMemory() as memory:
        aligned = fitted(kind, parts, epochs=1, dim=32).align(parts)
    assert all(len(table) == n for table in aligned.values())
    assert memory.peak_mb < 12 * given_mb
