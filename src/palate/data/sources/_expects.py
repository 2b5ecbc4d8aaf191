"""What a format consists of, and which format lies somewhere."""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_HEAD = 1 << 16


@dataclass(frozen=True)
class Expected:
    """A file of a format, with a line of it."""

    file: str
    """Its name; capitals stand for what varies."""
    holds: str
    example: str
    """One line of it; for a folder, the name of a file in it."""
    header: str = ""
    """The line before, where there is one."""
    layout: str = ""
    """Which variant of the format it belongs to, where there are several."""
    needed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def seen_as(src: Path, but: str) -> tuple[str, str] | None:
    """Return the name and the description of the format, other than `but`, that lies at a place; None for none known."""
    from palate.data.sources import registry  # the registry is made of the sources that ask this

    for name in registry.names():
        with suppress(OSError):
            if name != but and (what := registry.get(name).recognise(src)):
                return name, what
    return None


def first_line(path: Path) -> str:
    """Return the first line of a file of text, plain or packed; empty where it cannot be read."""
    return head_of(path).partition("\n")[0].strip()


def head_of(path: Path) -> str:
    """Return the first 64 KiB of a file of text, plain or packed, as far as they can be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.startswith(b"\x1f\x8b"):
            head = zlib.decompressobj(31).decompress(head, _HEAD)
    except (OSError, zlib.error):
        return ""
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def files_in(src: Path, *endings: str) -> list[Path]:
    """Return the files with one of these endings at a place, which may be one of them."""
    if src.is_file():
        return [src] if src.name.lower().endswith(endings) else []
    if not src.is_dir():
        return []
    return sorted(file for file in src.iterdir() if file.name.lower().endswith(endings) and file.is_file())
