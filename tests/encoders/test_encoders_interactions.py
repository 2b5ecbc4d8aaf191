"""Encoding columns of users and of interactions: each content once, resumable, little of it in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from slow_encoder import Letters, Nothing

from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.types import Floats
from palate.data import quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save, save_split
from palate.data.interactions import Interactions
from palate.data.lazy import LazyRows
from palate.data.split import split
from palate.encoders import Encoder
from palate.encoders.pipeline import columns, encode, encode_columns

NAME = "interactions.text"


def reviews(texts: Sequence[str | None], users: int = 5, items: int = 7) -> Dataset:
    n = len(texts)
    who, what = (np.arange(n) % users).astype(np.int32), (np.arange(n) // users % items).astype(np.int32)
    extra = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    ids = IdMap(f"i{code}" for code in range(items))
    return Dataset(
        IdMap(f"u{code}" for code in range(users)),
        ids,
        Interactions(who, what, np.ones(n, np.float32), None, extra),
        Catalogue(pl.DataFrame({"item_id": ids.series, "text": ["an item"] * items}), {"text": "text"}),
    )


def stored(data: Dataset, folder: Path) -> Dataset:
    save(data, folder)
    return load(folder)


TEXTS = ["good", None, "bad", " ", "good", "a broken one", "fine", "bad", "good"]


def test_equal_reviews_are_encoded_once_and_rows_stay_in_place(tmp_path: Path) -> None:
    for data in (reviews(TEXTS), stored(reviews(TEXTS), tmp_path / "ds")):
        data, (done,) = encode_columns(data, {"text": Letters()}, "interactions")
        part = data.features[NAME]
        assert (done.part, done.rows, done.present, done.computed, done.reused) == (NAME, 9, 6, 3, 3)
        assert part.present.tolist() == [True, False, True, False, True, False, True, True, True]
        assert done.quarantined == 1
        np.testing.assert_array_equal(part.values[0], part.values[4])
        np.testing.assert_array_equal(part.values[2], part.values[7])
        assert (part.values[0] != part.values[2]).any()
        assert isinstance(part.values, LazyRows)
    told = quarantine.read(tmp_path / "ds").row(0, named=True)
    assert (told["step"], told["place"], told["row"], told["id"]) == (f"encode:{NAME}", NAME, 6, "u0 → i1")
    again, (done,) = encode_columns(load(tmp_path / "ds"), {"text": Letters()}, "interactions")
    assert (done.computed, done.quarantined) == (0, 1)
    np.testing.assert_array_equal(again.features[NAME].values[:], part.values[:])


def test_the_columns_of_items_and_interactions_have_parts_of_their_own(tmp_path: Path) -> None:
    data = stored(reviews(TEXTS), tmp_path / "ds")
    data = encode(encode(data, text=Letters()), of="interactions", text=Letters())
    assert sorted(data.features) == [NAME, "text"]
    assert sorted(load(tmp_path / "ds").features) == [NAME, "text"]


def test_a_longer_log_takes_over_what_was_encoded(tmp_path: Path) -> None:
    encode(stored(reviews(TEXTS), tmp_path / "ds"), of="interactions", text=Letters())
    longer = stored(reviews(["new", *TEXTS, "newer"]), tmp_path / "longer")
    (tmp_path / "longer" / "interactions.parquet").replace(tmp_path / "ds" / "interactions.parquet")
    data = load(tmp_path / "ds", stale=True)
    data, (done,) = encode_columns(data, {"text": Letters()}, "interactions")
    assert (done.rows, done.computed) == (11, 2)
    fresh = encode(longer, of="interactions", text=Letters()).features[NAME]
    np.testing.assert_array_equal(data.features[NAME].present, fresh.present)
    assert load(tmp_path / "ds").features[NAME].present.tolist() == fresh.present.tolist()


def test_a_stopped_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "FLUSH_SECONDS", 0.0)
    texts = [f"review number {number} {'abc'[number % 3] * number}" for number in range(60)]

    class Stops(Letters):
        calls = 0

        def _encode(self, batch: Any) -> Any:
            type(self).calls += 1
            if self.calls == 9:
                raise KeyboardInterrupt
            return super()._encode(batch)

    data = stored(reviews(texts), tmp_path / "ds")
    with pytest.raises(KeyboardInterrupt):
        encode(data, of="interactions", text=Stops())
    assert load(tmp_path / "ds").features == {}
    left, (done,) = encode_columns(load(tmp_path / "ds"), {"text": Stops()}, "interactions")
    assert 0 < done.computed < 60
    assert left.features[NAME].present.all()
    assert not (tmp_path / "ds" / "features" / ".partial").exists()


def test_what_learns_needs_to_know_which_rows_are_for_training(tmp_path: Path) -> None:
    texts = ["good tea", "bad tea", "good lamp", "bad lamp", "secret word", "good tea"] * 4
    data = stored(reviews(texts, 4, 6), tmp_path / "ds")
    with pytest.raises(DataError, match=r"'tf-idf' would learn from every interaction.*palate data split"):
        encode(data, of="interactions", text="tf-idf")
    labels = ["test" if text == "secret word" else "train" for text in texts]
    save_split(tmp_path / "ds", pl.Series("split", labels))
    data = encode(load(tmp_path / "ds"), of="interactions", text="tf-idf")
    reference = data.features[NAME].encoder
    assert reference is not None
    assert "secret" not in reference.state.meta["terms"]
    assert {"good", "lamp"} <= set(reference.state.meta["terms"])
    with pytest.raises(DataError, match="cut with as-labelled"):
        split(data, "random-per-user")
    assert split(data, "as-labelled").train.item_parts()[NAME].present.any()
    save_split(tmp_path / "ds", pl.Series("split", labels[::-1]))
    assert load(tmp_path / "ds", stale=True).features == {}
    _, (done,) = encode_columns(load(tmp_path / "ds", stale=True), {"text": "tf-idf"}, "interactions")
    assert done.computed > 0


def test_users_have_parts_too(tmp_path: Path) -> None:
    data = reviews(TEXTS)
    people = pl.DataFrame({"user_id": data.users.series, "about": ["tea", None, "lamps", "tea", "mugs"]})
    data = stored(replace(data, people=Catalogue(people, {"about": "text"})), tmp_path / "ds")
    data, (done,) = encode_columns(data, {"about": Letters()}, "users")
    assert (done.part, done.present, done.computed) == ("users.about", 4, 3)
    part = load(tmp_path / "ds").user_parts()["users.about"]
    assert (part.of, part.present.tolist()) == ("users", [True, False, True, True, True])
    with pytest.raises(DataError, match="no column 'abut'"):
        encode(data, of="users", abut=Letters())


def test_a_part_of_something_else_is_not_overwritten() -> None:
    data = reviews(TEXTS)
    table = data.catalogue.table.with_columns(pl.col("text").alias(NAME))
    data = encode(replace(data, catalogue=Catalogue(table, {NAME: "text"})), **{NAME: Letters()})
    with pytest.raises(DataError, match=r"'interactions\.text' is of items"):
        encode(data, of="interactions", text=Letters())


def test_a_cleaned_log_is_not_encoded_again(tmp_path: Path) -> None:
    data = encode(stored(reviews(TEXTS), tmp_path / "ds"), of="interactions", text=Letters())
    fresh = stored(data.take_interactions(np.array([8, 2, 1, 0])), tmp_path / "less")
    assert fresh.features[NAME].present.tolist() == [True, True, False, True]
    again, (done,) = encode_columns(fresh, {"text": Letters()}, "interactions")
    assert (done.computed, done.present) == (0, 3)
    np.testing.assert_array_equal(again.features[NAME].values[:], fresh.features[NAME].values[:])


def test_a_cut_of_the_log_leaves_the_part_of_the_folder_alone(tmp_path: Path) -> None:
    data = encode(stored(reviews(TEXTS), tmp_path / "ds"), of="interactions", text=Letters())
    some = encode(data.take_interactions(np.array([2, 0])), of="interactions", text=Letters())
    assert some.features[NAME].present.tolist() == [True, True]
    mixed = encode(data.take_interactions(np.arange(9)[::-1]), of="interactions", text=Letters())
    assert mixed.features[NAME].present.tolist() == data.features[NAME].present.tolist()[::-1]
    assert load(tmp_path / "ds").features[NAME].present.tolist() == data.features[NAME].present.tolist()


class Wide(Encoder[Nothing]):
    """Many numbers a text, at no cost."""

    name = "wide"
    modality = "text"
    config_type = Nothing
    batch = 512
    dim = 512  # type: ignore[assignment]

    def decode(self, raw: Any) -> int:
        return int(str(raw).split()[1])

    def _encode(self, batch: Sequence[int]) -> Floats:
        return np.repeat(np.array(batch, np.float32)[:, None], 512, axis=1)


def test_vectors_of_a_long_log_do_not_stand_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "FLUSH_SECONDS", 0.0)
    n = 40_000  # 82 MB of vectors
    data = stored(reviews([f"review {number}" for number in range(n)], 50, 40), tmp_path / "ds")
    tracemalloc.start()
    data = encode(data, of="interactions", text=Wide())
    cut = split(data, "random-per-user")
    part = cut.train.item_parts()[NAME]
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    rows = cut.train.interactions.take(cut.train.interactions.item == 0)
    text = rows.column("text")
    assert text is not None
    expected = np.mean([int(value.split()[1]) for value in text])
    assert part.values[0, 0] == pytest.approx(expected, rel=1e-5)
    assert peak < 50, f"{peak:.0f} MB"
