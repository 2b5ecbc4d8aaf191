import numpy as np
import polars as pl
import pytest

from palate.clean.clean import clean
from palate.clean.core import k_core
from palate.core.errors import ConfigError, DataError
from palate.data.frames import from_frames


def test_the_last_of_repeated_rows_stays():
    events = pl.DataFrame({
        "user": ["a", "a", "a", "b"], "item": ["x", "x", "x", "x"], "rating": [1, 2, 3, 4],
        "timestamp": [30, 20, 10, 5], "kind": ["buy", "buy", "click", "buy"],
    })  # fmt: skip
    fresh, report = clean(from_frames(events))
    assert fresh.interactions.weight.tolist() == [1.0, 3.0, 4.0]
    assert report.steps == {"a later row has the same user, item and kind": 1}
    assert report.rejected.row(0) == (
        "interactions.parquet",
        2,
        "a → x",
        "a later row has the same user, item and kind",
        "2.0",
    )


def test_ranges_of_weight_and_time():
    events = pl.DataFrame(
        {"user": list("abcd"), "item": list("xyzw"), "rating": [0, 1, 5, 9], "timestamp": [0, 86400, 172800, 259200]}
    )
    fresh, report = clean(from_frames(events), min_weight=1, max_weight=5)
    assert fresh.interactions.weight.tolist() == [1.0, 5.0]
    assert sum(report.steps.values()) == 2
    fresh, _ = clean(from_frames(events), since="1970-01-02", until="1970-01-03T00:00:00Z")
    assert fresh.interactions.time.tolist() == [86400]
    with pytest.raises(DataError, match="is no moment in time"):
        clean(from_frames(events), since="yesterday")
    with pytest.raises(DataError, match="nothing of 'dataset' would be left"):
        clean(from_frames(events), min_weight=10)
    with pytest.raises(ConfigError, match="did you mean 'item_core'"):
        clean(from_frames(events), itemcore=3)


def test_the_core_shrinks_until_it_holds(tiny):
    fresh, report = clean(tiny, user_core=6, item_core=8)
    users, items = np.bincount(fresh.interactions.user), np.bincount(fresh.interactions.item)
    assert users.min() >= 6
    assert items.min() >= 8
    assert len(fresh.items) == len(items) < len(tiny.items)
    assert report.before["items"] - report.after["items"] == len(tiny.items) - len(fresh.items)
    assert report.rejected.height == len(tiny.interactions) - len(fresh.interactions)
    old = tiny.features["title"].values[[tiny.items.code(name) for name in fresh.items]]
    assert np.array_equal(fresh.features["title"].values, old)
    assert fresh.catalogue.table["item_id"].to_list() == list(fresh.items)


def test_without_a_core_users_and_items_stay(tiny):
    fresh, _ = clean(tiny)
    assert fresh.fingerprint == tiny.fingerprint


def test_a_chain_falls_apart_round_by_round():
    user, item = np.array([0, 0, 1, 1, 2], np.int32), np.array([0, 1, 1, 2, 2], np.int32)
    keep, rounds = k_core(user, item, 2, 2)
    assert not keep.any()
    assert rounds > 2


def test_impossible_times_go():
    events = pl.DataFrame({"user": list("abc"), "item": list("xyz"), "timestamp": [1_700_000_000, 1_700_000_001, 0]})
    fresh, report = clean(from_frames(events))
    assert len(fresh.interactions) == 2
    assert report.steps == {"the time is impossible": 1}
