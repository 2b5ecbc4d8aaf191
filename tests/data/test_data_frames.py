import numpy as np
import pandas as pd
import polars as pl
import pytest

from palate.core.errors import DataError
from palate.data.frames import from_frames, to_polars

EVENTS = {"userId": [7, 7, 8], "movieId": [1, 2, 1], "rating": [4.0, 0.0, -1.0], "timestamp": [30, 10, 20]}
ITEMS = {"movieId": [2, 1, 3], "title": ["two", "one", None], "price": [1.5, np.nan, 3.0]}


@pytest.mark.parametrize("make", [pd.DataFrame, lambda columns: pl.DataFrame(columns, nan_to_null=True)])
def test_pandas_and_polars_give_the_same_dataset(make):
    data = from_frames(make(EVENTS), make(ITEMS), types={"title": "text"})
    assert data.users.ids == ("7", "8")
    assert data.items.ids == ("2", "1", "3")
    assert data.interactions.weight.tolist() == [4.0, 0.0, -1.0]
    assert data.liked_rows.tolist() == [True, False, False]
    assert data.catalogue.table["price"].to_list() == [1.5, None, 3.0]
    assert data.catalogue.types == {"title": "text", "price": "number"}
    assert (
        data.fingerprint == from_frames(pl.DataFrame(EVENTS), pl.DataFrame(ITEMS), types={"title": "text"}).fingerprint
    )


def test_pandas_columns_of_every_kind():
    frame = pd.DataFrame(
        {
            "whole": pd.Series([1, None, 3], dtype="Int64"),
            "holes": [1.0, np.nan, 3.0],
            "mixed": pd.Series([1, 2.0, "x"], dtype=object),
            "kind": pd.Categorical(["a", None, "b"]),
            "when": pd.to_datetime(["2024-01-01", None, "2024-01-02"]),
            "zoned": pd.to_datetime(["2024-01-01T08:00+08:00"] * 3),
            "yes": [True, False, True],
            "text": pd.Series(["a", None, "c"], dtype="string"),
        }
    )
    table = to_polars(frame)
    assert table["whole"].to_list() == [1, None, 3]
    assert table["mixed"].to_list() == ["1", "2", "x"]
    assert table["kind"].to_list() == ["a", None, "b"]
    assert table["when"].dt.epoch("s").to_list() == [1704067200, None, 1704153600]
    assert table["zoned"].dt.epoch("s").to_list() == [1704067200] * 3
    assert table["yes"].to_list() == [True, False, True]
    assert table["text"].to_list() == ["a", None, "c"]


def test_ids_of_a_pandas_column_with_holes_have_no_point():
    events = pd.DataFrame({"user": [1.0, np.nan], "item": ["a", "b"]})
    with pytest.warns(UserWarning, match="1 rows cannot be used: the user id is missing"):
        data = from_frames(events, bad_rows="drop")
    assert data.users.ids == ("1",)


def test_bad_rows_are_refused_and_counted():
    events = pl.DataFrame({"user": ["a", "b", None], "item": ["x", "y", "z"], "weight": [float("nan"), 1.0, 1.0]})
    with pytest.raises(DataError, match=r"2 rows cannot be used: .*the first is row 1 of interactions; mend them"):
        from_frames(events)


def test_items_met_but_not_listed_are_kept():
    data = from_frames(pl.DataFrame(EVENTS), pl.DataFrame({"item": [2], "title": ["two"]}))
    assert data.items.ids == ("2", "1")
    assert data.catalogue.table["title"].to_list() == ["two", None]


def test_a_catalogue_alone_is_a_dataset():
    data = from_frames(None, pl.DataFrame({"id": ["a", "b"], "title": ["x", "y"]}), types={"title": "text"})
    assert (data.items.ids, len(data.interactions), len(data.users)) == (("a", "b"), 0, 0)


def test_absolute_media_paths_become_relative(tmp_path):
    items = pl.DataFrame({"item": ["a", "b"], "photo": [str(tmp_path / "p" / "a.jpg"), str(tmp_path / "q" / "b.jpg")]})
    data = from_frames(None, items, types={"photo": "image"})
    assert data.catalogue.root == tmp_path
    assert data.catalogue.media_path(0, "photo") == tmp_path / "p" / "a.jpg"
    with pytest.raises(DataError, match="lies outside"):
        from_frames(None, items, types={"photo": "image"}, media_root=tmp_path / "p")


def test_what_is_no_frame_or_no_column_is_told():
    with pytest.raises(DataError, match="given as a list"):
        from_frames([1, 2])
    with pytest.raises(DataError, match="no table"):
        from_frames()
    with pytest.raises(DataError, match="did you mean 'title'"):
        from_frames(pl.DataFrame(EVENTS), pl.DataFrame(ITEMS), types={"titel": "text"})
    with pytest.raises(DataError, match="no rows"):
        from_frames(pl.DataFrame({"user": [], "item": []}))
    with pytest.raises(DataError, match="write it as weight>=4"):
        from_frames(pl.DataFrame(EVENTS), positive="stars>3")


def test_unusual_names_are_mapped():
    events = pl.DataFrame({"who": ["a"], "what": ["b"], "much": [2]})
    data = from_frames(events, columns={"user": "who", "item": "what", "weight": "much"})
    assert data.interactions.weight.tolist() == [2.0]


def test_a_column_that_is_there_twice_is_refused():
    frame = pd.DataFrame([["ann", 1, 2]], columns=["user", "item", "item"])
    with pytest.raises(DataError, match="has the column 'item' more than once"):
        from_frames(frame)


def test_ids_beside_a_column_that_is_called_as_they_will_be():
    items = pd.DataFrame({"sku": [1, 2], "item_id": ["x", "y"]})
    with pytest.raises(DataError, match="has a column 'item_id' beside the ids in 'sku'"):
        from_frames(pd.DataFrame({"user": ["ann"], "sku": [1]}), items, columns={"item": "sku"})


def test_huge_ids_and_ids_of_bytes():
    events = {"user": [b"\xff", b"b"], "item": pd.array([2**64 - 1, 2], dtype="UInt64")}
    data = from_frames(pd.DataFrame({**events, "user": ["a", "b"]}))
    assert data.items.ids == ("18446744073709551615", "2")
    assert from_frames(pl.DataFrame({"user": events["user"], "item": [1, 2]})).users.ids == ("\\xff", "b")
    assert from_frames(pl.DataFrame({"user": [1e19, 2.0**63], "item": [1, 2]})).users.ids == (
        "10000000000000000000", "9223372036854775808",
    )  # fmt: skip
    with pytest.raises(DataError, match="not Unicode"):
        from_frames(pd.DataFrame({"user": pd.Series(["a\udcff"], dtype=object), "item": [1]}))
