"""RecBole atomic files: tables whose header names each field with its type."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from pydantic import Field

from palate.core.errors import DataError
from palate.data.assemble import Table, assemble, guess_type, typed_table
from palate.data.catalogue import MEDIA_TYPES, ColumnType
from palate.data.quarantine import frame_of
from palate.data.rows import Rows, find_columns, typed_rows
from palate.data.sources._base import Gathered, Source, SourceConfig, need_rows, need_usable
from palate.data.sources._expects import Expected, files_in, first_line
from palate.data.sources._media import from_paths
from palate.data.sources._read import Read, read_table

_FIELD_TYPES = ("token", "token_seq", "float", "float_seq")
_PARTS = {
    "train": ("train", "training", "part1"),
    "valid": ("valid", "val", "validation", "dev", "part2"),
    "test": ("test", "part3"),
}


class RecBoleConfig(SourceConfig):
    """Which columns, and which part of a benchmark is what."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Role (user, item, weight, timestamp, kind, text, split) -> field of the .inter file, where the names are unusual."""
    parts: str = ""
    """The middle names of NAME.PART.inter files in the order train, valid, test, as in "a,b,c"; found by itself if empty."""


class RecBole(Source[RecBoleConfig]):
    """RecBole atomic files: NAME.inter or NAME.train.inter and so on, NAME.item, NAME.user, with typed fields."""

    name = "recbole"
    config_type = RecBoleConfig
    expects = (
        Expected(
            "NAME.inter",
            "interactions; or NAME.train.inter, NAME.valid.inter, NAME.test.inter (or part1, part2, part3)",
            "1\t1193\t5\t978300760",
            "user_id:token\titem_id:token\trating:float\ttimestamp:float",
            needed=True,
        ),
        Expected(
            "NAME.item",
            "items",
            "1193\tOne Flew Over\tDrama\t0.1 0.7",
            "item_id:token\tmovie_title:token_seq\tgenre:token_seq\tmood:float_seq",
        ),
        Expected("NAME.user", "users", "1\t25\tF", "user_id:token\tage:token\tgender:token"),
    )

    @classmethod
    def recognise(cls, src: Path) -> str:
        """Return whether the first .inter file has a typed header."""
        files = files_in(src, ".inter")
        return "RecBole atomic files" if files and typed_header(first_line(files[0])) else ""

    def gather(self, src: Path) -> Gathered:
        """Read the .inter file, or its parts, and the .item and .user files of the same name."""
        stem, files, notes = _files(src, [part.strip() for part in self.config.parts.split(",") if part.strip()])
        place = src if src.is_dir() else src.parent
        aside: list[pl.DataFrame] = []
        inters = [self._rows(file, split, aside, notes) for split, file in files.items()]
        rows = Rows(pl.concat(inters, how="diagonal"))
        items, media = self._table(place / f"{stem}.item", "items", aside, notes)
        users, faces = self._table(place / f"{stem}.user", "users", aside, notes)
        others = [
            file.name for file in sorted(place.glob(f"{stem}.*")) if file.suffix in (".kg", ".link", ".net", ".ent")
        ]
        if others:
            notes.append(f"left out: {', '.join(others)}; interactions, items and users are read")
        data, told = assemble(rows, items, users, stem, positive=self.config.positive)
        return Gathered(data, media | faces, pl.concat(aside), (*dict.fromkeys(notes), *told))

    def _rows(self, file: Path, split: str, aside: list[pl.DataFrame], notes: list[str]) -> pl.DataFrame:
        read, _ = _typed_fields(file)
        raw = read.table
        columns = find_columns(raw, self.config.columns, file.name, ("user", "item"))
        if "weight" not in columns and "label" in raw.columns:
            columns["weight"] = "label"
            notes.append("the label is taken as the weight: a label of 0 is a dislike")
        if split:
            raw, columns = raw.with_columns(pl.lit(split).alias("_split")), columns | {"split": "_split"}
        unused = [name for name in read.table.columns if name not in columns.values()]
        if unused:
            notes.append(f"fields of interactions that are not used: {', '.join(unused)}")
        rows = typed_rows(raw, columns, file.name, read.rows)
        need_usable(rows.table, rows.rejected, file.name)
        aside += [read.rejected, rows.rejected]
        notes += rows.notes
        return rows.table

    def _table(
        self, file: Path, of: str, aside: list[pl.DataFrame], notes: list[str]
    ) -> tuple[Table | None, dict[str, Path]]:
        """Read the items or users, with the files that their media columns name."""
        if not file.is_file():
            return None, {}
        read, kinds = _typed_fields(file)
        role = of.removesuffix("s")
        given = {role: self.config.columns[role]} if self.config.columns.get(role) in kinds else {}
        key = find_columns(read.table, given, file.name, (role,))[role]
        types = {name: _column_type(read.table[name], kind) for name, kind in kinds.items() if name != key}
        series = [name for name, kind in kinds.items() if kind == "float_seq"]
        raw, wrong = _with_series(read.table, read.rows, series, key, file.name)
        found = typed_table(raw, key, f"{role}_id", types, file.name, read.rows, guess=False)
        need_usable(found.table, found.rejected, file.name)
        aside += [read.rejected, found.rejected, wrong]
        notes += found.notes
        table, files = found.table, dict[str, Path]()
        for name, kind in found.types.items():
            if kind in MEDIA_TYPES:
                media = from_paths(name, kind, table[name], file.parent, table.to_series(0), of=of)
                table = table.with_columns(media.column)
                files.update(media.files)
                aside.append(media.rejected)
                notes += media.notes
        return Table(table, found.types), files


