"""Tables: CSV, TSV, Parquet or JSON lines of interactions, items and users, with media beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from pydantic import Field

from palate.core.errors import DataError
from palate.data.assemble import Table as Typed
from palate.data.assemble import assemble, typed_table
from palate.data.catalogue import MEDIA_TYPES, VALUE_TYPES, ColumnType
from palate.data.features import OF, Of
from palate.data.rows import ROW_COLUMNS, Rows, find_columns, plain_name, shown_text, typed_rows
from palate.data.sources._base import Gathered, Source, SourceConfig, need_rows, need_usable
from palate.data.sources._columns import Declared, place_columns
from palate.data.sources._expects import Expected
from palate.data.sources._media import Media, from_folder, from_paths
from palate.data.sources._read import Read, read_table

_ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".csv.gz", ".tsv.gz")
_STEMS = {
    "interactions": ("interactions", "events", "ratings", "reviews", "clicks", "purchases", "plays", "log"),
    "items": (
        "items",
        "catalogue",
        "catalog",
        "products",
        "movies",
        "films",
        "songs",
        "tracks",
        "videos",
        "articles",
        "books",
    ),
    "users": ("users", "people", "customers", "members"),
}
_ROLE = {"items": "item", "users": "user"}


class TableConfig(SourceConfig):
    """Which files and which columns.

    A typed column is written as its name in the dataset -> where it is: the column of a table or, for media, a
    folder of files called ITEM_ID.ext. A name such as users.avatar or interactions.photo says whose it is.
    """

    interactions: str | None = None
    """File of interactions, in SRC or from the working folder; None takes events.csv, ratings.parquet or the like."""
    items: str | None = None
    """File of items; None takes items.csv, products.jsonl or the like, if there is one."""
    users: str | None = None
    """File of users; None takes users.csv or the like, if there is one."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Role (user, item, weight, timestamp, kind, text, split) -> column, where the names are unusual."""
    text: dict[str, str] = Field(default_factory=dict)
    """Columns of text."""
    image: dict[str, str] = Field(default_factory=dict)
    """Columns of pictures."""
    audio: dict[str, str] = Field(default_factory=dict)
    """Columns of sounds."""
    video: dict[str, str] = Field(default_factory=dict)
    """Columns of videos."""
    number: dict[str, str] = Field(default_factory=dict)
    """Columns of numbers."""
    category: dict[str, str] = Field(default_factory=dict)
    """Columns of categories."""
    date: dict[str, str] = Field(default_factory=dict)
    """Columns of days, as in 2026-01-31."""
    others: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Columns of any other modality, as {"series": {"price": "price"}}: values, paths of files, or a folder of those."""
    media: str | None = None
    """Folder that the paths in media columns are relative to; None takes the folder of the table."""
    encoding: str = "utf-8"
    """Encoding of text files, as in gb18030."""


class Table(Source[TableConfig]):
    """Tables (CSV, TSV, Parquet, JSON lines) of interactions, items and users, with media beside them."""

    name = "table"
    config_type = TableConfig
    expects = (
        Expected(
            "events.csv",
            "interactions; also TSV, Parquet or JSON lines",
            "ann,7,5,1700000000",
            "user_id,item_id,rating,timestamp",
        ),
        Expected(
            "items.csv",
            "items, with any columns; events.csv, items.csv or both",
            "7,A lamp,19.5,photos/7.jpg",
            "item_id,title,price,photo",
        ),
        Expected("users.csv", "users, with any columns", "ann,34", "user_id,age"),
        Expected("photos/", "media that a column names, or ITEM_ID.ext files", "photos/7.jpg"),
    )

    def gather(self, src: Path) -> Gathered:
        """Read the tables that are named or found in `src`, and find the media."""
        files = self._files(src)
        read = {what: read_table(file, encoding=self.config.encoding) for what, file in files.items()}
        for what, table in read.items():
            need_rows(table.table, files[what])
        work = _Work(self.config, src if src.is_dir() else src.parent)
        work.find_columns({what: read[what].table.columns for what in OF if what in read})
        items = work.typed(read.get("items"), "items", files)
        users = work.typed(read.get("users"), "users", files)
        rows = self._rows(read.get("interactions"), files, work)
        name = src.resolve().stem if src.is_file() else src.resolve().name
        data, more = assemble(rows, items, users, name, positive=self.config.positive)
        return Gathered(data, work.files, pl.concat(work.aside), (*work.notes, *more), work.places(files))

    def _files(self, src: Path) -> dict[str, Path]:
        base = src if src.is_dir() else src.parent
        named = {what: getattr(self.config, what) for what in _STEMS}
        files = {what: _named_file(base, name) for what, name in named.items() if name is not None}
        if src.is_file():
            if src not in files.values():
                what = "items" if "interactions" in files or _is_catalogue(src, self.config) else "interactions"
                files.setdefault(what, src)
            return files
        for what, stems in _STEMS.items():
            found = (base / f"{stem}{ending}" for stem in stems for ending in _ENDINGS)
            match = next((file for file in found if file.is_file()), None)
            if what not in files and match is not None:
                files[what] = match
        if not files.keys() & {"interactions", "items"}:
            there = ", ".join(sorted(file.name for file in src.iterdir())[:8]) or "nothing"
            raise DataError(
                f"{src} holds no table such as events.csv or items.csv (it holds {there}): name them with --interactions and --items"
            )
        return files

    def _rows(self, read: Read | None, files: Mapping[str, Path], work: _Work) -> Rows | None:
        if read is None:
            return None
        place = files["interactions"].name
        columns = find_columns(read.table, self.config.columns, place, ("user", "item"))
        raw, more = work.more_of_interactions(read, columns, files["interactions"])
        rows = typed_rows(raw, columns, place, read.rows, more)
        work.aside += [read.rejected, rows.rejected]
        need_usable(rows.table, rows.rejected, place)
        work.notes += rows.notes
        used = {*columns.values(), *(column.where for column in work.of("interactions"))}
        left = [name for name in read.table.columns if name not in used]
        if left:
            work.notes.append(f"columns of {place} that were left out: {', '.join(left)}")
        return rows


@dataclass
class _Work:
    """What one import gathers on its way."""

    config: TableConfig
    base: Path
    columns: list[Declared] = field(default_factory=list)
    aside: list[pl.DataFrame] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def find_columns(self, tables: Mapping[Of, Sequence[str]]) -> None:
        """Find the table of each column that was declared."""
        own = {kind: getattr(self.config, kind) for kind in (*VALUE_TYPES, *MEDIA_TYPES)}
        kinds = {**own, **self.config.others}
        named = [(name, where, kind) for kind, columns in kinds.items() for name, where in columns.items()]
        self.columns = place_columns(named, tables, lambda where: _place(self.base, where).is_dir())

    def places(self, files: Mapping[str, Path]) -> tuple[Path, ...]:
        """Return the files and folders that are read."""
        folders = [column.where for column in self.columns if column.folder] + [self.config.media or ""]
        return (*files.values(), *(_place(self.base, name) for name in folders if name))

    def of(self, of: str) -> list[Declared]:
        """Return the declared columns of one table."""
        return [column for column in self.columns if column.of == of]

    def more_of_interactions(
        self, read: Read, columns: dict[str, str], file: Path
    ) -> tuple[pl.DataFrame, dict[str, tuple[str, ColumnType]]]:
        """Return the table of interactions with its media found, and the columns it has beside those with a role.

        A column of text that is called `text` has that role, which is added to `columns`.
        """
        raw, more = read.table, dict[str, tuple[str, ColumnType]]()
        for column in self.of("interactions"):
            review = columns.get("text", column.where if column.name == "text" else "")
            if column.kind == "text" and column.where == review:
                columns["text"] = column.where
                continue
            if column.name in ROW_COLUMNS:
                raise DataError(
                    f"'{column.name}' is the name of another column of interactions: choose a name, as in "
                    f"--{column.kind} interactions.my-{column.name}={column.where}"
                )
            more[column.name] = (column.where, column.kind)
            if column.kind not in VALUE_TYPES:
                media = self._media_of_rows(column, read, columns, file)
                more[column.name] = (f"media of {column.name}", column.kind)
                raw = raw.with_columns(media.column.alias(f"media of {column.name}"))
        return raw, more

    def _media_of_rows(self, column: Declared, read: Read, columns: Mapping[str, str], file: Path) -> Media:
        root = _place(self.base, self.config.media) if self.config.media else file.parent
        ids = [shown_text(read.table[columns[role]]).fill_null("?") for role in ("user", "item")]
        who = pl.select(pl.concat_str(ids, separator=" → ")).to_series()
        given = read.table[column.where]
        paths = given if given.dtype.is_nested() else shown_text(given)
        found = from_paths(column.name, column.kind, paths, root, who, read.rows, "interactions")
        self._take(found)
        return found

    def typed(self, read: Read | None, of: str, files: Mapping[str, Path]) -> Typed | None:
        """Bring a table of items or users into one form, with its media."""
        if read is None:
            return None
        place, role = files[of].name, _ROLE[of]
        key = _key(read.table, role, self.config.columns, place)
        raw, types = self._renamed(read.table, of)
        table = typed_table(raw, key, f"{role}_id", types, place, read.rows)
        self.aside += [read.rejected, table.rejected]
        need_usable(table.table, table.rejected, place)
        self.notes += table.notes
        guessed = [f"{name} ({kind})" for name, kind in table.types.items() if name not in types]
        if guessed:
            self.notes.append(f"types guessed from the values of {place}: {', '.join(guessed)}")
        return self._with_media(table, of, files[of])

    def _renamed(self, raw: pl.DataFrame, of: str) -> tuple[pl.DataFrame, dict[str, ColumnType]]:
        mine = [column for column in self.of(of) if not column.folder]
        renamed = {column.where for column in mine if column.name != column.where}
        kept = {column.name for column in self.of(of)}
        raw = raw.with_columns([raw[column.where].alias(column.name) for column in mine])
        return raw.drop([where for where in renamed if where not in kept]), {
            column.name: column.kind for column in mine
        }

    def _with_media(self, table: Typed, of: str, file: Path) -> Typed:
        frame, types = table.table, dict(table.types)
        ids = frame.to_series(0)
        root = _place(self.base, self.config.media) if self.config.media else file.parent
        columns = [(name, kind) for name, kind in types.items() if kind not in VALUE_TYPES]
        found = [from_paths(name, kind, frame[name], root, ids, of=of) for name, kind in columns]
        for column in self.of(of):
            if column.folder:
                found.append(from_folder(column.name, column.kind, _place(self.base, column.where), ids, of))
                types[column.name] = column.kind
        for media in found:
            self._take(media)
        return Typed(frame.with_columns(media.column for media in found), types, table.rejected, table.notes)

    def _take(self, media: Media) -> None:
        self.files.update(media.files)
        self.aside.append(media.rejected)
        self.notes += media.notes


def _place(base: Path, name: str) -> Path:
    """Return the path of a name that was given: inside SRC, or else from where the command runs."""
    inside = base / name
    return Path(name) if not inside.exists() and Path(name).exists() else inside


def _named_file(base: Path, name: str) -> Path:
    place = _place(base, name)
    if not place.exists():
        raise DataError(
            f"there is no file '{name}', neither in {base} nor where the command runs: name a CSV, TSV, Parquet or JSON "
            "lines file"
        )
    return place


def _key(table: pl.DataFrame, role: str, columns: Mapping[str, str], place: str) -> str:
    own = {role: columns[role]} if columns.get(role) in table.columns else {}
    bare = next((name for name in table.columns if plain_name(name) == "id"), None)
    if not own and bare is not None and plain_name(f"{role}_id") not in map(plain_name, table.columns):
        own = {role: bare}
    return find_columns(table, own, place, (role,))[role]


def _is_catalogue(src: Path, config: TableConfig) -> bool:
    """Tell whether a lone file is a table of items: nobody does anything in it."""
    table = read_table(src, encoding=config.encoding).table
    found = find_columns(
        table, {role: name for role, name in config.columns.items() if name in table.columns}, src.name, ()
    )
    return "user" not in found and ("item" in found or any(plain_name(name) == "id" for name in table.columns))
