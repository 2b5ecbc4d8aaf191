"""The page that every report stands on: one HTML file, or the same words in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template

from palate.core.errors import RequestError
from palate.data.dataset import Dataset
from palate.evaluation._report_blocks import plain
from palate.evaluation._report_lines import STYLE

MARK = "Palate report</title>"
"""What the beginning of every page holds."""
NOTE = "<!-- Palate report -->"
"""What every other report begins with."""


def page(data: Dataset, main: str) -> str:
    """Return a whole page around its sections."""
    room = files("palate.evaluation")
    return Template(room.joinpath("report.html").read_text(encoding="utf-8")).substitute(
        style=room.joinpath("report.css").read_text(encoding="utf-8") + STYLE,
        name=escape(data.name),
        version=escape(version("palate")),
        fingerprint=escape(data.fingerprint[:12]),
        main=main,
    )


def markdown_page(data: Dataset, main: str) -> str:
    """Return a whole Markdown report around its sections."""
    return f"{NOTE}\n\n# {plain(data.name)}\n\n{main.strip()}\n\nPalate {version('palate')}, data {data.fingerprint[:12]}\n"


def refuse_foreign(path: Path, kinds: Sequence[str] = (".html", ".md")) -> None:
    """Refuse to write a report over something else, such as the data, or as a kind of file that there is not.

    Raises:
        RequestError: a folder, or a file that is no report of Palate's, stands at `path`; or its ending is none of `kinds`.
    """
    if path.is_dir():
        raise RequestError(f"{path} is a folder: name a file for the report, such as {path / 'report.html'}")
    if kind_of(path) not in kinds:
        raise RequestError(f"a report cannot be written as '{path.name}': its name must end in {' or '.join(kinds)}")
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        head = file.read(1000)
    if MARK.encode() not in head and NOTE.encode() not in head:
        raise RequestError(f"{path} exists and is no report, so it is not replaced: choose another place")


def kind_of(path: Path) -> str:
    """Return a file's ending in small letters, .htm as .html."""
    return {".htm": ".html", ".markdown": ".md"}.get(path.suffix.lower(), path.suffix.lower())
