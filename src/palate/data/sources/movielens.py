"""MovieLens: ratings, films, tags, and a folder of posters if there is one."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from palate.core.errors import DataError
from palate.data.assemble import assemble, typed_table
from palate.data.rows import find_columns, typed_rows
from palate.data.sources._base import Gathered, Source, SourceConfig, need_rows, need_usable
from palate.data.sources._expects import Expected
from palate.data.sources._media import Media, from_folder
from palate.data.sources._read import read_table

_TYPES = {"title": "text", "year": "number", "genres": "text", "tags": "text"}
_LICENCE = "GroupLens MovieLens terms: no commercial use, see README.txt"


class MovieLensConfig(SourceConfig):
    """MovieLens folders need no settings of their own."""


class MovieLens(Source[MovieLensConfig]):
    """MovieLens (ml-latest, ml-25m): ratings.csv, movies.csv, tags.csv, posters/MOVIEID.jpg if there are any."""

    name = "movielens"
    config_type = MovieLensConfig
    terms = _LICENCE
    expects = (
        Expected("ratings.csv", "ratings", "1,31,2.5,1260759144", "userId,movieId,rating,timestamp", needed=True),
        Expected("movies.csv", "films", "31,Dangerous Minds (1995),Drama", "movieId,title,genres", needed=True),
        Expected("tags.csv", "what people call films", "1,31,school,1260759145", "userId,movieId,tag,timestamp"),
        Expected("posters/", "pictures, one a film", "posters/31.jpg"),
    )

    @classmethod
    def recognise(cls, src: Path) -> str:
        """Return whether ratings.csv and movies.csv are there."""
        both = all((src / name).is_file() for name in ("ratings.csv", "movies.csv"))
        return "MovieLens" if both else ""

    def gather(self, src: Path) -> Gathered:
        """Read ratings.csv and movies.csv, and tags.csv and posters/ where they are."""
        for name in ("ratings.csv", "movies.csv"):
            if not (src / name).is_file():
                raise DataError(
                    f"{src} holds no {name}: give the unpacked folder of a MovieLens release such as ml-latest-small"
                )
        ratings = read_table(src / "ratings.csv")
        columns = find_columns(
            need_rows(ratings.table, src / "ratings.csv"), {}, "ratings.csv", ("user", "item", "weight")
        )
        rows = typed_rows(ratings.table, columns, "ratings.csv", ratings.rows)
        need_usable(rows.table, rows.rejected, "ratings.csv")
        rated = rows.table.with_columns(pl.lit("rating").alias("kind"))
        films = read_table(src / "movies.csv")
        aside = [ratings.rejected, rows.rejected, films.rejected]
        table = _films(need_rows(films.table, src / "movies.csv"), src, aside)
        posters = Media()
        types = dict(_TYPES)
        if (src / "posters").is_dir():
            posters = from_folder("poster", "image", src / "posters", table["movieId"])
            table = table.with_columns(posters.column)
            types["poster"] = "image"
        items = typed_table(table, "movieId", "item_id", types, "movies.csv", films.rows, guess=False)
        aside += [items.rejected, posters.rejected]
        notes = [*rows.notes, *posters.notes]
        licence = _LICENCE if (src / "README.txt").is_file() else ""
        data, more = assemble(
            type(rows)(rated), items, None, src.resolve().name, licence, positive=self.config.positive
        )
        return Gathered(data, posters.files, pl.concat(aside), (*notes, *more))


def _films(raw: pl.DataFrame, src: Path, aside: list[pl.DataFrame]) -> pl.DataFrame:
    """Return movieId, title without the year, year, genres and, joined by film, tags."""
    find_columns(raw, {"item": "movieId"}, "movies.csv", ("item",))
    title = pl.col("title").str.strip_chars()
    table = raw.select(
        pl.col("movieId"),
        title.str.replace(r"\s*\(\d{4}(–\d{0,4})?\)$", "").alias("title"),
        title.str.extract(r"\((\d{4})(?:–\d{0,4})?\)$").alias("year"),
        pl.when(pl.col("genres") != "(no genres listed)")
        .then(pl.col("genres").str.replace_all("|", ", ", literal=True))
        .alias("genres"),
    )
    if not (src / "tags.csv").is_file():
        return table
    tags = read_table(src / "tags.csv")
    numbered = tags.table.with_columns((tags.rows if tags.rows is not None else _count(tags.table)).alias("row"))
    known = numbered.filter(pl.col("movieId").is_in(table["movieId"].implode()))
    strange = numbered.join(known, on="row", how="anti", maintain_order="left").select(
        pl.lit("tags.csv").alias("place"),
        "row",
        pl.col("movieId").alias("id"),
        pl.lit("movies.csv has no film of this id").alias("reason"),
        pl.col("tag").alias("value"),
    )
    aside += [tags.rejected, strange]
    joined = known.group_by("movieId", maintain_order=True).agg(
        pl.col("tag").drop_nulls().unique(maintain_order=True).str.join(", ").alias("tags")
    )
    return table.join(joined, on="movieId", how="left", maintain_order="left")


def _count(table: pl.DataFrame) -> pl.Series:
    return pl.Series("row", range(1, table.height + 1), dtype=pl.Int64)
