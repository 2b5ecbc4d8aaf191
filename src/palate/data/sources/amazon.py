"""Amazon Reviews: reviews with their texts, ratings, products with their texts and pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from palate.core.errors import DataError
from palate.data.assemble import Table, assemble, typed_table
from palate.data.catalogue import ColumnType
from palate.data.quarantine import frame_of
from palate.data.rows import Rows, typed_rows
from palate.data.sources._amazon_fields import ITEM, REVIEW, fields, item_rows, review_rows
from palate.data.sources._amazon_files import Category, File, find
from palate.data.sources._base import Gathered, Source, SourceConfig, need_rows, need_usable
from palate.data.sources._expects import Expected
from palate.data.sources._lines import Lines, read_lines
from palate.data.sources._media import Media, from_folder, from_paths
from palate.data.sources._read import read_table
from palate.data.sources._texts import as_text

_TYPES: dict[str, ColumnType] = {
    "title": "text", "description": "text", "features": "text", "brand": "category", "main_category": "category",
    "categories": "text", "price": "number", "average_rating": "number", "rating_number": "number", "image": "image",
}  # fmt: skip
_BY_NAME = ["user", "item", "weight", "timestamp"]
_TERMS = "Amazon Reviews (McAuley Lab, UCSD): the terms are told on the data set's page"


class AmazonConfig(SourceConfig):
    """Amazon Reviews need no settings of their own."""


class Amazon(Source[AmazonConfig]):
    """Amazon Reviews in the layouts of 2014, 2018 and 2023: reviews or ratings, and metadata with picture addresses."""

    name = "amazon"
    config_type = AmazonConfig
    terms = _TERMS
    expects = (
        Expected(
            "reviews_CATEGORY_5.json.gz",
            "reviews; also reviews_CATEGORY.json.gz",
            '{"reviewerID": "A30TL5EWN6DFXT", "asin": "120401325X", "helpful": [0, 0], "reviewText": "They look good.", '
            '"overall": 4.0, "summary": "Looks Good", "unixReviewTime": 1400630400, "reviewTime": "05 21, 2014"}',
            layout="2014",
        ),
        Expected(
            "meta_CATEGORY.json.gz",
            "items; a line may be a Python dict",
            "{'asin': '120401325X', 'title': \"A lover's case\", 'price': 3.17, 'imUrl': 'http://ecx.images-amazon.com/"
            "images/I/51f.jpg', 'brand': 'Coxlures', 'categories': [['Cell Phones', 'Cases']]}",
            layout="2014",
        ),
        Expected("ratings_CATEGORY.csv", "user, item, rating, time without a header", "A30TL5EWN6DFXT,120401325X,4.0,1400630400", layout="2014"),
        Expected(
            "CATEGORY_5.json.gz",
            "reviews; also CATEGORY.json.gz",
            '{"overall": 5.0, "vote": "2", "verified": true, "reviewTime": "01 1, 2018", "reviewerID": "AUI6WTTT0QZYS", '
            '"asin": "5120053084", "reviewText": "Now I have four.", "summary": "Comfy", "unixReviewTime": 1514764800}',
            layout="2018",
        ),
        Expected(
            "meta_CATEGORY.json.gz",
            "items",
            '{"asin": "5120053084", "title": "A shirt", "feature": ["Soft", "Wide"], "description": ["For every day."], '
            '"price": "$7.04", "imageURLHighRes": ["https://images-na.ssl-images-amazon.com/images/I/51f.jpg"], '
            '"brand": "Coxlures", "main_cat": "Clothing", "category": ["Clothing", "Shirts"]}',
            layout="2018",
        ),
        Expected("CATEGORY.csv", "item, user, rating, time without a header", "5120053084,AUI6WTTT0QZYS,5.0,1514764800", layout="2018"),
        Expected(
            "CATEGORY.jsonl.gz",
            "reviews",
            '{"rating": 5.0, "title": "Lovely scent", "text": "It smells good.", "images": [], "asin": "B00YQ6X8EO", '
            '"parent_asin": "B00YQ6X8EO", "user_id": "AGKHLEW2SOWHNMFQIJGBECAF7INQ", "timestamp": 1588687728923, '
            '"helpful_vote": 0, "verified_purchase": true}',
            layout="2023",
        ),
        Expected(
            "meta_CATEGORY.jsonl.gz",
            "items; also raw_meta_CATEGORY/*.parquet",
            '{"main_category": "All Beauty", "title": "Spray", "average_rating": 4.3, "rating_number": 384, "features": '
            '["Vegan"], "description": ["Texture."], "price": 14.99, "images": [{"thumb": "https://m.media-amazon.com/'
            'images/I/4a._SS40_.jpg", "large": "https://m.media-amazon.com/images/I/4a.jpg", "variant": "MAIN", "hi_res": '
            'null}], "videos": [], "store": "Herbivore", "categories": [], "details": {}, "parent_asin": "B00YQ6X8EO"}',
            layout="2023",
        ),
        Expected(
            "CATEGORY.csv",
            "ratings; or CATEGORY.train.csv, CATEGORY.valid.csv, CATEGORY.test.csv, which bring their split",
            "AGKHLEW2SOWHNMFQIJGBECAF7INQ,B00YQ6X8EO,5.0,1588687728923",
            "user_id,parent_asin,rating,timestamp",
            layout="2023",
        ),
        Expected("images/", "pictures, one an item; then addresses are not needed", "images/B00YQ6X8EO.jpg"),
    )  # fmt: skip

    @classmethod
    def recognise(cls, src: Path) -> str:
        """Return the layouts of the files that are there."""
        try:
            found = find(src)
        except (DataError, OSError):
            return ""
        files = [file for category in found.values() for file in (*category.events, *category.items)]
        told = sorted({file.layout for file in files if file.holds != "ratings" or file.header})
        return f"Amazon Reviews, layout of {' and '.join(told)}" if told else ""

    def gather(self, src: Path) -> Gathered:
        """Read reviews or ratings and metadata of each category that is there."""
        found = find(src)
        aside, notes = [frame_of([])], list[str]()
        events = [frame for category in found.values() for frame in _all_events(category, aside, notes)]
        rows = Rows(pl.concat(events, how="diagonal")) if events else None
        items = _items([file for category in found.values() for file in category.items], aside, notes)
        media = Media()
        if items is not None:
            items, media = _with_pictures(items, (src if src.is_dir() else src.parent) / "images")
            aside.append(media.rejected)
            notes += media.notes
        left = [file.path.name for category in found.values() for file in category.left]
        if left:
            notes.append(f"left out, since they hold the same reviews: {', '.join(left)}")
        name = "-".join(found) if len(found) < 3 else src.resolve().name
        data, told = assemble(rows, items, None, name, _TERMS, positive=self.config.positive)
        return Gathered(data, media.files, pl.concat(aside), (*dict.fromkeys(notes), *told))


def _all_events(category: Category, aside: list[pl.DataFrame], notes: list[str]) -> list[pl.DataFrame]:
    """Read the interactions of a category; those of a split get their texts from the reviews beside."""
    events = [_events(file, aside, notes) for file in category.events]
    if not category.texts:
        return events
    texts = pl.concat([_events(file, aside, notes) for file in category.texts], how="diagonal")
    pair = ["user_id", "item_id"]
    if "timestamp" in texts.columns:
        texts = texts.sort("timestamp", maintain_order=True)
    first = texts.unique(pair, keep="first", maintain_order=True).select(*pair, "text")
    joined = [frame.join(first, on=pair, how="left", maintain_order="left") for frame in events]
    with_text = sum(frame.height - frame["text"].null_count() for frame in joined)
    names = ", ".join(file.path.name for file in category.texts)
    notes.append(
        f"{with_text:,} of {sum(frame.height for frame in joined):,} interactions have their text from {names}"
    )
    return joined


def _events(file: File, aside: list[pl.DataFrame], notes: list[str]) -> pl.DataFrame:
    """Read the reviews or ratings of a file."""
    if file.holds == "ratings":
        read = read_table(file.path, ",", header=None if file.header else ["first", "second", "weight", "timestamp"])
        need_rows(read.table, file.path)
        raw, numbers = read.table, read.rows
        raw = raw.rename(
            {"user_id": "user", "parent_asin": "item", "rating": "weight"} if file.header else _order(raw, file, notes)
        )
        raw = raw.select(_BY_NAME)
        aside.append(read.rejected)
    else:
        lines = _lines(file, fields(REVIEW), review_rows)
        raw, numbers = lines.table, lines.rows
        aside.append(lines.rejected)
    columns = {name: name for name in raw.columns}
    if file.split:
        raw, columns = raw.with_columns(pl.lit(file.split).alias("split")), columns | {"split": "split"}
    rows = typed_rows(raw, columns, file.path.name, numbers)
    need_usable(rows.table, rows.rejected, file.path.name)
    aside.append(rows.rejected)
    notes += rows.notes
    kind = "rating" if file.holds == "ratings" else "review"
    return rows.table.with_columns(pl.lit(kind).alias("kind"))


def _order(raw: pl.DataFrame, file: File, notes: list[str]) -> dict[str, str]:
    """Tell users from items in a file without a header: products have ten letters, most people more."""
    tens = [float((raw[name].str.len_chars() == 10).mean() or 0) for name in ("first", "second")]  # type: ignore[arg-type]
    item_first = tens[0] > tens[1] if tens[0] != tens[1] else file.layout == "2018"
    order = ("item", "user") if item_first else ("user", "item")
    notes.append(f"{file.path.name} has no header: its columns are read as {', '.join(order)}, rating, time")
    return {"first": order[0], "second": order[1]}


def _items(files: list[File], aside: list[pl.DataFrame], notes: list[str]) -> Table | None:
    tables: list[pl.DataFrame] = []
    for file in files:
        lines = _lines(file, fields(ITEM))
        raw, told = item_rows(lines.table)
        types = {name: kind for name, kind in _TYPES.items() if name in raw.columns}
        table = typed_table(raw, "item", "item_id", types, file.path.name, lines.rows, guess=False)
        need_usable(table.table, table.rejected, file.path.name)
        aside += [lines.rejected, table.rejected]
        notes += [*told, *table.notes]
        tables.append(table.table.with_columns(pl.lit(file.path.name).alias("_place")))
    if not tables:
        return None
    frame = pl.concat(tables, how="diagonal")
    last = frame["item_id"].is_last_distinct()
    aside.append(
        frame.filter(~last).select(
            pl.col("_place").alias("place"),
            pl.lit(None, pl.Int64).alias("row"),
            pl.col("item_id").alias("id"),
            pl.lit("a later file of metadata has the same id").alias("reason"),
            pl.lit(None, pl.String).alias("value"),
        )
    )
    once = frame.filter(last).drop("_place")
    types = {name: kind for name, kind in _TYPES.items() if name in once.columns}
    return Table(once, types)


def _lines(file: File, names: list[str], shape: Callable[[pl.DataFrame], pl.DataFrame] = lambda table: table) -> Lines:
    if file.path.suffix != ".parquet":
        return read_lines(file.path, names, literals=True, shape=shape)
    try:
        there = [name for name in names if name in pl.read_parquet_schema(file.path)]
        table = pl.read_parquet(file.path, columns=there)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{file.path} could not be read ({error}): fetch the file again") from error
    need_rows(table, file.path)
    text = table.select(as_text(table[name]) for name in table.columns)
    return Lines(shape(text), frame_of([]), pl.Series("row", range(1, text.height + 1), dtype=pl.Int64))


def _with_pictures(items: Table, folder: Path) -> tuple[Table, Media]:
    """Take the pictures of a folder where there is one, and addresses for the other items."""
    frame, ids = items.table, items.table["item_id"]
    media = Media()
    if folder.is_dir():
        media = from_folder("image", "image", folder, ids)
        other = (
            frame["image"] if "image" in frame.columns else pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        )
        frame = frame.with_columns(pl.select(pl.coalesce(media.column, other)).to_series().alias("image"))
    elif "image" in frame.columns:
        media = from_paths("image", "image", frame["image"], folder.parent, ids)
    types = {name: kind for name, kind in _TYPES.items() if name in frame.columns}
    return Table(frame, types), media
