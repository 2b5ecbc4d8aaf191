"""A dataset as it may be kept: pseudonyms for ids, masks in texts, media without metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from palate.core.errors import DataError
from palate.core.files import replacing_folder
from palate.core.progress import track
from palate.data import folder, quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import OF, Of, part_name
from palate.data.media import fetched, home, is_url, stray
from palate.data.privacy.bring import bring_clean
from palate.data.privacy.key import Key
from palate.data.privacy.masks import masked_column
from palate.data.privacy.phones import REGIONS, check_regions
from palate.data.privacy.pseudonyms import Files, check_key, hushed, renamed
from palate.data.quarantine import Rejected, frame_of

STEP = "protect"
"""Of the quarantine: media files that keep their metadata."""
_TABLE = "table"


@dataclass(frozen=True)
class Protection:
    """What to do for the people in a dataset."""

    key: Key | None = None
    """Makes pseudonyms of the ids of users; None leaves them as they are."""
    texts: bool = True
    """Mask e-mail addresses, telephone and card numbers in columns of text, and in users' categories."""
    media: bool = True
    """Write media files anew without their metadata."""
    regions: tuple[str, ...] = REGIONS
    """Countries whose telephone numbers are known in their national form, by ISO 3166 code."""

    def __post_init__(self) -> None:
        check_regions(self.regions)
        if not (self.key or self.texts or self.media):
            raise DataError("nothing is to be done: give a key, or let texts be masked or media be written anew")


