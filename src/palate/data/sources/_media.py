"""Where an import finds its media: a folder of ITEM_ID.ext, or a column of paths."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from palate.data.media import EXTENSIONS, home, is_url, names_file, told_addresses
from palate.data.quarantine import Rejected, frame_of

_USUAL = {"image": ".jpg", "audio": ".mp3", "video": ".mp4"}


@dataclass(frozen=True)
class Media:
    """A media column with paths inside the dataset folder, the files that go there, and what was set aside."""

    column: pl.Series = field(default_factory=lambda: pl.Series("none", [], dtype=pl.String))
    files: Mapping[str, Path] = field(default_factory=dict)
    rejected: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    notes: tuple[str, ...] = ()


def from_folder(name: str, kind: str, folder: Path, ids: pl.Series, of: str = "items") -> Media:
    """Take the files of a folder that are called ID.ext; those that belong to no id, or are no media, are set aside."""
    door, prefix = Door(folder), home(name, of)
    by_id: dict[str, str] = {}
    files: dict[str, Path] = {}
    aside: list[Rejected] = []
    known = set(ids.to_list())
    for file in sorted(entry.name for entry in os.scandir(folder) if not entry.is_dir()):
        what, ending = os.path.splitext(file)
        if file.startswith("."):
            continue
        if not _is_unicode(file):
            shown = os.fsencode(file).decode("utf-8", "backslashreplace")
            aside.append(Rejected(name, None, None, "the name of the file is not Unicode: rename it", shown))
            continue
        if kind in EXTENSIONS and ending.lower() not in EXTENSIONS[kind]:
            aside.append(Rejected(name, None, what, f"'{ending}' is no ending of {kind} files", file))
        elif what not in known:
            aside.append(Rejected(name, None, what, f"no row of {of} has the id that the file is named after", file))
        elif what in by_id:
            aside.append(Rejected(name, None, what, f"another {kind} has the same id", file))
        elif isinstance(found := door.open(file), str):
            aside.append(Rejected(name, None, what, f"the {kind} was left out: {found}", file))
        else:
            by_id[what] = prefix + file
            files[prefix + file] = found[1]
    values = [by_id.get(what) for what in ids.to_list()]
    notes = []
    if not files:
        example = f"{ids[0] if len(ids) else 'ID'}{_USUAL.get(kind, '.csv')}"
        notes.append(f"no {kind} of '{name}' was found in {folder}: the files are to be called as in {example}")
    if any(inside.is_dir() for inside in folder.iterdir() if not inside.name.startswith(".")):
        notes.append(f"{folder} holds folders, in which no {kind} was looked for: a column of paths can name those")
    return Media(pl.Series(name, values, dtype=pl.String), files, frame_of(aside), tuple(notes))


def from_paths(
    name: str, kind: str, paths: pl.Series, base: Path, ids: pl.Series, rows: pl.Series | None = None, of: str = "items"
) -> Media:
    """Take the files that a column names, relative to `base`; a path that leaves it or leads nowhere is set aside.

    In a column that is neither of pictures, sounds nor videos, a value that names no file stays: it is the content.
    """
    if paths.dtype.is_nested():
        return Media(paths.alias(name))
    door, prefix = Door(base), home(name, of)
    numbers = rows.to_list() if rows is not None else range(1, len(paths) + 1)
    values: list[str | None] = []
    files: dict[str, Path] = {}
    aside: list[Rejected] = []
    urls = 0
    for value, what, row in zip(paths.to_list(), ids.to_list(), numbers, strict=True):
        text = (value or "").strip()
        if not text or is_url(text) or (kind not in EXTENSIONS and not names_file(text)):
            urls += is_url(text)
            values.append(text or None)
            continue
        found = door.open(text.replace("\\", "/"))
        if isinstance(found, str):
            aside.append(Rejected(name, row, what, f"the {kind} was left out: {found}", text))
            values.append(None)
            continue
        files[prefix + found[0]] = found[1]
        values.append(prefix + found[0])
    notes = [f"{told_addresses(urls, name)}: kept as they are; 'palate data fetch' brings the files"] if urls else []
    if aside and not files:
        notes.append(
            f"no file that '{name}' names was found in {base}, as in '{aside[0].value}': name the folder with --media"
        )
    return Media(pl.Series(name, values, dtype=pl.String), files, frame_of(aside), tuple(notes))


def _is_unicode(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


class Door:
    """Lets in the files of one folder: neither a path nor where its links lead may leave it."""

    def __init__(self, folder: Path) -> None:
        self.plain = os.path.abspath(folder)
        self.real = os.path.realpath(folder)
        self._parents: dict[str, str] = {}

    def open(self, path: str) -> tuple[str, Path] | str:
        """Return the path inside the folder and the real file; or, as a sentence, why it cannot be taken."""
        plain = os.path.normpath(os.path.join(self.plain, path))
        try:
            if not plain.startswith(self.plain + os.sep):
                return "the path leads out of the folder"
            parent, name = os.path.split(plain)
            if parent not in self._parents:
                self._parents[parent] = os.path.realpath(parent)
            real = os.path.join(self._parents[parent], name)
            if os.path.islink(real):
                real = os.path.realpath(real)
            if not real.startswith(self.real + os.sep):
                return "the path leads out of the folder"
            mode = os.stat(real).st_mode
        except FileNotFoundError:
            return "there is no such file"
        except (OSError, ValueError) as error:
            return f"the path cannot be used ({error})"
        if not stat.S_ISREG(mode):
            return "it is not a file"
        if not os.access(real, os.R_OK):
            return "it may not be read"
        return plain[len(self.plain) + 1 :].replace(os.sep, "/"), Path(real)
