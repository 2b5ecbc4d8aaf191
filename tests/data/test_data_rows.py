import datetime as dt
import time

import numpy as np
import polars as pl
import pytest

from palate.core.errors import DataError
from palate.data.rows import find_columns, id_text, typed_rows, unix_seconds


def rows_of(**columns):
    raw = pl.DataFrame(columns, strict=False)
    return typed_rows(raw, find_columns(raw, {}, "events", ("user", "item")), "events")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, 2], ["1", "2"]),
        ([1.0, float("nan"), 3.0], ["1", None, "3"]),
        ([1.5, None], ["1.5", None]),
        (["01", " ", "", "x y"], ["01", None, None, "x y"]),
        (["7.0", "8.0"], ["7", "8"]),
        (["7.0", "b"], ["7.0", "b"]),
        ([2**53, 1], ["9007199254740992", "1"]),
    ],
)
def test_ids_become_text_exactly(given, expected):
    assert id_text(pl.Series(given))[0].to_list() == expected


@pytest.mark.parametrize(
    "given",
    [
        [1_700_000_000, 1_700_000_001],
        [1_700_000_000_000, 1_700_000_001_000],
        [1_700_000_000_000_000, 1_700_000_001_000_000],
        [1_700_000_000_000_000_000, 1_700_000_001_000_000_000],
        ["1700000000", "1700000001"],
        ["1700000000000.0", "1700000001000.0"],
        ["2023-11-14 22:13:20", "2023-11-14 22:13:21"],
        ["2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z"],
        ["2023-11-14T23:13:20+01:00", "2023-11-14T23:13:21+01:00"],
        [dt.datetime(2023, 11, 14, 22, 13, 20), dt.datetime(2023, 11, 14, 22, 13, 21)],
        [
            dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC),
            dt.datetime(2023, 11, 14, 22, 13, 21, tzinfo=dt.UTC),
        ],
    ],
)
def test_times_become_unix_seconds(given):
    assert unix_seconds(pl.Series(given))[0].to_list() == [1_700_000_000, 1_700_000_001]


def test_days_become_their_midnight():
    assert unix_seconds(pl.Series(["2023-11-14", "1970-01-02"]))[0].to_list() == [1_699_920_000, 86_400]


def test_milliseconds_are_told():
    assert "milliseconds" in unix_seconds(pl.Series([1_700_000_000_000]), "ts")[1][0]
    assert unix_seconds(pl.Series([1_700_000_000]), "ts")[1] == []


def test_each_bad_row_is_set_aside_with_its_reason():
    found = rows_of(
        user=["a", None, "a", "a", "a", "a", "a", "a", "a"],
        item=["x", "x", "", "x", "x", "x", "x", "x", "x"],
        rating=["5", "1", "1", "nan", "inf", "many", "1", "1", "0"],
        timestamp=["10", "10", "10", "10", "10", "10", "-1", str(int(time.time()) + 10**8), "10"],
    )
    assert found.rejected["reason"].to_list() == [
        "the user id is missing",
        "the item id is missing",
        "the weight is missing",
        "the weight is infinite",
        "the weight is not a number",
        "the time is before 1970",
        "the time is in the future",
    ]
    assert found.rejected["row"].to_list() == [2, 3, 4, 5, 6, 7, 8]
    assert found.rejected["value"].to_list()[4] == "many"
    assert found.table["weight"].to_list() == [5.0, 0.0]


def test_times_that_cannot_be_read_and_missing_ones_are_set_aside():
    found = rows_of(user=["a"] * 4, item=["x"] * 4, timestamp=["100", "soon", None, "200"])
    assert found.rejected["reason"].to_list() == ["the time cannot be read", "the time is missing"]


def test_a_column_of_missing_times_is_no_column():
    assert "timestamp" not in rows_of(user=["a"], item=["x"], timestamp=pl.Series([None], dtype=pl.Int64)).table.columns


def test_without_weights_each_row_weighs_one():
    assert rows_of(user=[1, 2], item=[3, 4]).table["weight"].to_list() == [1.0, 1.0]


def test_split_names_are_brought_into_one_form():
    found = rows_of(user=["a"] * 6, item=["x"] * 6, x_label=["0", "1", "2", "Train", "dev", "holdout"])
    assert found.table["split"].to_list() == ["train", "valid", "test", "train", "valid"]
    assert found.rejected["reason"].to_list() == ["the split is none of train, valid, test"]


def test_a_weight_too_large_for_a_float_is_infinite():
    assert rows_of(user=["a"], item=["x"], weight=[1e300]).rejected["reason"].to_list() == ["the weight is infinite"]


def test_columns_are_found_by_their_usual_names():
    raw = pl.DataFrame(
        {"visitorId": [1], "Product ID": [2], "overall": [3], "unixReviewTime": [4], "event_type": ["x"]}
    )
    assert find_columns(raw, {}, "events", ("user", "item")) == {
        "user": "visitorId", "item": "Product ID", "weight": "overall", "timestamp": "unixReviewTime", "kind": "event_type",
    }  # fmt: skip


def test_a_column_that_is_not_there_is_told_with_the_nearest():
    raw = pl.DataFrame({"visitor": [1], "sku": [2]})
    with pytest.raises(DataError, match="did you mean 'visitor'"):
        find_columns(raw, {"user": "visitr"}, "events.csv", ("user", "item"))
    with pytest.raises(DataError, match="no role 'usr'"):
        find_columns(raw, {"usr": "visitor"}, "events.csv", ())
    with pytest.raises(DataError, match=r"no column for the user .* --column user=NAME"):
        find_columns(pl.DataFrame({"a": [1], "item": [1]}), {}, "events.csv", ("user", "item"))


def test_dates_of_parquet_in_another_zone_are_utc():
    zoned = pl.Series([dt.datetime(2024, 1, 1, 8)]).dt.replace_time_zone("Asia/Shanghai")
    assert unix_seconds(zoned)[0].to_list() == [int(np.datetime64("2024-01-01T00:00:00").astype(int))]


def test_an_empty_text_of_an_interaction_is_missing() -> None:
    raw = pl.DataFrame({"user": ["a"] * 4, "item": list("wxyz"), "text": ["good", "", " \n", None]})
    rows = typed_rows(raw, {"user": "user", "item": "item", "text": "text"}, "events")
    assert rows.table["text"].to_list() == ["good", None, None, None]
