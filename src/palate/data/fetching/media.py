"""Every address of a dataset's media columns: fetched once, many at a time, what cannot be had in the quarantine."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from palate.core.errors import DataError
from palate.core.files import replacing_file
from palate.core.interrupts import heed_interrupts
from palate.core.progress import progress
from palate.data import quarantine
from palate.data.catalogue import MEDIA_TYPES, Catalogue
from palate.data.dataset import Dataset
from palate.data.features import OF, Of, part_name
from palate.data.fetching.network import Address, Downloader, Limits, Refused, server_of
from palate.data.media import addresses, fetched, is_url
from palate.data.quarantine import Rejected

_AT_ONCE = 16
_PER_SERVER = 4
"""Downloads at once from one server, so that nobody is overrun."""


@dataclass(frozen=True)
class Fetched:
    """What was done for one column."""

    column: str
    addresses: int
    """Different ones."""
    there: int
    """Of them, those that an earlier run had brought."""
    brought: int
    refused: int


def fetch_media(
    data: Dataset, limits: Limits | None = None, allowed: Callable[[Address], bool] | None = None
) -> list[Fetched]:
    """Bring the files that media columns name by address into the dataset folder, under `media/fetched/`.

    The tables stay as they are: an address finds its file by its own digest. What is there is not fetched again, so a
    run that was stopped goes on where it stood; what could not be had is tried again.

    Args:
        data: a dataset with a folder.
        limits: how far each download may go.
        allowed: which network addresses may be connected to; None takes the public ones.

    Missing data:
        An address that gives no file goes to the folder's quarantine, with the reason.
    Raises:
        DataError: the dataset has no folder, or no media column.
        StoreError: the disk refuses.
    """
    if data.root is None:
        raise DataError("the dataset has no folder to bring files into: save it first")
    columns: list[tuple[Of, str]] = [(of, name) for of in OF for name in _may_be_away(data.table_of(of))]
    if not columns:
        raise DataError("there is no column of pictures, sounds or videos: 'palate data import' can name some")
    return [_column(data, data.root, of, name, limits or Limits(), allowed) for of, name in columns]


def _may_be_away(table: Catalogue) -> list[str]:
    """Return the columns of pictures, sounds and videos, and those of another modality that hold addresses."""
    return [
        name for name in table.file_columns if table.types[name] in MEDIA_TYPES or addresses(table.paths(name)).any()
    ]


def _column(
    data: Dataset, root: Path, of: Of, column: str, limits: Limits, allowed: Callable[[Address], bool] | None
) -> Fetched:
    table, name = data.table_of(of), part_name(column, of)
    rows: dict[str, list[int]] = defaultdict(list)
    for code, value in enumerate(table.paths(column).to_list()):
        if value and is_url(value):
            rows[value.strip()].append(code)
    todo = [url for url in rows if not (root / fetched(url)).is_file()]
    reasons = _fetch_all(todo, root, name, Downloader(limits, table.types[column], allowed, _AT_ONCE)) if todo else {}
    rejected = [
        Rejected(name, code + 1, who, reason, url[:200])
        for url, reason in reasons.items()
        for code, who in zip(rows[url], data.names_of(of, rows[url]), strict=True)
    ]
    quarantine.append(root, f"fetch:{name}", rejected)
    return Fetched(name, len(rows), len(rows) - len(todo), len(todo) - len(reasons), len(reasons))


def _fetch_all(urls: list[str], root: Path, name: str, downloader: Downloader) -> dict[str, str]:
    """Fetch what is not there; return the reasons of those that cannot be had."""
    gates: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(_PER_SERVER))
    gate_of = {url: gates[server_of(url)] for url in urls}
    (root / "media" / "fetched").mkdir(parents=True, exist_ok=True)

    def one(url: str) -> str | None:
        try:
            with gate_of[url], replacing_file(root / fetched(url)) as aside:
                downloader.fetch(url, aside)
        except Refused as error:
            return str(error)
        return None

    reasons: dict[str, str] = {}
    heed_interrupts()
    with downloader:
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch")
        try:
            with progress(f"fetching {name}", len(urls), "files") as advance:
                for url, reason in zip(urls, pool.map(one, urls), strict=True):
                    if reason is not None:
                        reasons[url] = reason
                    advance(1)
        finally:
            downloader.stop()
            pool.shutdown(cancel_futures=True)
    return reasons
