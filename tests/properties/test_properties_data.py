"""What holds for any interactions: splits are partitions, folders give back what they got, cores are cores."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from palate.clean.core import k_core
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.data import folder
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.data.rows import id_text
from palate.data.split import registry

RANDOM = ("random-per-user", "leave-last-out", "global-time", "cold-items")


@st.composite
def datasets(draw):
    n_users, n_items = draw(st.integers(1, 8)), draw(st.integers(1, 14))
    n = draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    events = Interactions(
        rng.integers(0, n_users, n, dtype=np.int32),
        rng.integers(0, n_items, n, dtype=np.int32),
        rng.choice(np.array([-1, 0, 1, 5], np.float32), n),
        rng.integers(0, draw(st.integers(1, 200)), n),
        pl.DataFrame({"row": np.arange(n)}),
    )
    items = IdMap(map(str, range(n_items)))
    users = IdMap(f"u{code}" for code in range(n_users))
    return Dataset(users, items, events, Catalogue(pl.DataFrame({"item_id": items.series})))


def rows_of(part):
    return part.interactions.column("row").to_list()


@pytest.mark.parametrize("how", RANDOM)
@settings(max_examples=60, deadline=None)
@given(data=datasets(), seed=st.integers(0, 1000))
def test_a_split_is_a_partition_that_keeps_pairs_together(how, data, seed):
    splitter = registry.get(how)()
    try:
        cut = splitter.split(data, seed)
    except DataError:
        event(f"{how} refused")  # too little to fill training and test
        return
    parts = (cut.train, cut.valid, cut.test)
    assert sorted(row for part in parts for row in rows_of(part)) == list(range(len(data.interactions)))
    pairs = [set(zip(part.interactions.user.tolist(), part.interactions.item.tolist(), strict=True)) for part in parts]
    assert not pairs[0] & pairs[1]
    assert not pairs[0] & pairs[2]
    assert not pairs[1] & pairs[2]
    assert splitter.split(data, seed).fingerprint == cut.fingerprint
    if how in ("random-per-user", "leave-last-out"):
        assert set(cut.train.interactions.user) == set(data.interactions.user)
    if how == "global-time" and len(cut.train.interactions):
        assert cut.train.interactions.time.max() < max(cut.test.interactions.time)
    if how == "cold-items":
        assert not set(cut.train.interactions.item) & set(cut.test.interactions.item)


@settings(max_examples=40, deadline=None)
@given(data=datasets(), users=st.integers(1, 5), items=st.integers(1, 5))
def test_a_core_is_a_core_and_the_largest(data, users, items):
    user, item = data.interactions.user, data.interactions.item
    keep, _ = k_core(user, item, users, items)
    if keep.any():
        assert np.bincount(user[keep])[user[keep]].min() >= users
        assert np.bincount(item[keep])[item[keep]].min() >= items
    order = np.random.default_rng(0).permutation(len(user))
    again, _ = k_core(user[order], item[order], users, items)
    assert np.array_equal(again, keep[order])


@settings(max_examples=15, deadline=None)
@given(data=datasets())
def test_a_folder_gives_back_what_it_got(data):
    with tempfile.TemporaryDirectory() as place:
        folder.save(data, Path(place) / "ds")
        back = folder.load(Path(place) / "ds")
    assert back.fingerprint == data.fingerprint


@settings(max_examples=100, deadline=None)
@given(numbers=st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_whole_numbers_become_the_same_text_from_ints_and_floats(numbers):
    expected = [str(number) for number in numbers]
    assert id_text(pl.Series(numbers, dtype=pl.Int64))[0].to_list() == expected
    assert id_text(pl.Series([float(number) for number in numbers]))[0].to_list() == expected
    assert id_text(pl.Series(expected))[0].to_list() == expected
