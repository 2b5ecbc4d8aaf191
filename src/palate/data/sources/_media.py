"""Where an import finds its media: a folder of ITEM_ID.ext, or a column of paths."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import polars as pl

from palate.data.media import EXTENSIONS, home, is_url
from palate.data.quarantine import Rejected, frame_of


@dataclass(frozen=True)
class Media:
    """A media column with paths inside the dataset folder, the files that go there, and what was set aside."""

    column: pl.Series = field(default_factory=lambda: pl.Series("none", [], dtype=pl.String))
    files: Mapping[str, Path] = field(default_factory=dict)
    rejected: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    notes: tuple[str, ...] = ()


def from_folder(name: str, kind: str, folder: Path, ids: pl.Series, of: str = "items") -> Media:
    """Take the files of a folder that are called ID.ext; those that belong to no id, or are no media, are set aside."""
    base = folder.resolve()
    by_id: dict[str, Path] = {}
    aside: list[Rejected] = []
    known = set(ids.to_list())
    for file in sorted(folder.iterdir()):
        if file.is_dir() or file.name.startswith("."):
            continue
        what = file.stem
        if file.suffix.lower() not in EXTENSIONS[kind]:
            aside.append(Rejected(name, None, what, f"'{file.suffix}' is no ending of {kind} files", file.name))
        elif what not in known:
            aside.append(
                Rejected(name, None, what, f"no row of {of} has the id that the file is named after", file.name)
            )
        elif what in by_id:
            aside.append(Rejected(name, None, what, f"another {kind} has the same id", file.name))
        elif reason := _unusable(file, base):
            aside.append(Rejected(name, None, what, reason, file.name))
        else:
            by_id[what] = file
    prefix = home(name, of)
    files = {prefix + file.name: file.resolve() for file in by_id.values()}
    values = [prefix + by_id[what].name if what in by_id else None for what in ids.to_list()]
    return Media(pl.Series(name, values, dtype=pl.String), files, frame_of(aside))


def from_paths(
    name: str, kind: str, paths: pl.Series, base: Path, ids: pl.Series, rows: pl.Series | None = None, of: str = "items"
) -> Media:
    """Take the files that a column names, relative to `base`; a path that leaves it or leads nowhere is set aside."""
    root, prefix = base.resolve(), home(name, of)
    numbers = rows.to_list() if rows is not None else range(1, len(paths) + 1)
    values: list[str | None] = []
    files: dict[str, Path] = {}
    aside: list[Rejected] = []
    urls = 0
    for value, what, row in zip(paths.to_list(), ids.to_list(), numbers, strict=True):
        text = (value or "").strip()
        if not text or is_url(text):
            urls += bool(text)
            values.append(text or None)
            continue
        file = base / text.replace("\\", "/")
        if reason := _unusable(file, root):
            aside.append(Rejected(name, row, what, f"the {kind} was left out: {reason}", text))
            values.append(None)
            continue
        inside = prefix + str(PurePosixPath(*Path(os.path.abspath(file)).relative_to(os.path.abspath(base)).parts))
        files[inside] = file.resolve()
        values.append(inside)
    notes = (f"{urls:,} values of '{name}' are addresses: kept as they are, not fetched",) if urls else ()
    return Media(pl.Series(name, values, dtype=pl.String), files, frame_of(aside), notes)


def _unusable(file: Path, root: Path) -> str | None:
    """Tell why a file cannot be taken, or None where it can."""
    try:
        real = file.resolve()
        if not real.is_relative_to(root) or not Path(os.path.abspath(file)).is_relative_to(os.path.abspath(root)):
            return "the path leads out of the folder" if not real.is_relative_to(root) else None
        if not real.exists():
            return "there is no such file"
        if not real.is_file():
            return "it is not a file"
        if not os.access(real, os.R_OK):
            return "it may not be read"
    except (OSError, ValueError) as error:
        return f"the path cannot be used ({error})"
    return None
