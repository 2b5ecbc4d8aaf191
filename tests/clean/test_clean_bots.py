"""Machines among the users: told by pace, evenness and sameness, and thinned."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from palate.clean._bots import suspects
from palate.clean.check import check
from palate.clean.clean import clean
from palate.core.errors import ConfigError
from palate.data.frames import from_frames

PEOPLE, ITEMS, EACH, START = 60, 200, 25, 1_700_000_000


def rows(user, items, times):
    return pl.DataFrame({"user": [user] * len(items), "item": [f"i{item}" for item in items], "timestamp": times})


def crowd(*bots, whole_days=False):
    """Sixty people, each of whom does 25 things at any time of a year, and some bots."""
    rng = np.random.default_rng(0)
    people = [
        rows(f"u{n}", rng.choice(ITEMS, EACH, replace=False), np.sort(rng.integers(0, 31_536_000, EACH)) + START)
        for n in range(PEOPLE)
    ]
    events = pl.concat([*people, *bots])
    if whole_days:
        events = events.with_columns(pl.col("timestamp") // 86_400 * 86_400)
    return from_frames(events)


def hasty(rng):
    return rows("hasty", rng.choice(ITEMS, 40, replace=False), START + np.sort(rng.integers(0, 3_000, 40)))


def steady(rng):
    return rows(
        "steady", rng.choice(ITEMS, 30, replace=False), START + 86_400 * np.arange(30) + rng.integers(0, 60, 30)
    )


def farm(rng, n=3):
    same = rng.choice(ITEMS, EACH, replace=False)
    return [rows(f"farm{n}", same, START + np.sort(rng.integers(0, 31_536_000, EACH))) for n in range(n)]


def told(data):
    return set(np.array(list(data.users))[suspects(data).told])


def test_each_kind_of_machine_is_told_and_nobody_else():
    rng = np.random.default_rng(1)
    data = crowd(hasty(rng), steady(rng), *farm(rng))
    assert told(data) == {"hasty", "steady", "farm0", "farm1", "farm2"}
    (found,) = [each for each in check(data).problems if each.kind == "bots"]
    assert found.count == 5
    assert "hasty (40 interactions within an hour)" in found.details
    assert "steady (100% of the pauses are equally long)" in found.details
    assert "farm0 (100% of it is, in this order, what another did)" in found.details


def test_a_crowd_without_machines_is_left_alone():
    data = crowd()
    assert told(data) == set()
    assert not suspects(data).score.any()
    assert clean(data, bots="drop")[0].fingerprint == data.fingerprint


def test_what_everybody_does_is_no_sign():
    rng = np.random.default_rng(2)
    fast = [
        rows(f"u{n}", rng.choice(ITEMS, EACH * 2, replace=False), START + np.sort(rng.integers(0, 3_000, EACH * 2)))
        for n in range(30)
    ]
    assert told(from_frames(pl.concat(fast))) == set()


def test_times_of_whole_days_tell_no_pace():
    data = crowd(hasty(np.random.default_rng(1)), whole_days=True)
    found = suspects(data)
    assert np.isnan(found.values["burst"]).all()
    assert not found.told.any()


def test_bots_are_thinned_and_the_rest_stays():
    rng = np.random.default_rng(1)
    data = crowd(hasty(rng), steady(rng))
    fresh, report = clean(data, bots="thin", seed=3)
    code = data.users.code("hasty")
    assert (fresh.interactions.user == code).sum() == 4
    assert len(data.interactions) - len(fresh.interactions) == 36 + 27
    assert report.steps == {"the user acts like a machine": 63}
    assert set(fresh.interactions.weight.tolist()) == {1.0}
    assert (np.bincount(fresh.interactions.user)[:PEOPLE] == EACH).all()
    again, _ = clean(data, bots="thin", seed=3)
    other, _ = clean(data, bots="thin", seed=4)
    assert again.fingerprint == fresh.fingerprint != other.fingerprint
    dropped, report = clean(data, bots="drop")
    assert not (dropped.interactions.user == code).any()
    assert dropped.users == data.users
    assert report.rejected["reason"].unique().to_list() == ["the user acts like a machine"]


def test_a_wrong_choice_is_refused():
    with pytest.raises(ConfigError, match="bots"):
        clean(crowd(), bots="down-weight")