@dataclass(frozen=True)
class Protected:
    """What was done."""

    key: str = ""
    """Fingerprint of the key; empty where ids stay as they are."""
    pseudonyms: int = 0
    """Users whose id became a pseudonym in this run."""
    masked: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Column -> kind -> how many were masked."""
    files: int = 0
    """Media files."""
    left: Mapping[str, int] = field(default_factory=dict)
    """Reason -> media files that keep their metadata, listed in the quarantine."""
    dropped: tuple[str, ...] = ()
    """Parts that were encoded from texts as they stood before: to be encoded again."""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "key": self.key, "pseudonyms": self.pseudonyms,
            "masked": {column: dict(counts) for column, counts in self.masked.items()},
            "files": self.files, "left": dict(self.left), "dropped": list(self.dropped), "notes": list(self.notes),
        }  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """A dataset in memory, its files, and what was set aside: what an import gathers, and a folder holds."""

    data: Dataset
    files: Files
    rejected: pl.DataFrame


def protected(found: Contents, how: Protection, place: Path) -> tuple[Contents, Protected]:
    """Give users pseudonyms and mask texts; media files are cleaned when `bring` puts them in their place.

    Args:
        found: what to protect.
        how: what to do.
        place: what to call it in an error.

    Raises:
        DataError: the ids are pseudonyms by another key already.
    """
    data, files, rejected, notes, fresh = found.data, found.files, found.rejected, [], 0
    if how.key is not None:
        check_key(data.privacy.key, how.key, place)
        rejected = hushed(rejected, data.users, data.items)
        if not data.privacy.key:
            done = renamed(data, files, how.key)
            data, files, notes, fresh = done.data, done.files, done.notes, len(data.users)
    counts: dict[str, Mapping[str, int]] = {}
    dropped: list[str] = []
    if how.texts:
        data, counts = _masked(data, how.regions)
        dropped = [name for name in data.features if _made_of(name, counts)]
        data = data.without_features(*dropped)
    held = data.privacy
    data = replace(data, privacy=replace(held, texts=held.texts or how.texts, media=held.media or how.media))
    report = Protected(data.privacy.key, fresh, counts, len(files), dropped=tuple(dropped), notes=tuple(notes))
    return Contents(data, files, rejected), report


def bring(files: Files, target: Path, clean: bool) -> pl.DataFrame:
    """Put files in their places in a folder, without metadata where `clean`; returns those that keep theirs, as rejected."""
    left = []
    for inside, file in track(files.items(), "bringing media", len(files), "files"):
        reason = bring_clean(file, target / inside, clean)
        if reason is not None:
            left.append(Rejected("media", None, None, f"the file keeps its metadata: {reason}", inside))
    return frame_of(left)


def protect(source: Path, target: Path, how: Protection) -> Protected:
    """Write the dataset folder `source`, protected, to `target`, all or nothing; `source` stays as it is.

    Nothing but the dataset goes along: tables, media that they name, parts, and what was set aside.

    Raises:
        DataError: `source` is no dataset, `target` is the same place or holds something else, the key is another one.
        StoreError: the disk is full or refuses; what stood at `target` is untouched.
    """
    if target.resolve() == source.resolve():
        raise DataError(
            f"{target} would take its own place: give another one, and remove {source} with its real ids when all is well"
        )
    folder.refuse_foreign(target)
    data = folder.load(source, stale=True)
    files, plain = _contents(data, source)
    old = quarantine.read(source)
    found, report = protected(Contents(plain, files, old), how, source)
    with replacing_folder(target) as aside:
        folder.write_into(found.data, aside)
        left = bring(found.files, aside, how.media)
        for (step,), rows in found.rejected.group_by("step", maintain_order=True):
            quarantine.append(aside, str(step), rows)
        quarantine.append(aside, STEP, left)
    return replace(report, left=quarantine.reasons(left))


def _contents(data: Dataset, root: Path) -> tuple[dict[str, Path], Dataset]:
    """Return the media files of a dataset folder by their path in it, and the dataset without the folder."""
    files: dict[str, Path] = {}
    tables: dict[Of, Catalogue] = {}
    for of in OF:
        table = data.table_of(of)
        for name in table.file_columns:
            paths = table.paths(name)
            named = paths.drop_nulls().unique().to_list()
            places = {value: _inside(value, home(name, of)) for value in named if is_url(value) or not stray(value)}
            files |= {inside: root / value for value, inside in places.items() if (root / value).is_file()}
            files |= {inside: root / inside for inside in places.values() if (root / inside).is_file()}
            moved = {value: inside for value, inside in places.items() if not is_url(value) and inside != value}
            if moved:
                table = replace(table, table=table.table.with_columns(table.table[name].replace(moved)))
        tables[of] = replace(table, root=None)
    events = data.interactions
    if events.extra is not None:
        events = replace(events, extra=tables["interactions"].table)
    people = data.people and tables["users"]
    whole = replace(data, catalogue=tables["items"], people=people, interactions=events)
    return dict(sorted(files.items())), whole


def _inside(value: str, prefix: str) -> str:
    """Return where in a dataset folder the file lies that a value names."""
    return fetched(value) if is_url(value) else value if value.startswith("media/") else prefix + value


def _masked(data: Dataset, regions: tuple[str, ...]) -> tuple[Dataset, dict[str, Mapping[str, int]]]:
    counts: dict[str, Mapping[str, int]] = {}
    tables: dict[Of, Catalogue] = {}
    for of in OF:
        table = data.table_of(of)
        for name in table.of_type("text", "category") if of == "users" else table.of_type("text"):
            if table.table[name].dtype == pl.String:
                column, found = masked_column(table.table[name], regions)
                if found:
                    counts[part_name(name, of)] = found
                    table = replace(table, table=table.table.with_columns(column))
        tables[of] = table
    events = data.interactions
    if events.extra is not None:
        events = replace(events, extra=tables["interactions"].table)
    people = data.people and tables["users"]
    return replace(data, catalogue=tables["items"], people=people, interactions=events), counts


def _made_of(part: str, columns: Mapping[str, Any]) -> bool:
    """Tell whether a part is of one of these columns, or of the numbers and categories of the same table."""
    users = any(column.startswith("users.") for column in columns)
    return any(part == column or part.startswith(f"{column}.") for column in columns) or (
        users and part == part_name(_TABLE, "users")
    )
