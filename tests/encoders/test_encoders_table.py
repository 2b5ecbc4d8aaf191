"""`table`: columns learned from a catalogue, whose numbers can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import palate
from palate.cli import main
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders import BrokenInput
from palate.encoders.table import Table


def vectors(encoder: Table, rows: list[dict[str, object]]) -> np.ndarray:
    values, present = encoder.encode([encoder.decode(row) for row in rows])
    assert present.all()
    return values


def fitted(rows: list[dict[str, object]], **settings: object) -> Table:
    return Table(**settings).fit([json.dumps(row) for row in rows])


def test_numbers_are_standardised_and_a_missing_one_is_the_mean() -> None:
    rows: list[dict[str, object]] = [{"a": value, "b": 1} for value in (1, 2, 3, 4, 5)]
    encoder = fitted(rows)
    values = vectors(encoder, [*rows, {"a": None, "b": 1}, {"a": 1e9, "b": 1}])
    assert values[:5, 0].mean() == pytest.approx(0, abs=1e-6)
    assert values[:5, 0].std() == pytest.approx(1, abs=1e-6)
    assert values[5, 0] == 0
    assert values[6, 0] < values[4, 0] + 0.01  # cut at the 99th percentile
    assert (values[:, 1] == 0).all()  # a column that says nothing


def test_a_heavy_tail_is_seen_by_its_logarithm() -> None:
    prices = np.exp(np.random.default_rng(0).normal(3, 1.5, 500))
    encoder = fitted([{"price": price} for price in prices])
    values = vectors(encoder, [{"price": price} for price in (5, 20, 80)])[:, 0]
    assert encoder.columns[0].unit == pytest.approx(np.median(prices))
    assert 0.5 < (values[2] - values[1]) / (values[1] - values[0]) < 2  # on the scale of prices it would be 4
    assert fitted([{"x": value} for value in range(100)]).columns[0].unit == 0


def test_categories_several_values_and_the_rest() -> None:
    rows = [{"tags": tags} for tags in ("red|tea", "red", "tea", "odd", "strange")]
    encoder = fitted(rows)
    (column,) = encoder.columns
    assert (column.values, column.rest, encoder.dim) == (("red", "tea"), True, 3)
    both, red, tea, odd, strange = vectors(encoder, rows)
    np.testing.assert_allclose(odd, strange)
    np.testing.assert_allclose(vectors(encoder, [{"tags": "never seen"}])[0], odd)
    np.testing.assert_allclose((both - tea)[1], 0, atol=1e-6)
    assert np.linalg.norm(red - tea) > 1
    assert np.stack([both, red, tea, odd, strange]).var(axis=0).sum() == pytest.approx(1, abs=1e-5)


def test_lists_of_categories_are_read_however_they_came() -> None:
    events = pl.DataFrame({"user_id": ["u"], "item_id": ["a"]})
    lists = [["drama", "crime"], ["crime"], ["drama"], ["crime", "drama"]]
    made = []
    for cells in (lists, *([mark.join(cell) for cell in lists] for mark in ("|", ", ", ";"))):
        items = pl.DataFrame({"item_id": list("abcd"), "genre": cells})
        data = palate.from_frames(events, items, types={"genre": "category"})
        made.append(palate.encode(data, table="table").features["table"].values)
        np.testing.assert_array_equal(made[-1], made[0])
    np.testing.assert_array_equal(made[0][0], made[0][3])
    assert made[0].shape == (4, 2)


def test_dates_go_round_the_year_and_the_week() -> None:
    days = ["2025-01-01", "2025-04-02", "2025-07-02", "2025-10-01", "2025-12-31T10:00:00", "2026-12-30"]
    encoder = fitted([{"since": day} for day in days])
    values = vectors(encoder, [{"since": day} for day in days])[:, [1, 3]]  # place in the year
    near, far = np.linalg.norm(values[0] - values[4]), np.linalg.norm(values[0] - values[2])
    assert encoder.columns[0].kind == "date"
    assert near < 0.05 * far
    times = vectors(encoder, [{"since": day} for day in days])[:, 0]
    assert (np.diff(times) > 0).all()


def test_a_day_far_from_all_others_does_not_make_them_one() -> None:
    years = [f"{year}-06-01" for year in range(2000, 2026)]
    encoder = fitted([{"since": day} for day in [*years * 8, "9999-12-31"]])
    first, last, never = vectors(encoder, [{"since": day} for day in ("2000-06-01", "2025-06-01", "9999-12-31")])[:, 0]
    assert last - first > 1
    assert never == pytest.approx(last, abs=0.1)


def test_rows_are_missing_broken_or_unknown() -> None:
    encoder = fitted([{"a": 1, "day": "2025-01-01"}, {"a": 2, "day": "2025-03-01"}])
    assert encoder.decode({"a": None, "day": " "}) is None
    for row, reason in (({"a": "cheap"}, "number"), ({"day": "soon"}, "day"), ({"a": {"b": 1}}, "dict")):
        with pytest.raises(BrokenInput, match=reason):
            encoder.decode(row)
    with pytest.raises(BrokenInput, match="no JSON object"):
        encoder.decode("a=1")
    assert encoder.encode([encoder.decode({"other": 1})])[1].tolist() == [False]
    with pytest.raises(DataError, match="'b', and no row has a value"):
        Table(columns=("b",)).fit(['{"a": 1}'])
    with pytest.raises(DataError, match="fit it"):
        Table().decode({"a": 1})


def test_a_catalogue_has_one_part_of_all_its_plain_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pl.DataFrame(
        {
            "item_id": ["a", "b", "c", "d"],
            "title": ["x", "y", "z", "w"],
            "price": [1.0, 2.0, None, None],
            "kind": ["mug", "mug", "lamp", None],
            "since": ["2025-01-01", None, "2025-02-01", None],
            "lat": [48.85, 48.86, 31.2, None],
            "lon": [2.35, 2.34, 121.5, 0.0],
        }
    )
    types = {"title": "text", "price": "number", "kind": "category", "since": "date", "lat": "number", "lon": "number"}
    data = Dataset(IdMap([]), IdMap("abcd"), Interactions.empty(), Catalogue(table, types))
    save(data, tmp_path / "ds")
    with pytest.raises(SystemExit) as left:
        main(["encode", str(tmp_path / "ds"), "--table", "table", "--geo", "geo", "--json"])
    assert left.value.code == 0
    rows = {row["part"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert (rows["table"]["present"], rows["geo"]["present"]) == (4, 3)
    part = load(tmp_path / "ds").features["geo"]
    likeness = part.values @ part.values.T
    assert likeness[0, 1] > 0.7 > 0.4 > likeness[0, 2]
    some = palate.encode(data, table=Table(columns=("price", "kind"))).features["table"]
    assert some.present.tolist() == [True, True, True, False]
    with pytest.raises(SystemExit):
        main(["encode", str(tmp_path / "ds"), "--table", "table", "--set", "table.columns=price, kind", "--json"])
    assert json.loads(capsys.readouterr().out)["rows"][0]["present"] == 3
    for column, encoder, part in (("price", "table", "table"), ("lat", "geo", "geo")):
        with pytest.raises(DataError, match=f"reads columns of a row together, which make the part '{part}'"):
            palate.encode(data, **{column: encoder})
    with pytest.raises(DataError, match="no column 'table'"):
        palate.encode(Dataset(IdMap([]), IdMap("abcd"), Interactions.empty(), Catalogue(table, {})), table="table")


def test_one_odd_cell_does_not_change_what_a_column_is() -> None:
    for values, odd in (([f"2026-01-{day:02d}" for day in range(1, 29)], "unknown"), (list(range(28)), "n/a")):
        encoder = fitted([{"x": value} for value in [*values, odd]])
        alone = fitted([{"x": value} for value in values])
        assert encoder.columns == alone.columns
        assert (np.ptp(vectors(encoder, [{"x": value} for value in values]), axis=0) > 0).all()
        with pytest.raises(BrokenInput, match=f"'x' is '{odd}'"):
            encoder.decode({"x": odd})


def test_columns_that_tell_no_rows_apart_are_refused() -> None:
    for rows in ([{"a": 1, "b": "x"}] * 3, [{"day": f"{day:02d}/01/2026"} for day in range(1, 29)], [{"a": 1}]):
        with pytest.raises(DataError, match="learns from what differs between rows"):
            fitted(rows)
    both = fitted([{"a": 1, "b": value} for value in (1, 2, 3)])
    assert vectors(both, [{"a": 5, "b": 3}])[0, 0] == 0  # of a column that says nothing


def test_an_import_tells_of_dates_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "items.csv").write_text("item_id,since\na,31/01/2026\nb,2026-01-31\nc,unknown\n")
    (tmp_path / "events.csv").write_text("user_id,item_id\nu,a\nu,b\n")
    tables = ["--items", "items.csv", "--interactions", "events.csv", "--date", "since"]
    with pytest.raises(SystemExit) as left:
        main(["data", "import", "table", str(tmp_path), str(tmp_path / "ds"), *tables])
    assert left.value.code == 0
    assert "2 values of 'since' are no days as 2026-01-31" in " ".join(capsys.readouterr().out.split())
