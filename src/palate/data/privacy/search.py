"""A search for an id in every file of a folder: tables are unpacked, everything else is read byte by byte."""

from __future__ import annotations

import gzip
import mmap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from palate.core.errors import StoreError
from palate.core.progress import track
from palate.data import quarantine
from palate.data.feature_folder import part_of
from palate.data.privacy.mention import Mention
from palate.data.privacy.receipt import FOLDER

_PACKED = {".zip", ".bz2", ".xz", ".zst", ".7z", ".rar"}


@dataclass(frozen=True)
class Found:
    """What was searched, and where the id stands.

    `theirs` are places where it can only mean the person; `elsewhere` it may mean something else.
    """

    files: int
    bytes: int
    theirs: dict[str, int]
    elsewhere: dict[str, int]
    unread: tuple[str, ...]


def search(folders: Sequence[Path], person: Mention) -> Found:
    """Look for an id in every file of some folders, and in the files' names.

    Tables: a cell that equals the id, in a column of users' ids, is theirs; in any other column, or where the id stands
    by itself in a text, it is elsewhere. All other files, and tables as they lie on the disk, are searched for the bytes
    of the id as it is, as JSON and as an address have it, standing by themselves; in files of numbers an id of fewer than six bytes is
    not looked for, since any may hold these by chance.

    Raises:
        StoreError: a file cannot be read.
    """
    theirs: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    unread, size = [], 0
    files = [(folder, path) for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    for folder, path in track(files, "searching", len(files), "files"):
        inside = path.relative_to(folder)
        place = str(inside) if len(folders) == 1 else str(folder.name / inside)
        size += path.stat().st_size
        place, named = person.masked(place)
        elsewhere["names of files"] += named
        try:
            if path.suffix == ".parquet":
                size += _table(path, place, inside, person, theirs, elsewhere)
            elif path.suffix in _PACKED:
                unread.append(place)
            elif (person.rare or inside.parts[0] != FOLDER) and (count := _bytes(path, person)):
                elsewhere[place] += count
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError(
                f"{path} could not be searched ({error}): mend or remove it, and run the command again"
            ) from error
    return Found(len(files), size, dict(+theirs), dict(+elsewhere), tuple(unread))


def _table(path: Path, place: str, inside: Path, person: Mention, theirs: Counter[str], elsewhere: Counter[str]) -> int:
    """Count in every column of a table and in its bytes; returns how many bytes it has unpacked."""
    frame = pl.read_parquet(path, memory_map=False)
    keys = {"user_id"} | ({"id"} if _of_users(path) or (inside.name == quarantine.FILE and not person.item) else set())
    inner = 0
    for name, column in text_columns(frame):
        equal, pairs = int((column == person.user).sum()), 0
        if inside.name == quarantine.FILE and name == "id":
            pairs = int(column.str.starts_with(f"{person.user} → ").sum())
        count = sum(len(person.spans(column[row])) for row in person.rows(column))
        mine = pairs + (equal if name in keys else 0)
        theirs[f"{place} {name}"] += mine
        elsewhere[f"{place} {name}"] += max(count - mine, 0)
        inner += max(count, mine)
    if not inner and person.rare and (count := _bytes(path, person)):
        elsewhere[f"{place} bytes"] += count
    return int(frame.estimated_size())


def text_columns(frame: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Yield the columns of a table that can hold text, as text: lists and structures as JSON."""
    for name in frame.columns:
        column = frame[name]
        if column.dtype == pl.String:
            yield name, column
        elif column.dtype in (pl.Categorical, pl.Enum):
            yield name, column.cast(pl.String)
        elif column.dtype == pl.Binary:
            yield name, pl.Series(name, [None if cell is None else cell.decode("utf-8", "replace") for cell in column])
        elif column.dtype.is_nested():
            yield name, column.to_frame("cell").to_struct().struct.json_encode().alias(name)


def _of_users(path: Path) -> bool:
    return path.name == "ids.parquet" and part_of(path.parent) == "users"


def _bytes(path: Path, person: Mention) -> int:
    """Count where the id stands by itself in a file, as text where it is text."""
    if path.stat().st_size == 0:
        return 0
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            return _counted(packed.read(), person)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _counted(content, person)


def _counted(content: bytes | mmap.mmap, person: Mention) -> int:
    hits = person.count(content)
    text = as_text(content) if hits else None
    if text is not None:
        return len(person.spans(text))
    return hits if person.rare else 0


def as_text(content: bytes | mmap.mmap) -> str | None:
    """Return the text that the bytes are in UTF-8; None where they are none."""
    if content.find(b"\0") >= 0:
        return None
    try:
        return content[:].decode("utf-8")
    except UnicodeDecodeError:
        return None
