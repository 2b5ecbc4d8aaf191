"""Which files of Amazon Reviews lie at a place: the layouts of 2014, 2018 and 2023, told by name and content."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from palate.core.errors import DataError
from palate.data.sources._expects import head_of

ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")
_FOLDERS = re.compile(r"raw|review_categories|meta_categories|raw_review_.+|raw_meta_.+")
_SPLITS = ("train", "valid", "test")
_WORDS = re.compile(r"""["'](\w+)["']\s*:""")
_OF_2018 = {"imageURL", "imageURLHighRes", "also_buy", "also_view", "main_cat", "tech1", "feature"}
_RATING = re.compile(r"[^,]+,[^,]+,\d(\.\d+)?,\d+")


@dataclass(frozen=True)
class File:
    """One file: its layout, what it holds (reviews, ratings, items), of which category and split."""

    path: Path
    layout: str
    holds: str
    category: str
    split: str = ""
    header: bool = True


@dataclass
class Category:
    """The files of one category that are to be read, and those that are not."""

    events: list[File] = field(default_factory=list)
    texts: list[File] = field(default_factory=list)
    """Reviews whose texts belong to the ratings of a split."""
    items: list[File] = field(default_factory=list)
    left: list[File] = field(default_factory=list)


def find(src: Path) -> dict[str, Category]:
    """Return the files to read by category; of a lone file, also those of its category beside it.

    Raises:
        DataError: there are none, or two of them hold the same.
    """
    place = src if src.is_dir() else src.parent
    files = [file for path in _paths(place) if (file := look_at(path)) is not None]
    named = [file for file in files if file.path == src]
    if src.is_file():
        if not named:
            raise DataError(
                f"{src} is no file of Amazon Reviews: give reviews, ratings or metadata as they were published"
            )
        own = named[0]
        files = [file for file in files if file == own or _beside(file, own)]
    if not files:
        raise DataError(
            f"{src} holds no reviews, ratings or metadata of Amazon: 'palate data formats amazon' tells their names"
        )
    return {
        name: _chosen([file for file in files if file.category == name]) for name in sorted({f.category for f in files})
    }


def look_at(path: Path) -> File | None:
    """Return what a file is, or None where it is none of Amazon Reviews."""
    stem = path.name
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if stem.lower().endswith(ending):
            stem = stem[: -len(ending)]
            break
    else:
        return None
    if path.suffix == ".parquet" and path.parent.name.startswith(("raw_meta_", "raw_review_")):
        stem = path.parent.name.removeprefix("raw_").removeprefix("review_")
    stem, _, split = stem.rpartition(".") if stem.endswith(tuple(f".{name}" for name in _SPLITS)) else (stem, "", "")
    category = re.sub(r"^(meta|reviews|ratings)_", "", stem).removesuffix("_5")
    if ".csv" in path.name.lower():
        line = head_of(path).partition("\n")[0].strip()
        header = line.startswith("user_id,parent_asin,rating,timestamp")
        if not header and not _RATING.fullmatch(line):
            return None
        layout = "2023" if header else "2014" if path.name.startswith("ratings_") else "2018"
        return File(path, layout, "ratings", category, split, header)
    words = _parquet_columns(path) if path.suffix == ".parquet" else set(_WORDS.findall(head_of(path)))
    found = _told(words)
    return File(path, *found, category, split) if found else None


def _told(words: set[str]) -> tuple[str, str] | None:
    """Return layout and content by the names of the fields."""
    if {"reviewerID", "asin"} <= words:
        return "2014" if "helpful" in words else "2018", "reviews"
    if {"user_id", "rating"} <= words and words & {"parent_asin", "asin"}:
        return "2023", "reviews"
    if "parent_asin" in words:
        return "2023", "items"
    if "asin" in words and words & _OF_2018:
        return "2018", "items"
    if "asin" in words and words & {"imUrl", "salesRank", "related", "categories", "title"}:
        return "2014", "items"
    return None


def _parquet_columns(path: Path) -> set[str]:
    try:
        return set(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        return set()


def _paths(place: Path) -> list[Path]:
    """Return the files of a folder, and of the folders in it that are called as those of the published set."""
    found: list[Path] = []
    for path in sorted(place.iterdir()):
        if path.is_dir() and _FOLDERS.fullmatch(path.name):
            found += _paths(path)
        elif path.name.lower().endswith(ENDINGS) and path.is_file():
            found.append(path)
    return found


def _beside(file: File, own: File) -> bool:
    """Tell whether a file goes with the one that was named: its items, and the other parts of its split."""
    if own.holds == "items" or file.category != own.category:
        return False
    if file.holds == "items":
        return file.layout == own.layout or not own.header
    return bool(own.split and file.split) and file.path.parent == own.path.parent


def _chosen(files: list[File]) -> Category:
    """Take the split ratings if there are any, with the texts of the reviews, else the reviews, else the ratings."""
    found = Category(items=[file for file in files if file.holds == "items"])
    splits = sorted(
        (file for file in files if file.holds == "ratings" and file.split), key=lambda f: _SPLITS.index(f.split)
    )
    reviews = [file for file in files if file.holds == "reviews"]
    ratings = [file for file in files if file.holds == "ratings" and not file.split]
    found.events = next((some for some in (splits, reviews, ratings) if some), [])
    found.texts = reviews if splits else []
    found.left = [file for file in (*reviews, *ratings) if file not in (*found.events, *found.texts)]
    for some in (found.texts, [] if splits else found.events):
        if len(some) > 1 and not all(file.path.suffix == ".parquet" for file in some):
            names = ", ".join(file.path.name for file in some)
            raise DataError(f"{names} hold reviews of the same category: name the one to import")
    return found
