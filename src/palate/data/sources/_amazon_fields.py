"""The fields of Amazon Reviews, in whichever layout: to text, numbers and one picture an item."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from palate.core.wording import some
from palate.data.sources._texts import joined, plain_text

REVIEW = {
    "user": ("user_id", "reviewerID"),
    "item": ("parent_asin", "asin"),
    "weight": ("rating", "overall"),
    "timestamp": ("timestamp", "sortTimestamp", "unixReviewTime"),
    "title": ("title", "summary"),
    "body": ("text", "reviewText"),
}
"""What a review has -> its field, by layout."""
ITEM = {
    "item": ("parent_asin", "asin"),
    "title": ("title",),
    "description": ("description",),
    "features": ("features", "feature"),
    "brand": ("store", "brand"),
    "main_category": ("main_category", "main_cat"),
    "categories": ("categories", "category"),
    "price": ("price",),
    "average_rating": ("average_rating",),
    "rating_number": ("rating_number",),
    "image": ("images", "imageURLHighRes", "imageURL", "imUrl"),
}
"""What an item has -> its field, by layout."""
_SIZES = ("hi_res", "hiRes", "large", "thumb")
_NO_PICTURE = "no-img-sm"
"""What the address of the picture of no picture holds."""
_AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_PRICE = rf"(?i)^(?:from\s+)?\$?\s*({_AMOUNT})(?:\s*-\s*\$?\s*{_AMOUNT})?$"


def fields(of: dict[str, tuple[str, ...]]) -> list[str]:
    """Return all fields, without repeats."""
    return list(dict.fromkeys(name for names in of.values() for name in names))


def pick(table: pl.DataFrame, names: tuple[str, ...]) -> pl.Series:
    """Return the first of some fields that is not empty, row by row."""
    there = [pl.col(name) for name in names if name in table.columns]
    filled = [pl.when(column.str.strip_chars() != "").then(column) for column in there]
    return table.select(pl.coalesce(*filled) if filled else pl.lit(None, pl.String)).to_series()


def review_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Return user, item, weight, timestamp and text; the text is the title and, on the next line, the body."""
    found = pl.DataFrame({name: pick(table, REVIEW[name]) for name in ("user", "item", "weight", "timestamp")})
    title, body = plain_text(pick(table, REVIEW["title"])), plain_text(pick(table, REVIEW["body"]))
    text = pl.select(pl.concat_str([title, body], separator="\n", ignore_nulls=True)).to_series()
    empty = title.is_null() & body.is_null()
    return found.with_columns(pl.select(pl.when(~empty).then(text)).to_series().alias("text"))


def item_rows(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the columns of items (without those that are empty throughout), and what is worth saying."""
    found = {name: pick(table, names) for name, names in ITEM.items()}
    for name, between in (
        ("description", "\n"),
        ("features", "\n"),
        ("categories", ", "),
        ("title", " "),
        ("brand", " "),
    ):
        found[name] = plain_text(joined(found[name], between))
    found["main_category"] = plain_text(found["main_category"])
    price = found["price"].str.strip_chars()
    absent = price.str.to_lowercase().is_in(["none", "null", "—", "-"])
    number = price.str.extract(_PRICE).str.replace_all(",", "")
    found["price"] = pl.select(pl.when(~absent).then(pl.coalesce(number, price))).to_series()
    found["image"], others = pictures(found["image"])
    told = some(others, "further picture of an item was left out", "further pictures of items were left out")
    notes = [f"{told}: the first main one of each is kept"] if others else []
    columns = [column.alias(name) for name, column in found.items()]
    return pl.DataFrame(
        [column for column in columns if column.null_count() < len(column) or column.name == "item"]
    ), notes


def pictures(column: pl.Series) -> tuple[pl.Series, int]:
    """Return one address a row, and how many others there were.

    Of several the one called MAIN is taken, else the first, in the largest size that there is.

    Example:
        >>> found, others = pictures(pl.Series(['["http://x/1.jpg", "http://x/2.jpg"]', "http://x/3.jpg", "[]"]))
        >>> found.to_list(), others
        (['http://x/1.jpg', 'http://x/3.jpg', None], 1)
    """
    chosen: list[str | None] = []
    others = 0
    for value in column.to_list():
        addresses = [] if value is None else _addresses(value)
        chosen.append(addresses[0] if addresses else None)
        others += max(len(addresses) - 1, 0)
    return pl.Series(column.name, chosen, dtype=pl.String), others


def _addresses(value: str) -> list[str]:
    found: Any = value
    if value[:1] in "[{":
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return []
    if isinstance(found, dict):  # a column of lists, as the hub's tables have it
        sizes = {name: entry for name, entry in found.items() if isinstance(entry, list)}
        found = [dict(zip(sizes, entry, strict=True)) for entry in zip(*sizes.values(), strict=False)]
    entries = found if isinstance(found, list) else [found]
    main = [entry for entry in entries if isinstance(entry, dict) and entry.get("variant") == "MAIN"]
    rest = [entry for entry in entries if entry not in main[:1]]
    addresses = [_largest(entry) for entry in (*main[:1], *rest)]
    return [address for address in addresses if address and _NO_PICTURE not in address]


def _largest(entry: Any) -> str | None:
    if isinstance(entry, dict):
        entry = next((entry[size] for size in _SIZES if isinstance(entry.get(size), str) and entry[size]), None)
    return entry.strip() if isinstance(entry, str) and "://" in entry else None
