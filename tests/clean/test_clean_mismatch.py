"""Vectors that do not go with the item's other parts, and vectors far from all others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from palate.clean._mismatch import Fit, _odds, fit_of, of_mismatches
from palate.clean._outliers import outliers
from palate.clean._principal import principal
from palate.clean.check import check
from palate.clean.clean import clean
from palate.data.features import features_of
from palate.data.frames import from_frames

N = 500


def catalogue(swapped=0, tie=1.0, seed=0):
    """Five hundred items whose title and photo show the same six traits, and whose genre shows one; some photos swapped."""
    rng = np.random.default_rng(seed)
    traits = rng.normal(size=(N, 6))
    title = traits @ rng.normal(size=(6, 20)) + rng.normal(size=(N, 20)) * 0.3
    seen = tie * traits + (1 - tie) * rng.normal(size=(N, 6))
    photo = seen @ rng.normal(size=(6, 30)) + rng.normal(size=(N, 30)) * 0.5
    wrong = rng.choice(N, swapped, replace=False)
    photo[wrong] = photo[np.roll(wrong, 1)]
    genre = [f"g{int(value > 0)}{int(other > 0)}" for value, other in traits[:, :2]]
    items = pl.DataFrame({"item": [f"i{n}" for n in range(N)], "genre": genre})
    events = pl.DataFrame({"user": ["a"] * N, "item": items["item"]})
    data = from_frames(events, items, types={"genre": "category"})
    return data.with_features(title=features_of(title), photo=features_of(photo)), set(wrong.tolist())


def told(data, name):
    (found,) = [each for each in of_mismatches(data) if each.name == name]
    return set(found.codes.tolist())


def test_swapped_photos_are_found():
    data, wrong = catalogue(swapped=50)
    found = told(data, "photo")
    assert len(found & wrong) >= 0.9 * len(wrong)
    assert len(found & wrong) >= 0.8 * len(found)
    assert told(data, "title").isdisjoint(found)


def test_where_most_photos_could_be_swapped_titles_are_not_blamed():
    data, wrong = catalogue(swapped=120)
    assert len(told(data, "title")) <= 5
    assert told(data, "photo") <= wrong


def test_of_photos_that_all_go_well_hardly_one_is_told():
    data, _ = catalogue()
    assert len(told(data, "photo") | told(data, "title")) <= 3


def test_parts_that_have_nothing_in_common_say_nothing():
    data, _ = catalogue(swapped=50, tie=0.0)
    assert told(data, "photo") == set()
    assert fit_of("photo", data.features, data.catalogue).foretold == pytest.approx(0.5, abs=0.1)


def test_a_category_alone_tells_a_gross_mistake():
    rng = np.random.default_rng(0)
    data, _ = catalogue()
    kind = rng.integers(0, 10, N)
    photo = 3 * np.eye(10)[kind] + rng.normal(size=(N, 10)) * 0.3
    wrong = rng.choice(N, 80, replace=False)
    photo[wrong] = photo[np.roll(wrong, 1)]
    really = wrong[kind[wrong] != kind[np.roll(wrong, 1)]]
    table = data.catalogue.table.with_columns(pl.Series("genre", [f"k{one}" for one in kind]))
    only = replace(data, catalogue=replace(data.catalogue, table=table), features={"photo": features_of(photo)})
    found = told(only, "photo")
    assert len(found - set(wrong.tolist())) <= 0.12 * len(found)
    assert len(found & set(really.tolist())) >= 0.9 * len(really)


def test_the_share_of_the_mismatched_is_estimated():
    """A part whose rows go a little worse than others, but not as strangers would, has hardly any."""
    rng = np.random.default_rng(0)
    for share in (0.0, 0.05, 0.2):
        own = np.where(rng.random(N) < share, rng.normal(-8, 5, N), rng.normal(5, 2, N))
        strange = np.sort(rng.normal(-8, 5, 20 * N))
        place = np.searchsorted(strange, own) / len(strange)
        rows, estimate = Fit(np.arange(N), own, place, (-8.0, 5.0)).told()
        assert estimate == pytest.approx(share, abs=0.06)
        assert rows.sum() == pytest.approx(share * N, abs=0.06 * N)
    timid = np.where(rng.random(N) < 0.1, -1.0, rng.normal(5, 1, N))
    place = np.searchsorted(strange, timid) / len(strange)
    assert Fit(np.arange(N), timid, place, (-8.0, 5.0)).told()[0].sum() <= 0.02 * N


def test_the_part_to_blame_is_told_by_what_else_is_known_and_by_the_others():
    assert (_odds(np.array([3.0, 2.0, 4.0, -0.5])) > 0).all()  # three sure cases decide a doubtful one
    assert (_odds(np.array([3.0, 3.0, -9.0])) > 0).tolist() == [True, True, False]


def test_they_are_told_and_made_absent():
    data, wrong = catalogue(swapped=50)
    problems = {each.column: each for each in check(data).problems if each.kind == "mismatch"}
    fresh, report = clean(data, absent=("mismatch",))
    gone = np.flatnonzero(~fresh.features["photo"].present)
    assert report.absent["photo"] == {"mismatch": len(gone)}
    assert problems["photo"].count == len(gone)
    assert len(wrong & set(gone.tolist())) >= 45
    assert report.rejected["reason"].unique().to_list() == ["the vector does not go with the item's other parts"]
    assert check(data, noise=False).problems == tuple(each for each in check(data).problems if each.kind != "mismatch")


def test_an_absent_row_is_neither_read_nor_told():
    data, wrong = catalogue(swapped=50)
    gone = np.isin(np.arange(N), list(wrong)[:20])
    part = data.features["photo"].dropped(gone)
    assert told(data.with_features(photo=part), "photo").isdisjoint(np.flatnonzero(gone).tolist())


def test_too_few_rows_say_nothing(tiny):
    assert not any(len(each.codes) for each in of_mismatches(tiny))
    assert not outliers(tiny.features["title"]).any()


def test_outliers_are_told_and_made_absent():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 12)) @ np.diag(np.linspace(1, 2, 12))
    values[:7] += rng.choice([-1, 1], (7, 12)) * 8
    data, _ = catalogue()
    data = replace(data, features={"photo": features_of(values)})
    assert np.flatnonzero(outliers(data.features["photo"])).tolist() == list(range(7))
    fresh, report = clean(data, absent=("outlier",))
    assert report.absent == {"photo": {"outlier": 7}}
    assert fresh.features["photo"].present.sum() == N - 7


def test_an_isolation_forest_tells_them_too():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 3))
    values[:3] = 30
    found = np.flatnonzero(outliers(features_of(values), "isolation-forest")).tolist()
    assert found[:3] == [0, 1, 2]
    assert len(found) <= 5


def test_principal_components_are_even_or_as_they_are():
    values = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32) * np.float32([9, 3, 1, 1, 0])
    even = principal(values, 8, even=True)
    assert even.shape == (300, 5)
    assert even.std(axis=0).round(3).tolist() == [1, 1, 1, 1, 0]
    assert principal(values, 2).std(axis=0).round(1).tolist() == [1.0, 0.3]
