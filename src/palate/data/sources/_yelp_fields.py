"""The fields of the Yelp Open Dataset: attributes to words, photos to one a business."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from palate.data.quarantine import Rejected, frame_of
from palate.data.sources._literal import literal
from palate.data.sources._media import Door
from palate.data.sources._texts import joined, plain_text

BUSINESS = (
    "business_id", "name", "categories", "attributes", "address", "city", "state", "latitude", "longitude", "stars",
    "review_count", "is_open",
)  # fmt: skip
REVIEW = ("user_id", "business_id", "stars", "date", "text")
USER = ("user_id", "review_count", "yelping_since", "average_stars", "fans", "useful", "funny", "cool", "elite")
PHOTO = ("photo_id", "business_id", "caption", "label")
_LABELS = {label: place for place, label in enumerate(("food", "drink", "inside", "outside", "menu"))}
_PRICE = "RestaurantsPriceRange2"
_NO = (None, False, "", "none", "no", "False", "None")


def business_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Return businesses with categories and attributes as words, and the price range as a number."""
    words, prices = [], []
    for value in table["attributes"].to_list():
        said, price = _attributes(value)
        words.append(said)
        prices.append(price)
    return table.with_columns(
        plain_text(table["name"]),
        joined(table["categories"], ", "),
        pl.Series("attributes", words, dtype=pl.String),
        pl.Series("price_range", prices, dtype=pl.String),
    )


def _attributes(value: str | None) -> tuple[str | None, str | None]:
    """Return what a business has, as words, and its price range.

    Example:
        >>> _attributes('{"WiFi": "u\\'free\\'", "GoodForKids": "True", "Ambience": "{\\'hip\\': True, \\'cosy\\': False}"}')
        ('wi fi: free, good for kids, ambience: hip', None)
    """
    try:
        found = json.loads(value or "null")
        price = found.pop(_PRICE, None) if isinstance(found, dict) else None
        entries = found.items() if isinstance(found, dict) else ((word, True) for word in found or ())
        said = [word for name, entry in entries if (word := _word(str(name), _plain(entry)))]
    except (ValueError, TypeError, RecursionError):
        return None, None
    return ", ".join(said) or None, None if price in (None, "None") else str(price)


def _word(name: str, entry: Any) -> str | None:
    title = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower()
    if isinstance(entry, dict):
        inner = [_word(str(key), _plain(value)) for key, value in entry.items()]
        entry = ", ".join(word for word in inner if word)
    if entry in _NO:
        return None
    return title if entry is True else f"{title}: {entry}"


def _plain(entry: Any) -> Any:
    """Return a value that may be the text of a Python value: "True", "u'free'", "{'hip': True}"."""
    return _of_text(entry) if isinstance(entry, str) else entry


@lru_cache(maxsize=65_536)
def _of_text(text: str) -> Any:
    if text[:1] not in "{['\"uTFN":
        return text
    value = literal(text)
    return text if value is None and text != "None" else value


def choose_photos(
    table: pl.DataFrame, rows: pl.Series, folder: Path, place: str, known: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return business, photo (a file of the folder) and captions, the photos set aside, and how many were left out.

    Of several photos food goes before drink, inside, outside and menu, one with a caption before one without, and then
    the lowest id; all captions of a business are kept. Photos of none of the `known` businesses are set aside.
    """
    door, aside = Door(folder), list[Rejected]()
    best: dict[str, tuple[tuple[int, bool, str], str]] = {}
    captions: dict[str, dict[str, None]] = {}
    there = 0
    for (photo, business, caption, label), row in zip(table.select(PHOTO).iter_rows(), rows, strict=True):
        if not photo or not business:
            aside.append(Rejected(place, row, business or photo, "the photo has no id or no business", photo))
            continue
        if business not in known:
            aside.append(Rejected(place, row, business, "no business has this id", photo))
            continue
        if caption and caption.strip():
            captions.setdefault(business, {})[caption.strip()] = None
        found = door.open(f"{photo}.jpg")
        if isinstance(found, str):
            aside.append(Rejected(place, row, business, f"the image was left out: {found}", f"{photo}.jpg"))
            continue
        there += 1
        worth = (_LABELS.get(label or "", len(_LABELS)), not (caption or "").strip(), photo)
        if business not in best or worth < best[business][0]:
            best[business] = worth, f"{photo}.jpg"
    owners = list(dict.fromkeys([*best, *captions]))
    chosen = pl.DataFrame(
        {
            "business_id": owners,
            "photo": [best[owner][1] if owner in best else None for owner in owners],
            "captions": ["\n".join(captions[owner]) if owner in captions else None for owner in owners],
        },
        schema={"business_id": pl.String, "photo": pl.String, "captions": pl.String},
    )
    return chosen, frame_of(aside), there - len(best)