def typed_header(line: str) -> bool:
    """Tell whether a header is RecBole's: every field ends with its type.

    Example:
        >>> typed_header("user_id:token\\titem_id:token"), typed_header("userID\\titemID\\tx_label")
        (True, False)
    """
    fields = line.split(_separator(line))
    return len(fields) > 1 and all(name.rpartition(":")[2].strip() in _FIELD_TYPES for name in fields)


def _separator(line: str) -> str:
    return "\t" if "\t" in line else max(",;|", key=line.count)


def _files(src: Path, parts: list[str]) -> tuple[str, dict[str, Path], list[str]]:
    """Return the name of the data set, its .inter files by split ("" where there is none), and what is left out."""
    found = files_in(src, ".inter")
    if not found:
        raise DataError(f"{src} holds no .inter file: give a folder of RecBole atomic files, or a .inter file")
    known = {part: split for split, names in _PARTS.items() for part in names}
    if parts:
        known = dict(zip(parts, _PARTS, strict=False))
    whole: dict[str, Path] = {}
    split_up: dict[str, dict[str, Path]] = {}
    for file in found:
        stem, _, part = file.stem.rpartition(".")
        if stem and part in known:
            other = split_up.setdefault(stem, {}).setdefault(known[part], file)
            if other != file:
                raise DataError(f"{other.name} and {file.name} are both the {known[part]} part: take one of them away")
        else:
            whole[file.stem] = file
    if src.is_file() and split_up:  # one part was named: its split is meant as a whole
        stem = next(iter(split_up))
        beside = [src.parent / f"{stem}.{part}.inter" for part in known]
        split_up[stem] = {known[file.stem.rpartition(".")[2]]: file for file in beside if file.is_file()}
    names = sorted({*whole, *split_up})
    if len(names) > 1:
        raise DataError(
            f"{src} holds the .inter files of {', '.join(names)}: name one of the files"
            + (
                ", or name the parts of a split with --parts train,valid,test"
                if any("." in name for name in names)
                else ""
            )
        )
    files = {split: split_up[names[0]][split] for split in _PARTS if split in split_up.get(names[0], {})}
    notes = [f"left out: {whole[names[0]].name}, since its parts have the split"] if files and whole else []
    return names[0], files or {"": whole[names[0]]}, notes


def _typed_fields(file: Path) -> tuple[Read, dict[str, str]]:
    """Read a file; returns it with plain column names, and the type of each.

    Raises:
        DataError: a field has no type, or an unknown one.
    """
    head = first_line(file)
    read = read_table(file, separator=_separator(head))
    need_rows(read.table, file)
    types: dict[str, str] = {}
    for name in read.table.columns:
        plain, colon, kind = name.rpartition(":")
        if not colon or kind.strip() not in _FIELD_TYPES:
            what = f"the field '{name}' without a type" if not colon else f"the field '{name}', whose type is unknown"
            raise DataError(f"{file.name} has {what}: write NAME:TYPE with one of {', '.join(_FIELD_TYPES)}")
        if plain.strip() in types:
            raise DataError(f"{file.name} has the field '{plain.strip()}' twice: rename one")
        types[plain.strip()] = kind.strip()
    table = read.table.rename(dict(zip(read.table.columns, types, strict=True)))
    return Read(table, read.rejected, read.rows), types


def _column_type(column: pl.Series, kind: str) -> ColumnType:
    """Return the type of a column: tokens are categories, unless they are texts or files; sequences of them are texts."""
    if kind == "float":
        return "number"
    if kind == "float_seq":
        return "series"
    guessed = guess_type(column)
    if guessed in ("text", "image", "audio", "video"):
        return guessed
    return "text" if kind == "token_seq" else "category"


def _with_series(
    raw: pl.DataFrame, rows: pl.Series | None, names: list[str], key: str, place: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the table with sequences of numbers as lists, and the values that are none."""
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64) if rows is None else pl.lit(rows)
    aside = [frame_of([])]
    for name in names:
        words = pl.col(name).str.strip_chars().str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
        numbers = words.list.eval(pl.element().cast(pl.Float64, strict=False))
        broken = numbers.list.eval(pl.element().is_null()).list.any().fill_null(False)
        told = raw.select(
            pl.lit(place).alias("place"),
            number.alias("row"),
            pl.col(key).alias("id"),
            pl.lit(f"the {name} is not a sequence of numbers: left empty").alias("reason"),
            pl.col(name).alias("value"),
            broken.alias("_broken"),
        )
        aside.append(told.filter("_broken").drop("_broken"))
        empty = broken | (numbers.list.len() == 0)
        raw = raw.with_columns(pl.when(~empty).then(numbers).alias(name))
    return raw, pl.concat(aside)
