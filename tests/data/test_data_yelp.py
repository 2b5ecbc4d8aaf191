"""The Yelp Open Dataset: businesses, reviews, users, and one photo a business."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from palate.core.errors import DataError
from palate.data import folder, quarantine
from palate.data.sources.yelp import Yelp

SHOP = {
    "business_id": "b1", "name": "Bell &amp; Co", "city": "Reno", "state": "NV", "latitude": 39.5, "longitude": -119.8, "stars": 4.5,
    "review_count": 9, "is_open": 1, "categories": "Bars, Food", "hours": {"Monday": "0:0-0:0"},
    "attributes": {"WiFi": "u'free'", "GoodForKids": "True", "HappyHour": "False", "RestaurantsPriceRange2": "2",
                   "Ambience": "{'hip': True, u'cosy': False}", "BusinessParking": "None"},
}  # fmt: skip
REVIEW = {
    "review_id": "r",
    "user_id": "u1",
    "business_id": "b1",
    "stars": 4.0,
    "date": "2016-03-09 12:10:04",
    "text": "Great",
    "useful": 1,
}
PHOTOS = [
    ("out", "b1", "", "outside"), ("food2", "b1", "", "food"), ("food1", "b1", "Nachos", "food"), ("gone", "b1", "A <b>", "food"),
    ("in", "b2", "", "inside"), ("../secret", "b2", "", "food"), ("", "b2", "x", "food"), ("in", "b9", "x", "food"),
]  # fmt: skip


@pytest.fixture
def src(tmp_path):
    place = tmp_path / "yelp"
    (place / "yelp_photos" / "photos").mkdir(parents=True)

    def write(name, *rows):
        (place / name).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))

    write(
        "yelp_academic_dataset_business.json",
        SHOP,
        {"business_id": "b2", "name": "Two", "categories": ["Bars", "Pubs"], "attributes": None},
    )
    write(
        "yelp_academic_dataset_review.json",
        REVIEW,
        REVIEW | {"user_id": None},
        REVIEW | {"date": "soon"},
        '{"review_id"',
    )
    write(
        "yelp_academic_dataset_user.json",
        {"user_id": "u1", "name": "Ann", "review_count": 3, "friends": "u2, u3", "elite": "", "fans": "many"},
    )
    write("yelp_academic_dataset_tip.json", {"user_id": "u1"})
    names = ("photo_id", "business_id", "caption", "label")
    write("yelp_photos/photos.json", *(dict(zip(names, photo, strict=True)) for photo in PHOTOS))
    for name in ("out", "food1", "food2", "in"):
        Image.new("RGB", (8, 8)).save(place / "yelp_photos" / "photos" / f"{name}.jpg")
    (place / "yelp_photos" / "secret.jpg").write_bytes(b"x")
    return place


def test_businesses_are_items_with_words_and_one_photo(src, tmp_path):
    report = Yelp().read(src, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    one, two = data.catalogue.table.to_dicts()
    assert one["name"] == "Bell & Co"
    assert one["attributes"] == "wi fi: free, good for kids, ambience: hip"
    assert (one["price_range"], one["stars"], one["is_open"], one["city"]) == (2.0, 4.5, 1.0, "Reno")
    assert (one["photo"], one["captions"]) == ("media/photo/food1.jpg", "Nachos\nA <b>")
    assert (two["photo"], two["categories"], two["attributes"]) == ("media/photo/in.jpg", "Bars, Pubs", None)
    assert (tmp_path / "ds" / "media" / "photo" / "food1.jpg").is_file()
    assert not (tmp_path / "ds" / "media" / "photo" / "food2.jpg").exists()
    assert any("2 further photos were left out" in note for note in report.notes)
    assert any("left out: yelp_academic_dataset_tip.json" in note for note in report.notes)
    assert {"name", "friends"}.isdisjoint(data.people.table.columns)
    assert "agreement" in data.licence


def test_reviews_are_interactions_and_what_cannot_be_used_is_told(src, tmp_path):
    Yelp().read(src, tmp_path / "ds")
    data = folder.load(tmp_path / "ds")
    assert data.interactions.weight.tolist() == [4.0]
    assert data.interactions.time.tolist() == [1457525404]
    assert data.interactions.extra.select("kind", "text").rows() == [("review", "Great")]
    found = quarantine.read(tmp_path / "ds").select("place", "row", "reason").rows()
    assert set(found) == {
        ("yelp_academic_dataset_review.json", 2, "the user id is missing"),
        ("yelp_academic_dataset_review.json", 3, "the time cannot be read"),
        ("yelp_academic_dataset_review.json", 4, "the line is not a JSON object"),
        ("yelp_academic_dataset_user.json", 1, "the fans is not a number: left empty"),
        ("photos.json", 4, "the image was left out: there is no such file"),
        ("photos.json", 6, "the image was left out: the path leads out of the folder"),
        ("photos.json", 7, "the photo has no id or no business"),
        ("photos.json", 8, "no business has this id"),
    }


def test_the_choice_of_a_photo_does_not_depend_on_their_order(src, tmp_path):
    Yelp().read(src, tmp_path / "a")
    file = src / "yelp_photos" / "photos.json"
    file.write_text("\n".join(reversed(file.read_text().splitlines())) + "\n")
    Yelp().read(src, tmp_path / "b")
    photos = [folder.load(tmp_path / name).catalogue.table["photo"].to_list() for name in "ab"]
    assert photos[0] == photos[1] == ["media/photo/food1.jpg", "media/photo/in.jpg"]


def test_without_pictures_or_users_the_rest_comes_in(src, tmp_path):
    for file in (src / "yelp_photos" / "photos").iterdir():
        file.unlink()
    (src / "yelp_photos" / "photos").rmdir()
    (src / "yelp_academic_dataset_user.json").unlink()
    report = Yelp().read(src, tmp_path / "ds")
    assert "photo" not in report.columns
    assert any("the photos were left out" in note for note in report.notes)
    assert folder.load(tmp_path / "ds").people is None


def test_a_folder_that_is_not_yelp_is_told(tmp_path):
    with pytest.raises(DataError, match=r"holds no yelp_academic_dataset_business\.json"):
        Yelp().read(tmp_path, tmp_path / "ds")
