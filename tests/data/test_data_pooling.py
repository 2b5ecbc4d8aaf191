"""Features of interactions: cut with their rows, pooled to items and users, and never laid on another log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.clean.clean import clean
from palate.core.errors import DataError, StoreError
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable, features_of
from palate.data.folder import load, save, save_split
from palate.data.interactions import Interactions
from palate.data.lazy import BLOCK, LazyRows
from palate.data.pooling import pooled
from palate.data.split import split

NAME = "interactions.text"
ROWS = [
    ("ann", "mug", 5, "good", [1.0, 0.0]),
    ("bob", "mug", 1, "bad", [0.0, 4.0]),
    ("ann", "pan", 3, None, [np.nan, 0.0]),
    ("bob", "pan", 0, "meh", [7.0, 7.0]),
    ("cat", "jar", 2, None, [np.nan, np.nan]),
]


def log(rows: list[tuple[str, str, int, str | None, list[float]]] = ROWS) -> Dataset:
    users, items = IdMap(["ann", "bob", "cat"]), IdMap(["mug", "pan", "jar", "cup"])
    who, what = users.codes(row[0] for row in rows), items.codes(row[1] for row in rows)
    extra = pl.DataFrame({"text": [row[3] for row in rows]}, schema={"text": pl.String})
    events = Interactions(who, what, np.array([row[2] for row in rows], np.float32), None, extra)
    part = features_of(np.array([row[4] for row in rows]), of="interactions", modality="text")
    catalogue = Catalogue(pl.DataFrame({"item_id": items.series}))
    return Dataset(users, items, events, catalogue, features={NAME: part})


def test_an_item_is_the_mean_of_its_present_rows() -> None:
    part = pooled(log(), NAME)
    assert (part.of, part.modality) == ("items", "text")
    assert part.present.tolist() == [True, True, False, False]
    np.testing.assert_allclose(part.values, [[0.5, 2], [7, 7], [0, 0], [0, 0]])


def test_a_weighted_mean_leaves_out_what_weighs_nothing() -> None:
    part = pooled(log(), NAME, weighted=True)
    assert part.present.tolist() == [True, False, False, False]
    np.testing.assert_allclose(part.values[0], [5 / 6, 4 / 6], rtol=1e-6)


def test_a_user_is_the_mean_of_what_they_wrote() -> None:
    part = pooled(log(), NAME, "users")
    assert (part.of, part.present.tolist()) == ("users", [True, True, False])
    np.testing.assert_allclose(part.values[:2], [[1, 0], [3.5, 5.5]])


def test_pooling_in_blocks_is_pooling_at_once() -> None:
    rng = np.random.default_rng(0)
    n = 2 * BLOCK + 77
    base = log()
    values = rng.normal(size=(n, 3))
    values[rng.random(n) < 0.3] = np.nan
    item = rng.integers(0, 3, n).astype(np.int32)
    events = Interactions(np.zeros(n, np.int32), item, rng.random(n).astype(np.float32))
    part = features_of(values, of="interactions")
    found = pooled(replace(base, interactions=events, features={NAME: part}), NAME, weighted=True)
    for code in range(3):
        rows = (item == code) & part.present
        expected = np.average(values[rows], axis=0, weights=events.weight[rows])
        np.testing.assert_allclose(found.values[code], expected, atol=1e-4)
    assert not found.present[3]


def test_items_and_users_show_parts_of_interactions_as_their_own() -> None:
    data = log().with_features(title=features_of(np.ones((4, 2))), avatar=features_of(np.ones((3, 2)), of="users"))
    assert list(data.item_parts()) == [NAME, "title"]
    assert list(data.user_parts()) == ["avatar", NAME]
    assert {table.of for table in data.item_parts().values()} == {"items"}
    assert {table.of for table in data.user_parts().values()} == {"users"}
    assert data.item_parts((NAME,))[NAME] is data.item_parts()[NAME]  # pooled once
    assert data.part(NAME).of == "interactions"
    with pytest.raises(DataError, match="'title' is of items, and parts of users are wanted"):
        data.user_parts(("title",))
    with pytest.raises(DataError, match="no features of users"):
        replace(data, features={}).user_parts()


def test_only_parts_of_interactions_can_be_pooled() -> None:
    data = log().with_features(title=features_of(np.ones((4, 2))))
    with pytest.raises(DataError, match="'title' is of items"):
        pooled(data, "title")
    with pytest.raises(DataError, match="to items or users"):
        pooled(data, NAME, "interactions")


def test_rows_are_cut_with_their_features_and_without_a_copy() -> None:
    data = log()
    some = data.take_interactions(np.array([3, 0]))
    part = some.features[NAME]
    assert part.present.tolist() == [True, True]
    assert part.values[:].tolist() == [[7, 7], [1, 0]]
    assert isinstance(part.values, LazyRows)
    assert part.values.base is data.features[NAME].values
    assert part.fingerprint != data.features[NAME].fingerprint
    mask = np.array([True, False, False, True, False])
    assert data.take_interactions(mask).features[NAME].values[:].tolist() == [[1, 0], [7, 7]]
    assert data.with_interactions(data.interactions).features == {}


def test_training_knows_the_rows_of_training_and_refit_those_of_both() -> None:
    labels = pl.Series("split", ["train", "test", "train", "valid", "train"])
    data = log()
    cut = split(replace(data, interactions=data.interactions.with_column("split", labels)), "as-labelled")
    assert cut.train.item_parts()[NAME].present.tolist() == [True, False, False, False]
    assert cut.train.item_parts()[NAME].values[0].tolist() == [1, 0]
    both = cut.refit().train
    assert both.item_parts()[NAME].present.tolist() == [True, True, False, False]
    assert both.item_parts()[NAME].values[:2].tolist() == [[1, 0], [7, 7]]
    assert len(both.features[NAME]) == 4


def test_joining_tables_of_other_widths_is_refused() -> None:
    data = log()
    other = data.with_features(**{NAME: features_of(np.ones((5, 3)), of="interactions")})
    with pytest.raises(DataError, match="2 numbers of interactions and 3"):
        data.joined(other)


def test_cleaning_keeps_the_rows_together() -> None:
    fresh, _ = clean(log(), min_weight=1.0, user_core=2)
    assert fresh.users.ids == ("ann",)
    assert fresh.item_parts()[NAME].values[fresh.items.code("mug")].tolist() == [1, 0]
    fresh, _ = clean(log(), min_weight=1.0)
    assert fresh.features[NAME].present.tolist() == [True, True, False, False]
    assert fresh.features[NAME].values[1].tolist() == [0, 4]


def test_the_folder_brings_back_the_rows_mapped(tmp_path: Path) -> None:
    data = log()
    save(data, tmp_path / "ds")
    again = load(tmp_path / "ds")
    assert again.fingerprint == data.fingerprint
    part = again.features[NAME]
    assert isinstance(part.values, LazyRows)
    assert isinstance(part.values.base, np.memmap)
    np.testing.assert_array_equal(part.values[part.present], data.features[NAME].values[part.present])
    assert not (tmp_path / "ds" / "features" / NAME / "ids.parquet").exists()
    less = again.take_interactions(np.array([1, 3]))
    save(less, tmp_path / "ds")  # over the file that is mapped
    assert load(tmp_path / "ds").features[NAME].values[:].tolist() == [[0, 4], [7, 7]]


def other(data: Dataset, **changes: object) -> Interactions:
    return replace(data.interactions, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", ["order", "text", "user", "more"])
def test_a_part_of_another_log_is_refused(tmp_path: Path, change: str) -> None:
    data = log()
    save(data, tmp_path / "ds")
    rows = {
        "order": [ROWS[1], ROWS[0], *ROWS[2:]],
        "text": [("ann", "mug", 5, "changed", [1.0, 0.0]), *ROWS[1:]],
        "user": [("bob", "mug", 5, "good", [1.0, 0.0]), *ROWS[1:]],
        "more": [*ROWS, ("cat", "mug", 1, "late", [0.0, 0.0])],
    }[change]
    save(replace(log(rows), features={}), tmp_path / "other")
    (tmp_path / "other" / "interactions.parquet").replace(tmp_path / "ds" / "interactions.parquet")
    with pytest.raises(StoreError, match=r"made for other interactions.*--of interactions --column text="):
        load(tmp_path / "ds")
    assert load(tmp_path / "ds", stale=True).features == {}


def test_a_split_changes_no_row(tmp_path: Path) -> None:
    save(log(), tmp_path / "ds")
    save_split(tmp_path / "ds", pl.Series("split", ["train", "test", "train", "valid", "train"]))
    assert load(tmp_path / "ds").features[NAME].present.sum() == 3


def test_a_cut_file_is_told(tmp_path: Path) -> None:
    save(log(), tmp_path / "ds")
    file = tmp_path / "ds" / "features" / NAME / "values.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(StoreError, match="could not be read"):
        load(tmp_path / "ds")


def test_lazy_rows_behave_as_the_array() -> None:
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    lazy = LazyRows(values)
    for key in (2, slice(1, 3), np.array([3, 0]), np.array([True, False, True, False]), (slice(0, 2), 1), (2, 1)):
        np.testing.assert_array_equal(lazy[key], values[key])
    np.testing.assert_array_equal(np.asarray(lazy), values)
    np.testing.assert_array_equal(np.stack(list(lazy)), values)
    again = lazy.take(np.array([3, -1])).take(np.array([1, 0, -1]))
    assert again[:].tolist() == [[0, 0, 0], [9, 10, 11], [0, 0, 0]]
    assert lazy.take(np.array([], np.int64)).shape == (0, 3)
    assert LazyRows(np.zeros((0, 3), np.float32)).take(np.array([-1, -1]))[:].tolist() == [[0, 0, 0]] * 2


def test_rows_that_are_not_numbers_are_told_when_they_are_read() -> None:
    values = LazyRows(np.full((5, 2), np.nan, np.float32))
    bad = FeatureTable(values, np.ones(5, bool), "bad", "interactions")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="NaN or infinite"):
        pooled(log().with_features(**{NAME: bad}), NAME)
