"""What every registered standardiser must do; a new one gets these tests for nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.core.memory import PeakMemory
from palate.core.state import State
from palate.data.features import EncoderRef, FeatureTable, features_of
from palate.data.lazy import lazily
from palate.interfaces import Standardiser
from palate.linalg.neighbours import unit_rows
from palate.linalg.standard import Standard
from palate.standardise import registry
from parted import WIDTHS, WRONG, changed_later, lonely, same, shop, some_parts


@pytest.fixture(params=registry.names())
def kind(request):
    return registry.get(request.param)


@pytest.fixture
def parts():
    return some_parts(WIDTHS["unequal"])


def fitted(kind, parts, data=None, **settings):
    return kind(**settings).fit(parts, data or shop(len(next(iter(parts.values())))))


def test_is_a_standardiser(kind, parts):
    made = fitted(kind, parts)
    assert isinstance(made, Standardiser)
    assert made.parts == tuple(sorted(parts))


def test_says_who_described_it_and_what_it_costs(kind):
    assert kind.paper[-4:].isdigit()
    assert kind.cost


def test_what_is_absent_stays_absent_and_what_comes_out_is_marked(kind, parts):
    given = {name: replace(table, modality="image", encoder=EncoderRef("any")) for name, table in parts.items()}
    for name, table in fitted(kind, given).standardise(given).items():
        assert np.array_equal(table.present, parts[name].present)
        assert not table.values[~table.present].any()
        assert np.isfinite(table.values).all()
        assert table.values[table.present].any()
        assert (table.values.dtype, table.of, table.modality) == (np.float32, "items", "image")
        assert (table.standardised, table.encoder) == (kind.name, None)
        assert table.source != parts[name].source


def test_what_is_marked_is_only_brought_to_length_one(kind, parts):
    for table in fitted(kind, parts).standardise(parts).values():
        units = Standard.of(table, np.ones(len(table), bool)).units(table.values, table.present)
        assert np.array_equal(units[table.present], unit_rows(table.values[table.present]))


def test_marks_of_estimates_stay_and_estimates_tell_nothing(kind, parts):
    marks = {name: table.present & (np.arange(50) % 3 == 0) for name, table in parts.items()}
    made = {name: replace(table, completed=marks[name]) for name, table in parts.items()}
    wild = {
        name: replace(table, values=np.where(marks[name][:, None], np.float32(1e4), table.values))
        for name, table in made.items()
    }
    first, second = (fitted(kind, given) for given in (made, wild))
    assert first.state().fingerprint == second.state().fingerprint
    for name, table in first.standardise(made).items():
        assert np.array_equal(table.completed, marks[name])


def test_the_order_of_parts_does_not_matter(kind, parts):
    turned = dict(reversed(parts.items()))
    assert same(fitted(kind, parts).standardise(parts), fitted(kind, turned).standardise(turned))


def test_a_part_goes_by_itself(kind, parts):
    alone = {"a": parts["a"]}
    whole = fitted(kind, parts).standardise(parts)
    assert np.array_equal(fitted(kind, alone).standardise(alone)["a"].values, whole["a"].values)
    assert np.array_equal(fitted(kind, parts).standardise(alone)["a"].values, whole["a"].values)


@pytest.mark.parametrize("rubbish", [1e30, np.nan, np.inf])
def test_absent_values_cannot_leak(kind, parts, rubbish):
    dirty = some_parts({name: table.dim for name, table in parts.items()}, rubbish=rubbish)
    assert same(fitted(kind, parts).standardise(parts), fitted(kind, dirty).standardise(dirty))


def test_rows_of_a_log_that_hold_nan_are_refused(kind):
    values = np.ones((10, 3), np.float32)
    values[4] = np.nan
    broken = {"interactions.text": FeatureTable(lazily(values), np.ones(10, bool), "log", "interactions")}
    with pytest.raises(DataError, match="NaN or infinite"):
        fitted(kind, broken, data=shop(5)).standardise(broken)


def test_all_absent_gives_absent(kind, parts):
    nothing = {name: table.dropped(np.ones(50, bool)) for name, table in parts.items()}
    for table in fitted(kind, nothing).standardise(nothing).values():
        assert not table.present.any()
        assert not table.values.any()


def test_one_row_is_left_as_it_is(kind):
    part = {"a": features_of(np.array([[3.0, 4.0], [np.nan, np.nan]]))}
    found = fitted(kind, part, data=shop(2)).standardise(part)["a"]
    assert found.values.tolist() == [[3, 4], [0, 0]]
    assert found.standardised == kind.name


def test_a_part_that_no_trained_thing_has_is_measured_by_what_there_is(kind, parts):
    late = {**parts, "b": parts["b"].dropped(np.arange(50) < 30)}
    one, other = (fitted(kind, late, data=data) for data in (shop(50, trained=30), shop(50)))
    assert same(*({"b": made.standardise(late)["b"]} for made in (one, other)))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_fewer_rows_than_dimensions_place_new_rows_too(kind, n):
    values = np.random.default_rng(0).normal(size=(40, 9)) * 5 + 2
    part = {"a": features_of(values)}
    table = fitted(kind, part, data=shop(40, trained=n)).standardise(part)["a"]
    assert np.isfinite(table.values).all()
    assert table.values.any(axis=1).all()
    assert np.linalg.norm(table.values, axis=1).max() < 1e4


def test_a_constant_dimension_and_a_lonely_row_do_no_harm(kind):
    parts = lonely()
    for table in fitted(kind, parts).standardise(parts).values():
        assert np.isfinite(table.values).all()


def test_rows_that_are_all_the_same_do_no_harm(kind):
    part = {"a": features_of(np.full((20, 3), 7.0))}
    assert np.isfinite(fitted(kind, part).standardise(part)["a"].values).all()


def test_what_was_learned_survives_a_round_trip(kind, parts, tmp_path):
    short = {**parts, "d": parts["a"].dropped(np.arange(50) > 0)}
    made = fitted(kind, short)
    made.state().save(tmp_path, "standardiser")
    assert json.loads((tmp_path / "standardiser.json").read_text())
    again = kind(made.config).load_state(State.load(tmp_path, "standardiser"))
    assert again.parts == made.parts
    one, other = made.standardise(short), again.standardise(short)
    assert same(one, other)
    assert {name: table.source for name, table in one.items()} == {name: table.source for name, table in other.items()}


def test_a_batch_equals_its_rows_one_by_one(kind, parts):
    made = fitted(kind, parts)
    whole = made.standardise(parts)
    for row in range(0, 50, 7):
        one = made.standardise({name: table.take(np.array([row])) for name, table in parts.items()})
        for name, table in one.items():
            assert table.present[0] == whole[name].present[row]
            assert np.allclose(table.values[0], whole[name].values[row], atol=1e-5)
            if table.present[0]:
                assert np.allclose(made.rows(name, parts[name].values[[row]])[0], table.values[0], atol=1e-5)


def test_only_trained_rows_tell_how(kind):
    parts = some_parts({"a": 6, "b": 4})
    other = changed_later(parts, 30, -7)
    data = shop(50, trained=30)
    first, second = (fitted(kind, given, data=data) for given in (parts, other))
    assert first.state().fingerprint == second.state().fingerprint
    assert same(first.standardise(parts), second.standardise(parts))


def test_what_cannot_be_standardised_is_refused_with_a_reason(kind, parts):
    made = fitted(kind, parts)
    for wrong, reason in WRONG:
        with pytest.raises(DataError, match=reason):
            made.standardise(wrong(parts))
    with pytest.raises(DataError, match="50 rows and the dataset 49"):
        kind().fit(parts, shop(49))
    with pytest.raises(DataError, match=r"'z'.*allowed: a, b, c"):
        made.rows("z", np.ones((1, 6), np.float32))
    with pytest.raises(DataError, match=r"given as \[1, 5\], and had 9 numbers"):
        made.rows("a", np.ones((1, 5), np.float32))


def test_ten_thousand_rows_of_five_parts_stay_in_bounds(kind):
    n, width = 10_000, 64
    fitted(kind, some_parts({"a": 3, "b": 3}))  # so that libraries are in memory already
    parts = some_parts(dict.fromkeys("abcde", width), n=n)
    given_mb = sum(table.values.nbytes for table in parts.values()) / (1 << 20)
    with PeakMemory() as memory:
        found = fitted(kind, parts).standardise(parts)
    assert all(len(table) == n for table in found.values())
    assert memory.peak_mb < 8 * given_mb
