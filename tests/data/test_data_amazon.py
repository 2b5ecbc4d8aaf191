"""Amazon Reviews in its three layouts: fields, pictures, prices, splits, and lines that cannot be used."""

from __future__ import annotations

import gzip
import json

import polars as pl
import pytest
from PIL import Image

from palate.core.errors import DataError
from palate.data import folder, quarantine
from palate.data.sources._amazon_fields import item_rows, pictures
from palate.data.sources.amazon import Amazon

OLD = {
    "reviewerID": "A1",
    "asin": "B000000001",
    "overall": 4.0,
    "unixReviewTime": 1400630400,
    "summary": "Good",
    "reviewText": "Won&rsquo;t break",
}
NEW = {
    "user_id": "A" * 28,
    "parent_asin": "B000000001",
    "asin": "B000000009",
    "rating": 2,
    "timestamp": 1588687728923,
    "title": "Meh",
    "text": "",
}


def write(path, *rows):
    lines = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)


def test_2014_has_python_dicts_and_no_picture_is_none(tmp_path):
    src = tmp_path / "src"
    write(
        src / "reviews_Baby_5.json.gz",
        OLD | {"helpful": [0, 0]},
        OLD | {"reviewerID": "A2", "summary": "", "reviewText": None},
    )
    write(
        src / "meta_Baby.json.gz",
        repr({"asin": "B000000001", "title": "A \"quoted\" lover's case", "price": 3.17, "imUrl": "http://x/1.jpg",
              "categories": [["Cell", "Cases"], ["Cell", "Toys"]], "related": {"also_bought": ["B1"]}, "brand": ""}),
        repr({"asin": "B000000002", "title": "Plain", "imUrl": "http://x/no-img-sm._CB192198896_.gif", "brand": "Lux"}),
        "{'asin': __import__('os').system('true')}",
    )  # fmt: skip
    report = Amazon().read(src, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert data.catalogue.table.select("item_id", "title", "categories", "price", "image", "brand").rows() == [
        ("B000000001", 'A "quoted" lover\'s case', "Cell, Cases, Toys", 3.17, "http://x/1.jpg", None),
        ("B000000002", "Plain", None, None, None, "Lux"),
    ]
    assert data.interactions.column("text").to_list() == ["Good\nWon’t break", None]
    assert data.interactions.column("kind").to_list() == ["review", "review"]
    assert data.interactions.time.tolist() == [1400630400, 1400630400]
    assert "McAuley" in data.licence
    assert report.name == "Baby"
    assert report.rejected == {"the line is neither a JSON object nor a Python dict": 1}


def test_2018_has_lists_and_prices_in_words(tmp_path):
    src = tmp_path / "src"
    write(src / "Toys.json.gz", OLD | {"verified": True, "vote": "2"})
    prices = ["$7.04", "$1,299.50 - $2,000.00", "", ".a-box-inner{color:red}", "From $3"]
    write(
        src / "meta_Toys.json.gz",
        *(
            {"asin": f"B{n:09}", "title": "Bell &amp; Co", "price": price, "feature": ["Soft", "Wide"], "description": ["For days.", "And nights."],
             "category": ["Toys", "Bells"], "main_cat": "Toys", "imageURL": ["http://x/s.jpg"], "imageURLHighRes": ["http://x/b.jpg", "http://x/c.jpg"]}
            for n, price in enumerate(prices)
        ),
    )  # fmt: skip
    report = Amazon().read(src, tmp_path / "ds")
    table = folder.load(tmp_path / "ds").catalogue.table
    assert table["price"].to_list() == [7.04, 1299.5, None, None, 3.0]
    assert table.row(0, named=True) | {"price": 0} == {
        "item_id": "B000000000", "title": "Bell & Co", "description": "For days.\nAnd nights.", "features": "Soft\nWide",
        "main_category": "Toys", "categories": "Toys, Bells", "price": 0, "image": "http://x/b.jpg",
    }  # fmt: skip
    assert report.rejected == {"the price is not a number: left empty": 1}
    assert any("5 further pictures" in note for note in report.notes)


def test_2023_takes_the_parent_and_the_main_picture(tmp_path):
    src = tmp_path / "src"
    write(src / "All_Beauty.jsonl", NEW, {name: value for name, value in NEW.items() if name != "parent_asin"})
    images = [
        {"hi_res": None, "large": "http://x/side.jpg", "variant": "PT01"},
        {"hi_res": None, "thumb": "http://x/t.jpg", "large": "http://x/main.jpg", "variant": "MAIN"},
    ]
    write(
        src / "meta_All_Beauty.jsonl",
        {
            "parent_asin": "B000000001",
            "title": "Spray",
            "images": images,
            "store": "Lux",
            "average_rating": 4.5,
            "videos": [{"user_id": ""}],
        },
    )
    report = Amazon().read(src, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert data.items.ids == ("B000000001", "B000000009")
    assert data.catalogue.table["image"].to_list() == ["http://x/main.jpg", None]
    assert data.interactions.time.tolist() == [1588687728] * 2
    assert data.interactions.column("text").to_list() == ["Meh", "Meh"]
    assert any("milliseconds" in note for note in report.notes)


def test_the_first_names_of_2023_are_known_too(tmp_path):
    row = {
        "sortTimestamp": 1634275259292,
        "rating": 3.0,
        "title": "Meh",
        "text": "Small",
        "parent_asin": "B1",
        "user_id": "A1",
    }
    write(tmp_path / "x" / "All_Beauty.jsonl", row)
    Amazon().read(tmp_path / "x", tmp_path / "ds")
    assert folder.load(tmp_path / "ds").interactions.time.tolist() == [1634275259]


def test_tables_of_the_hub_are_read_like_lines(tmp_path):
    src = tmp_path / "src"
    write(src / "All_Beauty.jsonl", NEW)
    images = {
        "hi_res": [None, "http://x/h2.jpg"],
        "large": ["http://x/1.jpg", "http://x/2.jpg"],
        "thumb": ["t", "t"],
        "variant": ["PT01", "MAIN"],
    }
    frame = pl.DataFrame(
        {
            "parent_asin": ["B000000001"],
            "title": ["Spray"],
            "price": ["14.99"],
            "features": [["Vegan", "Mild"]],
            "images": [images],
        }
    )
    (src / "raw_meta_All_Beauty").mkdir()
    frame.write_parquet(src / "raw_meta_All_Beauty" / "full-00000-of-00001.parquet")
    Amazon().read(src, tmp_path / "ds")
    row = folder.load(tmp_path / "ds").catalogue.table.row(0, named=True)
    assert row == {
        "item_id": "B000000001",
        "title": "Spray",
        "features": "Vegan\nMild",
        "price": 14.99,
        "image": "http://x/h2.jpg",
    }


def test_parts_bring_their_split_and_the_others_are_told(tmp_path):
    src = tmp_path / "src"
    head = "user_id,parent_asin,rating,timestamp,history"
    for n, part in enumerate(("train", "valid", "test")):
        write(src / f"Toys.{part}.csv", head, f"A1,B{n},5.0,158868772892{n},B0 B1")
    later = {"timestamp": NEW["timestamp"] + 9_000}
    write(
        src / "Toys.jsonl",
        NEW | {"user_id": "A1", "parent_asin": "B1", "title": "Second"} | later,
        NEW | {"user_id": "A1", "parent_asin": "B1"},
        NEW,
    )
    write(src / "Toys.csv", "user_id,parent_asin,rating,timestamp", "A1,B1,5.0,1588687728921")
    for place in (src, src / "Toys.valid.csv"):
        report = Amazon().read(place, tmp_path / "ds")
        data = folder.load(tmp_path / "ds")
        assert data.interactions.column("split").to_list() == ["train", "valid", "test"]
    report = Amazon().read(src, tmp_path / "ds")
    assert folder.load(tmp_path / "ds").interactions.column("text").to_list() == [None, "Meh", None]
    assert any("1 of 3 interactions have their text from Toys.jsonl" in note for note in report.notes)
    assert any("left out, since they hold the same reviews: Toys.csv" in note for note in report.notes)
    assert Amazon().read(src / "Toys.jsonl", tmp_path / "ds").interactions == 3


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("ratings_Toys.csv", "A30TL5EWN6DFXT,120401325X,4.0,1400630400"),
        ("Toys.csv", "120401325X,A30TL5EWN6DFXT,4.0,1400630400"),
    ],
)
def test_ratings_without_a_header_are_told_apart_by_their_ids(tmp_path, name, line):
    write(tmp_path / name, line, line.replace("4.0", "x"))
    report = Amazon().read(tmp_path / name, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert (data.users.ids, data.items.ids) == (("A30TL5EWN6DFXT",), ("120401325X",))
    assert data.interactions.column("kind").to_list() == ["rating"]
    assert quarantine.read(tmp_path / "ds").select("row", "reason", "value").rows() == [
        (2, "the weight is not a number", "x")
    ]
    assert any("no header" in note for note in report.notes)


def test_pictures_beside_go_before_addresses(tmp_path):
    src = tmp_path / "src"
    write(src / "Toys.jsonl", NEW)
    write(
        src / "meta_Toys.jsonl",
        *({"parent_asin": f"B00000000{n}", "title": "x", "images": [{"large": f"http://x/{n}.jpg"}]} for n in (1, 2)),
    )
    (src / "images").mkdir()
    Image.new("RGB", (8, 8)).save(src / "images" / "B000000001.jpg")
    Amazon().read(src, tmp_path / "ds")
    assert folder.load(tmp_path / "ds").catalogue.table["image"].to_list() == [
        "media/image/B000000001.jpg",
        "http://x/2.jpg",
    ]


def test_categories_of_a_folder_become_one_dataset(tmp_path):
    src = tmp_path / "src"
    write(src / "review_categories" / "Toys.jsonl", NEW)
    write(src / "review_categories" / "Books.jsonl", NEW | {"parent_asin": "B2"})
    write(src / "meta_categories" / "meta_Books.jsonl", {"parent_asin": "B2", "title": "A book", "store": "x"})
    write(src / "meta_categories" / "meta_Toys.jsonl", {"parent_asin": "B2", "title": "The book", "store": "x"})
    report = Amazon().read(src, tmp_path / "ds")
    assert (report.name, report.interactions, report.items) == ("Books-Toys", 2, 2)
    assert quarantine.read(tmp_path / "ds").select("place", "row", "id", "reason").rows() == [
        ("meta_Books.jsonl", None, "B2", "a later file of metadata has the same id")
    ]


def test_missing_fields_and_wrong_types_are_told_by_row(tmp_path):
    rows = [
        NEW,
        NEW | {"user_id": ""},
        NEW | {"parent_asin": None, "asin": None},
        NEW | {"rating": "five"},
        NEW | {"timestamp": [1]},
        NEW | {"rating": None},
    ]
    write(tmp_path / "Toys.jsonl", *rows, '{"user_id": "A1"', "", NEW | {"text": "fine", "parent_asin": 7})
    Amazon().read(tmp_path / "Toys.jsonl", tmp_path / "ds")
    found = quarantine.read(tmp_path / "ds").sort("row").select("row", "reason").rows()
    assert found == [
        (2, "the user id is missing"), (3, "the item id is missing"), (4, "the weight is not a number"),
        (5, "the time cannot be read"), (6, "the weight is missing"), (7, "the line is not a JSON object"),
    ]  # fmt: skip
    assert folder.load(tmp_path / "ds").items.ids == ("B000000001", "7")


def test_what_cannot_be_chosen_or_is_not_there_is_one_sentence(tmp_path):
    src = tmp_path / "src"
    write(src / "reviews_Baby.json", OLD)
    write(src / "reviews_Baby_5.json", OLD)
    with pytest.raises(DataError, match=r"reviews_Baby\.json, reviews_Baby_5\.json hold reviews of the same category"):
        Amazon().read(src, tmp_path / "ds")
    assert Amazon().read(src / "reviews_Baby_5.json", tmp_path / "ds").interactions == 1
    write(tmp_path / "other" / "x.json", {"a": 1})
    with pytest.raises(DataError, match="holds no reviews, ratings or metadata of Amazon"):
        Amazon().read(tmp_path / "other", tmp_path / "ds2")
    with pytest.raises(DataError, match="is no file of Amazon Reviews"):
        Amazon().read(tmp_path / "other" / "x.json", tmp_path / "ds2")
    assert not (tmp_path / "ds2").exists()


def test_metadata_alone_is_a_catalogue(tmp_path):
    write(tmp_path / "meta_Toys.jsonl", {"parent_asin": "B1", "title": "A ball", "store": "x"})
    report = Amazon().read(tmp_path / "meta_Toys.jsonl", tmp_path / "ds")
    assert (report.items, report.interactions) == (1, 0)


def test_repeated_reviews_are_kept_as_the_house_does(tmp_path):
    write(tmp_path / "Toys.jsonl", NEW, NEW)
    assert Amazon().read(tmp_path / "Toys.jsonl", tmp_path / "ds").interactions == 2


def test_ratings_ask_which_are_likes(tmp_path):
    write(tmp_path / "Toys.jsonl", *(NEW | {"rating": n, "user_id": f"A{n}"} for n in range(1, 6)))
    report = Amazon().read(tmp_path / "Toys.jsonl", tmp_path / "ds")
    assert any('--positive "weight>=4"' in note for note in report.notes)


@pytest.mark.parametrize(
    "value", ['["', "{}", "[5, null]", '[{"variant": "MAIN"}]', "relative.jpg", '{"large": 5}', '[["http://x"]]']
)
def test_what_is_no_address_is_no_picture(value):
    assert pictures(pl.Series([value]))[0].to_list() == [None]


def test_a_text_that_looks_like_a_list_stays_a_text():
    table, _ = item_rows(pl.DataFrame({"asin": ["B1"], "title": ["[Old] version"], "description": ["[not a list"]}))
    assert table.select("title", "description").row(0) == ("[Old] version", "[not a list")


@pytest.mark.parametrize(
    ("written", "number"),
    [("$1,299.00", 1299.0), ("1,234,567", 1234567.0), ("4,50", 4.5), ("$4,50", None), ("From $7.04 - $9.00", 7.04), ("$1,2,3", None),
     ("12.345", 12.345), ("—", None), ("", None), ("NaN", None), (14.99, 14.99)],
)  # fmt: skip
def test_a_comma_parts_thousands_only_where_it_can(tmp_path, written, number):
    rows = [
        {"parent_asin": f"B{n}", "title": "x", "store": "y", "price": value} for n, value in enumerate([written, "$3"])
    ]
    write(tmp_path / "meta_Toys.jsonl", *rows)
    Amazon().read(tmp_path / "meta_Toys.jsonl", tmp_path / "ds")
    assert folder.load(tmp_path / "ds").catalogue.table["price"].to_list() == [number, 3.0]
    told = quarantine.read(tmp_path / "ds").select("id", "value").rows()
    assert told == ([("B0", written)] if written in ("$1,2,3", "$4,50") else [])
