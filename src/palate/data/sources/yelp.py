"""The Yelp Open Dataset: businesses, reviews with their texts, users, photos."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.core.errors import DataError
from palate.core.wording import some
from palate.data.assemble import Table, assemble, typed_table
from palate.data.catalogue import ColumnType
from palate.data.rows import Rows, typed_rows
from palate.data.sources._base import Gathered, Source, SourceConfig, need_usable
from palate.data.sources._expects import Expected
from palate.data.sources._lines import read_lines
from palate.data.sources._media import Media, from_paths
from palate.data.sources._yelp_fields import BUSINESS, PHOTO, REVIEW, USER, business_rows, choose_photos

_ITEM_TYPES: dict[str, ColumnType] = {
    "name": "text", "categories": "text", "attributes": "text", "city": "category", "state": "category",
    "address": "text", "latitude": "number", "longitude": "number", "stars": "number", "review_count": "number",
    "is_open": "number", "price_range": "number", "captions": "text", "photo": "image",
}  # fmt: skip
_USER_TYPES: dict[str, ColumnType] = {
    "review_count": "number", "average_stars": "number", "fans": "number", "useful": "number", "funny": "number",
    "cool": "number", "elite": "text",
}  # fmt: skip
_ROLES = {"user": "user_id", "item": "business_id", "weight": "stars", "timestamp": "date", "text": "text"}
_TERMS = "Yelp Open Dataset: the terms are in the agreement that comes with the download"


class YelpConfig(SourceConfig):
    """The Yelp Open Dataset needs no settings of its own."""


class Yelp(Source[YelpConfig]):
    """Yelp Open Dataset: businesses, reviews, users, and photos, one a business."""

    name = "yelp"
    config_type = YelpConfig
    terms = _TERMS
    expects = (
        Expected(
            "yelp_academic_dataset_business.json",
            "businesses, which are the items",
            '{"business_id": "tnhfDv5Il8EaGSXZGiuQGg", "name": "Garaje", "address": "475 3rd St", "city": "San Francisco", '
            '"state": "CA", "latitude": 37.78, "longitude": -122.39, "stars": 4.5, "review_count": 1198, "is_open": 1, '
            '"attributes": {"RestaurantsTakeOut": "True"}, "categories": "Mexican, Burgers"}',
            needed=True,
        ),
        Expected(
            "yelp_academic_dataset_review.json",
            "reviews",
            '{"review_id": "zdSx_SD6obEhz9VrW9uAWA", "user_id": "Ha3iJu77CxlrFm-vQRs_8g", "business_id": '
            '"tnhfDv5Il8EaGSXZGiuQGg", "stars": 4, "date": "2016-03-09 12:10:04", "text": "Great place to hang out.", '
            '"useful": 0, "funny": 0, "cool": 0}',
            needed=True,
        ),
        Expected(
            "yelp_academic_dataset_user.json",
            "users",
            '{"user_id": "Ha3iJu77CxlrFm-vQRs_8g", "name": "Sebastien", "review_count": 56, "yelping_since": '
            '"2011-01-01 08:00:00", "useful": 21, "funny": 88, "cool": 15, "fans": 1032, "elite": "2012,2013", '
            '"average_stars": 4.31}',
        ),
        Expected(
            "photos.json",
            "photos; here or in a folder within",
            '{"photo_id": "KnkUGKqFqgrLSz_BFPqt0w", "business_id": "tnhfDv5Il8EaGSXZGiuQGg", "caption": "Nachos", '
            '"label": "food"}',
        ),
        Expected("photos/", "the pictures, beside photos.json", "photos/KnkUGKqFqgrLSz_BFPqt0w.jpg"),
    )

    @classmethod
    def recognise(cls, src: Path) -> str:
        """Return whether businesses and reviews are there by name."""
        found = _find(src)
        published = any(file.name.startswith("yelp_academic") for file in found.values())
        return "the Yelp Open Dataset" if published or {"business", "review"} <= found.keys() else ""

    def gather(self, src: Path) -> Gathered:
        """Read businesses and reviews, and users and photos where they are."""
        files = _find(src)
        for what in ("business", "review"):
            if what not in files:
                raise DataError(
                    f"{src} holds no yelp_academic_dataset_{what}.json: give the unpacked folder of the Yelp Open Dataset"
                )
        notes = list[str]()
        items, media, aside = _items(files, notes)
        rows, wrong = _rows(files["review"], notes)
        aside.append(wrong)
        users = _users(files["user"], aside) if "user" in files else None
        left = sorted(
            file.name for what in ("tip", "checkin") for file in files["business"].parent.glob(f"*{what}.json")
        )
        if left:
            notes.append(f"left out: {', '.join(left)}; businesses, reviews, users and photos are read")
        data, told = assemble(rows, items, users, src.resolve().name, _TERMS, positive=self.config.positive)
        return Gathered(data, media.files, pl.concat(aside), (*notes, *told))


def _find(src: Path) -> dict[str, Path]:
    """Return the files by what they hold, in the folder or at most two levels within."""
    if not src.is_dir():
        return {}
    found: dict[str, Path] = {}
    places = [src, *sorted(src.glob("*/")), *sorted(src.glob("*/*/"))]
    for place in places:
        for what in ("business", "review", "user", "photos", "photo"):
            for name in (f"yelp_academic_dataset_{what}.json", f"{what}.json"):
                file = place / name
                if file.is_file():
                    found.setdefault(what.removesuffix("s") if what == "photos" else what, file)
    return found


def _items(files: dict[str, Path], notes: list[str]) -> tuple[Table, Media, list[pl.DataFrame]]:
    file = files["business"]
    lines = read_lines(file, BUSINESS)
    raw, media, aside = business_rows(lines.table), Media(), [lines.rejected]
    if "photo" in files:
        raw, wrong = _with_photos(raw, files["photo"], notes)
        aside += wrong
    if "photo" in raw.columns:
        media = from_paths(
            "photo", "image", raw["photo"], files["photo"].parent / "photos", raw["business_id"], lines.rows
        )
        raw = raw.with_columns(media.column)
        aside.append(media.rejected)
    raw = raw.select(name for name in raw.columns if name == "business_id" or raw[name].null_count() < raw.height)
    types = {name: kind for name, kind in _ITEM_TYPES.items() if name in raw.columns}
    items = typed_table(raw, "business_id", "item_id", types, file.name, lines.rows, guess=False)
    need_usable(items.table, items.rejected, file.name)
    return items, media, [*aside, items.rejected]


def _with_photos(raw: pl.DataFrame, file: Path, notes: list[str]) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    folder = file.parent / "photos"
    if not folder.is_dir():
        notes.append(f"there is no folder {folder}: the photos were left out")
        return raw, []
    lines = read_lines(file, PHOTO)
    known = set(raw["business_id"].to_list())
    chosen, wrong, others = choose_photos(lines.table, lines.rows, folder, file.name, known)
    if others:
        told = some(others, "further photo was left out", "further photos were left out")
        notes.append(f"{told}: one of each business is kept, food first")
    return raw.join(chosen, on="business_id", how="left", maintain_order="left"), [lines.rejected, wrong]


def _rows(file: Path, notes: list[str]) -> tuple[Rows, pl.DataFrame]:
    lines = read_lines(file, REVIEW)
    rows = typed_rows(lines.table, _ROLES, file.name, lines.rows)
    need_usable(rows.table, rows.rejected, file.name)
    notes += rows.notes
    return Rows(rows.table.with_columns(pl.lit("review").alias("kind"))), pl.concat([lines.rejected, rows.rejected])


def _users(file: Path, aside: list[pl.DataFrame]) -> Table:
    lines = read_lines(file, USER)
    users = typed_table(lines.table, "user_id", "user_id", _USER_TYPES, file.name, lines.rows, guess=False)
    need_usable(users.table, users.rejected, file.name)
    aside += [lines.rejected, users.rejected]
    return users
