"""Media files: what they are called, how they are brought into a dataset folder, whether they can be opened."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from functools import cache
from pathlib import Path, PurePosixPath

import polars as pl

from palate.core.wording import some

EXTENSIONS = {
    "image": {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2"},
    "audio": {".wav", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".aac", ".aiff", ".aif", ".wma"},
    "video": {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ogv", ".flv", ".wmv"},
}
"""File name endings by kind of media."""
MAX_SIDE = 20_000
MAX_PIXELS = 100_000_000
"""Larger pictures are not decoded, by `palate data check` or an encoder."""
FILE_NAME = r"(?s)^(?:[^\n\[{]{1,1000}\.[A-Za-z][A-Za-z0-9]{0,7}|[a-z]+://.*)\s*$"
"""What a value looks like that names a file or its address, in columns that may hold the content itself as well."""
_PICTURES = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "ICO", "JPEG2000")


@cache
def picture_kinds() -> tuple[str, ...]:
    """Return the kinds that this Pillow was built with, of those that are pictures and start no other program."""
    from PIL import Image

    Image.init()
    return tuple(kind for kind in _PICTURES if kind in Image.OPEN)


def is_url(value: str) -> bool:
    """Tell whether a value of a media column is an address rather than a path."""
    return "://" in value


def names_file(value: object) -> bool:
    """Tell whether a value is the name or the address of a file rather than the content itself.

    Example:
        >>> names_file("prices/7.csv"), names_file("1.5, 2.5"), names_file("[1, 2]"), names_file("https://a.example/7")
        (True, False, False, True)
    """
    return isinstance(value, str) and re.match(FILE_NAME, value) is not None


def fetched(url: str) -> str:
    """Return where in a dataset folder the file of an address lies once it was fetched; the ending is that of its path.

    Example:
        >>> fetched("https://example.com/a.jpg?size=2")
        'media/fetched/50bec8315c936b0fdb0eff7f.jpg'
    """
    url = url.strip()
    ending = PurePosixPath(url.partition("?")[0].partition("#")[0]).suffix.lower()
    known = ending if any(ending in endings for endings in EXTENSIONS.values()) else ""
    return f"media/fetched/{hashlib.blake2b(url.encode(), digest_size=12).hexdigest()}{known}"


def addresses(column: pl.Series) -> pl.Series:
    """Tell which values of a media column are addresses; bool[n]."""
    return column.cast(pl.String).str.contains("://", literal=True).fill_null(False)


def unfetched(column: pl.Series, root: Path | None) -> pl.Series:
    """Tell which values of a media column are addresses whose file is not in the dataset folder; bool[n]."""
    values = column.cast(pl.String)
    away = addresses(values)
    if root is None or not away.any() or not (root / "media" / "fetched").is_dir():
        return away
    there = [bool(far) and (root / fetched(value)).is_file() for value, far in zip(values.to_list(), away, strict=True)]
    return away & ~pl.Series(there, dtype=pl.Boolean)


def told_addresses(n: int, name: str) -> str:
    """Return a clause that tells how many values of a media column are addresses."""
    return some(n, f"value of '{name}' is an address", f"values of '{name}' are addresses")


def bring(source: Path, target: Path) -> None:
    """Put a file at `target`: a hard link where the disk allows one, else a copy; what is there already stays."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(os.path.realpath(source), target)  # a link to a link would lead elsewhere
    except OSError:
        shutil.copyfile(source, target)


def home(column: str, of: str = "items") -> str:
    """Return the prefix of a column's files inside a dataset folder.

    Example:
        >>> home("poster"), home("photo", "users")
        ('media/poster/', 'media/users.photo/')
    """
    return f"media/{column}/" if of == "items" else f"media/{of}.{column}/"


def stray(value: str) -> bool:
    """Tell whether a relative path leaves the folder that it is relative to, or can be no path at all."""
    path = PurePosixPath(value.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or value[1:2] == ":" or "\0" in value


def bring_column(values: pl.Series, root: Path, folder: Path, prefix: str, always: bool = True) -> pl.Series:
    """Bring the files of a column into a dataset folder; returns the column with paths relative to that folder.

    Where not `always`, a value that does not look like the name of a file is none. A file that is not there is left for `palate data check` to tell; an address stays what it is, and its file comes
    along if it was fetched.
    """
    placed: list[str | None] = []
    for value in values.to_list():
        if value and is_url(value) and (root / fetched(value)).is_file():
            bring(root / fetched(value), folder / fetched(value))
        if not value or is_url(value) or stray(value) or not (always or names_file(value)):
            placed.append(value)
            continue
        inside = value if value.startswith("media/") else prefix + value
        if (root / value).is_file():
            bring(root / value, folder / inside)
        placed.append(inside)
    return pl.Series(values.name, placed, dtype=pl.String)
