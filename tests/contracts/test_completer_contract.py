"""What every registered completer must do; a new one gets these tests for nothing."""

import json

import numpy as np
import pytest

from palate.complete import registry
from palate.core.errors import DataError
from palate.core.memory import PeakMemory
from palate.core.rng import generator
from palate.core.state import State
from palate.interfaces import Completer
from parted import WIDTHS, WRONG, changed_later, lonely, same, shop, some_parts


@pytest.fixture(params=registry.names())
def kind(request):
    found = registry.get(request.param)
    if found.extra == "deep":
        pytest.importorskip("torch")
    return found


@pytest.fixture
def parts():
    return some_parts(WIDTHS["unequal"])


def fitted(kind, parts, seed=0, data=None, **settings):
    n = len(next(iter(parts.values())))
    quick = {key: 5 for key in ("epochs", "rounds") if key in kind.config_type.model_fields}
    return kind(**{**quick, **settings}).fit(parts, data or shop(n), generator(seed))


def test_is_a_completer(kind, parts):
    assert isinstance(fitted(kind, parts), Completer)


def test_says_who_described_it_and_what_it_costs(kind):
    assert kind.paper[-4:].isdigit()
    assert kind.cost


def test_what_is_there_stays_and_what_is_estimated_is_marked(kind, parts):
    for name, table in fitted(kind, parts).complete(parts).items():
        given = parts[name]
        assert np.array_equal(table.values[given.present], given.values[given.present])
        assert np.array_equal(table.known, given.present)
        assert np.array_equal(table.completed, table.present & ~given.present)
        assert table.completed.any()
        assert np.isfinite(table.values).all()
        assert not table.values[~table.present].any()
        assert (table.dim, table.of, table.modality) == (given.dim, given.of, given.modality)
        assert table.source != given.source


def test_what_is_whole_is_left_alone(kind):
    whole = {
        name: table.take(np.flatnonzero(table.present)[:20]) for name, table in some_parts({"a": 4, "b": 3}).items()
    }
    for name, table in fitted(kind, whole).complete(whole).items():
        assert table is whole[name]


def test_completing_twice_changes_nothing(kind, parts):
    completer = fitted(kind, parts)
    once = completer.complete(parts)
    full = {name: table.present.all() for name, table in once.items()}
    again = completer.complete(once)
    for name in parts:
        if full[name]:
            assert again[name] is once[name]
        assert np.array_equal(again[name].values[once[name].present], once[name].values[once[name].present])
        assert not (again[name].known & ~parts[name].present).any()


def test_the_order_of_parts_does_not_matter(kind, parts):
    turned = dict(reversed(parts.items()))
    assert same(fitted(kind, parts).complete(parts), fitted(kind, turned).complete(turned))


@pytest.mark.parametrize("rubbish", [1e30, np.nan, np.inf])
def test_absent_values_cannot_leak(kind, parts, rubbish):
    dirty = some_parts({name: table.dim for name, table in parts.items()}, rubbish=rubbish)
    assert same(fitted(kind, parts).complete(parts), fitted(kind, dirty).complete(dirty))


def test_one_part_alone_does_no_harm(kind):
    parts = some_parts({"a": 6})
    table = fitted(kind, parts).complete(parts)["a"]
    assert np.isfinite(table.values).all()
    assert np.array_equal(table.known, parts["a"].present)


def test_a_part_that_no_trained_thing_has_is_left_alone(kind, parts):
    late = {**parts, "b": parts["b"].dropped(np.arange(50) < 30)}
    found = fitted(kind, late, data=shop(50, trained=30)).complete(late)
    assert found["b"] is late["b"]
    assert all(np.isfinite(table.values).all() for table in found.values())


def test_all_absent_gives_absent(kind, parts):
    nothing = {name: table.dropped(np.ones(50, bool)) for name, table in parts.items()}
    completer = fitted(kind, nothing)
    assert completer.errors == {}
    assert not any(table.present.any() for table in completer.complete(nothing).values())


def test_is_deterministic_by_seed(kind, parts):
    left, right = fitted(kind, parts, 3), fitted(kind, parts, 3)
    assert same(left.complete(parts), right.complete(parts))
    assert left.errors == right.errors


def test_what_was_learned_survives_a_round_trip(kind, parts, tmp_path):
    completer = fitted(kind, parts)
    completer.state().save(tmp_path, "completer")
    assert json.loads((tmp_path / "completer.json").read_text())
    again = kind(completer.config).load_state(State.load(tmp_path, "completer"))
    one, other = completer.complete(parts), again.complete(parts)
    assert same(one, other)
    assert again.errors == completer.errors
    assert {name: table.source for name, table in one.items()} == {name: table.source for name, table in other.items()}


def test_a_batch_equals_its_rows_one_by_one(kind, parts):
    completer = fitted(kind, parts)
    some = {name: table.take(np.array([7])) for name, table in parts.items()}
    if kind.by_code:
        with pytest.raises(DataError, match="1 rows where it was fitted on 50"):
            completer.complete(some)
        return
    whole = completer.complete(parts)
    for row in range(0, 50, 7):
        one = completer.complete({name: table.take(np.array([row])) for name, table in parts.items()})
        for name, table in one.items():
            assert table.present[0] == whole[name].present[row]
            assert np.allclose(table.values[0], whole[name].values[row], atol=1e-4)


def test_only_trained_rows_tell_how(kind):
    parts = some_parts({"a": 6, "b": 4})
    other = changed_later(parts, 30, -7)
    data = shop(50, trained=30)
    first, second = (fitted(kind, given, data=data) for given in (parts, other))
    assert same(first.complete(parts), second.complete(parts))
    assert first.errors == second.errors


def test_errors_are_of_known_rows_that_were_hidden(kind, parts):
    errors = fitted(kind, parts, held_out=0.5).errors
    assert list(errors) == sorted(parts)
    for name, error in errors.items():
        assert error.rows == round(0.5 * parts[name].present.sum())
        assert 0 <= error.reached <= 1
        assert error.rmse > 0
        assert -1 <= error.cosine <= 1
    assert fitted(kind, parts, held_out=0).errors == {}


def test_measuring_errors_changes_no_estimate(kind, parts):
    measured, not_measured = fitted(kind, parts), fitted(kind, parts, held_out=0)
    assert same(measured.complete(parts), not_measured.complete(parts))


def test_a_constant_dimension_and_a_lonely_row_do_no_harm(kind):
    parts = lonely()
    for table in fitted(kind, parts).complete(parts).values():
        assert np.isfinite(table.values).all()


def test_what_cannot_be_completed_is_refused_with_a_reason(kind, parts):
    completer = fitted(kind, parts)
    for wrong, reason in WRONG:
        with pytest.raises(DataError, match=reason):
            completer.complete(wrong(parts))
    with pytest.raises(DataError, match="50 rows and the dataset 49"):
        kind().fit(parts, shop(49), generator(0))


def test_ten_thousand_rows_of_five_parts_stay_in_bounds(kind):
    n, width = 10_000, 64
    fitted(kind, some_parts({"a": 3, "b": 3}))  # so that libraries are in memory already
    parts = some_parts(dict.fromkeys("abcde", width), n=n)
    given_mb = sum(table.values.nbytes for table in parts.values()) / (1 << 20)
    quick = {key: value for key, value in {"epochs": 1, "rounds": 1}.items() if key in kind.config_type.model_fields}
    with PeakMemory() as memory:
        found = fitted(kind, parts, held_out=0, **quick).complete(parts)
    assert all(len(table) == n for table in found.values())
    assert memory.peak_mb < 24 * given_mb
