"""What every importer must do; one that a plugin adds is held to the same."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.data import folder, quarantine
from palate.data.sources import Report, registry


def _table(place: Path) -> None:
    (place / "events.csv").write_text(
        "user,item,rating\n" + "".join(f"{n % 5},{n % 4},{n % 3}\n" for n in range(20)) + ",9,1\n"
    )
    (place / "items.csv").write_text("item,title\n0,zero\n1,one\n2,\n3,three\n")


def _movielens(place: Path) -> None:
    (place / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n1,10,4.0,964982703\n1,20,nan,964982703\n2,10,1.0,964982709\n"
    )
    (place / "movies.csv").write_text("movieId,title,genres\n10,Ten (1999),Drama\n20,Twenty,Comedy\n")


def _mmrec(place: Path) -> None:
    (place / "x.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n0\t1\t2\n1\t1\t0\n\t1\t0\n")
    np.save(place / "image_feat.npy", np.eye(2, 3, dtype=np.float32))


def _recbole(place: Path) -> None:
    (place / "x.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t10\t5\t978300760\n2\t20\t3\t978302109\n\t20\t3\t1\n"
    )
    (place / "x.item").write_text("item_id:token\tmovie_title:token_seq\n10\tToy Story\n20\tHeat\n")


def _amazon(place: Path) -> None:
    review = '{"user_id": "U%d", "parent_asin": "B%d", "rating": 5.0, "title": "Good", "text": "Yes", "timestamp": 1588687728923}\n'
    (place / "Toys.jsonl").write_text(review % (1, 1) + review % (2, 1) + '{"user_id": "U3", "rat\n')
    (place / "meta_Toys.jsonl").write_text(
        '{"parent_asin": "B1", "title": "A ball", "price": 3.5, "main_category": "Toys"}\n'
    )


def _yelp(place: Path) -> None:
    (place / "yelp_academic_dataset_business.json").write_text('{"business_id": "b", "name": "Garaje", "stars": 4.5}\n')
    (place / "yelp_academic_dataset_review.json").write_text(
        '{"user_id": "u", "business_id": "b", "stars": 4, "date": "2016-03-09 12:10:04", "text": "Great"}\n'
        '{"user_id": "u", "business_id": "b", "stars": "many", "date": "2016-03-09 12:10:04", "text": "Great"}\n'
    )


SAMPLES = {
    "table": _table, "movielens": _movielens, "mmrec": _mmrec, "recbole": _recbole, "amazon": _amazon, "yelp": _yelp,
}  # fmt: skip
"""A new source adds a small sample with one row that cannot be used."""


@pytest.fixture(params=registry.names())
def source(request, tmp_path):
    """The source and a folder in its format."""
    place = tmp_path / "src"
    place.mkdir()
    SAMPLES[request.param](place)
    return registry.get(request.param)(), place


def test_it_writes_a_dataset_and_tells_what_it_did(source, tmp_path):
    kind, src = source
    report = kind.read(src, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert isinstance(report, Report)
    assert (report.users, report.items, report.interactions) == (
        len(data.users),
        len(data.items),
        len(data.interactions),
    )
    assert data.catalogue.table["item_id"].to_list() == list(data.items)
    assert json.loads(json.dumps(report.as_dict()))["name"] == data.name


def test_nothing_is_dropped_silently(source, tmp_path):
    kind, src = source
    report = kind.read(src, tmp_path / "ds")
    rows = quarantine.read(tmp_path / "ds")
    assert sum(report.rejected.values()) == rows.height == 1
    assert rows["step"].to_list() == ["import"]
    assert rows["reason"].null_count() == rows["place"].null_count() == 0


def test_importing_twice_gives_the_same(source, tmp_path):
    kind, src = source
    kind.read(src, tmp_path / "a")
    kind.read(src, tmp_path / "b")
    kind.read(src, tmp_path / "b")
    assert folder.load(tmp_path / "a").fingerprint == folder.load(tmp_path / "b").fingerprint


def test_the_dataset_lives_without_its_source(source, tmp_path):
    kind, src = source
    kind.read(src, tmp_path / "ds")
    before = folder.load(tmp_path / "ds").fingerprint
    shutil.rmtree(src)
    assert folder.load(tmp_path / "ds").fingerprint == before


def test_it_refuses_what_is_not_there_and_what_is_not_its_to_replace(source, tmp_path):
    kind, src = source
    with pytest.raises(DataError, match="no file or folder"):
        kind.read(tmp_path / "nowhere", tmp_path / "ds")
    with pytest.raises(DataError, match="something other than a dataset"):
        kind.read(src, src)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        kind.read(tmp_path / "empty", tmp_path / "ds")
    assert not (tmp_path / "ds").exists()


def test_what_it_expects_is_what_it_reads(source, tmp_path):
    kind, _ = source
    assert kind.expects
    for layout in {file.layout for file in kind.expects if not file.file.endswith("/")}:
        place = tmp_path / f"layout{layout}"
        place.mkdir()
        for file in kind.expects:
            if file.layout != layout or not file.example or file.file.endswith("/"):
                continue
            text = "".join(f"{line}\n" for line in (file.header, file.example) if line).encode()
            path = place / file.file.replace("NAME", "x").replace("CATEGORY", "Toys")
            path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
        report = kind.read(place, tmp_path / "ds")
        assert report.interactions == 1
        assert set(report.rejected) <= {
            "the image was left out: there is no such file",
            "movies.csv has no film of this id",
        }


def test_it_knows_its_own_and_no_other(source, tmp_path):
    kind, src = source
    if kind.name != "table":  # anything may be a table
        assert kind.recognise(src)
    for name, write in SAMPLES.items():
        if name != kind.name:
            (tmp_path / name).mkdir()
            write(tmp_path / name)
            assert kind.recognise(tmp_path / name) == ""


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "table"])
def test_another_source_points_to_it(source, name, tmp_path):
    kind, _ = source
    (tmp_path / "other").mkdir()
    SAMPLES[name](tmp_path / "other")
    if kind.name == name or (kind.name, name) == ("table", "movielens"):
        pytest.skip("it reads this")
    with pytest.raises(DataError, match=f"this looks like .*: use 'palate data import {name}'"):
        kind.read(tmp_path / "other", tmp_path / "ds")


def test_its_first_line_says_what_it_reads(source):
    summaries = {row["name"]: row["summary"] for row in registry.summaries()}
    assert len(summaries[source[0].name]) > 20
