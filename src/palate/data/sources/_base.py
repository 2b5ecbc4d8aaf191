"""What every source shares: read there, write a dataset folder here, tell what happened."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import polars as pl

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.files import replacing_folder
from palate.core.part import Part
from palate.data import folder, quarantine
from palate.data.dataset import Dataset
from palate.data.feature_folder import set_before
from palate.data.features import OF, part_name
from palate.data.privacy.protect import STEP, Contents, Protected, Protection, bring, protected
from palate.data.privacy.pseudonyms import check_key
from palate.data.privacy.receipt import bring_receipts, returned
from palate.data.quarantine import frame_of
from palate.data.sources._expects import Expected, seen_as

C = TypeVar("C", bound="SourceConfig")


class SourceConfig(Config):
    """What can be said of any import."""

    name: str = ""
    """What to call the dataset; the source's name if empty."""
    licence: str = ""
    """Terms under which the data may be used."""
    positive: str = "weight>0"
    """Which interactions count as liked, as in weight>=4."""


@dataclass(frozen=True)
class Gathered:
    """A dataset in memory, the files that its media columns want, and what was set aside."""

    data: Dataset
    files: Mapping[str, Path] = field(default_factory=dict)
    """Path inside the dataset folder -> the file that goes there."""
    rejected: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    notes: tuple[str, ...] = ()
    places: tuple[Path, ...] = ()
    """Files and folders that were read beside the one that was to be imported."""


@dataclass(frozen=True)
class Report:
    """What an import did."""

    path: Path
    name: str
    users: int
    items: int
    interactions: int
    columns: Mapping[str, str]
    """Column -> type; of users and interactions as in users.avatar."""
    media: Mapping[str, int]
    """Column of media or of another modality -> number of items (users, interactions) that have one."""
    parts: Mapping[str, int]
    """Ready-made part -> number of items that have it."""
    rejected: Mapping[str, int]
    """Reason -> number of rows and files set aside."""
    notes: tuple[str, ...]
    positive: str
    liked: int
    seconds: float
    privacy: Mapping[str, Any] | None = None
    """What was done for the people in the data, where that was asked for; see `Protected`."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "path": str(self.path), "name": self.name, "users": self.users, "items": self.items,
            "interactions": self.interactions, "columns": dict(self.columns), "media": dict(self.media),
            "parts": dict(self.parts), "rejected": dict(self.rejected), "notes": list(self.notes),
            "positive": self.positive, "liked": self.liked, "seconds": round(self.seconds, 2),
            **({} if self.privacy is None else {"privacy": dict(self.privacy)}),
        }  # fmt: skip


class Source(Part[C]):
    """Base of importers: `gather` reads a format, `read` turns it into a dataset folder."""

    expects: ClassVar[tuple[Expected, ...]] = ()
    """What `palate data formats` tells."""
    terms: ClassVar[str] = ""
    """Where the terms of the data are told, for formats that belong to one data set."""

    @classmethod
    def recognise(cls, src: Path) -> str:
        """Return what lies at `src` if it is in this format, as in "MovieLens"; empty if it is not, or cannot be told."""
        return ""

    def gather(self, src: Path) -> Gathered:
        """Read what lies at `src`."""
        raise TypeError(f"{type(self).__name__} must define gather(src)")

    def read(self, src: Path | str, dst: Path | str, protection: Protection | None = None) -> Report:
        """Import `src` into the dataset folder `dst`; a dataset that stands there is replaced, all or nothing.

        Args:
            src: what to import.
            dst: where the dataset goes.
            protection: what to do for the people in the data before anything of them is written.

        Raises:
            DataError: nothing usable lies at `src`, or something other than a dataset stands at `dst`, or one with
                pseudonyms that would be lost or are of another key.
            StoreError: the disk is full or refuses; what stood at `dst` is untouched.
        """
        src, dst, start = Path(src), Path(dst), time.perf_counter()
        if not src.exists():
            raise DataError(f"there is no file or folder at {src}: name what to import")
        folder.refuse_foreign(dst)
        known = _known_key(dst, protection)
        _refuse_inside(dst, src)
        found = self._gathered(src)
        _refuse_inside(dst, *found.places)
        data = replace(
            found.data, name=self.config.name or found.data.name, licence=self.config.licence or found.data.licence
        )
        done, clean = None, protection is not None and protection.media
        if protection is not None:
            contents, done = protected(Contents(data, found.files, found.rejected), protection, dst)
            data, found = contents.data, replace(found, files=contents.files, rejected=contents.rejected)
        with replacing_folder(dst) as aside:
            folder.write_into(data, aside)
            left = bring(found.files, aside, clean)
            if known:
                set_before(dst, aside)
            quarantine.append(aside, "import", found.rejected)
            quarantine.append(aside, STEP, left)
            bring_receipts(dst, aside)
        found = replace(found, notes=(*found.notes, *returned(dst, data.users)))
        if done is not None:
            done = replace(done, left=quarantine.reasons(left))
        return _report(dst, data, found, time.perf_counter() - start, done)

    def _gathered(self, src: Path) -> Gathered:
        try:
            return self.gather(src)
        except DataError as error:
            other = None if self.recognise(src) else seen_as(src, self.name)
            if other is None:
                raise
            name, what = other
            raise DataError(f"{error}; this looks like {what}: use 'palate data import {name}'") from error


def _refuse_inside(dst: Path, *places: Path) -> None:
    for place in places:
        if dst.resolve() in (place.resolve(), *place.resolve().parents):
            raise DataError(
                f"{place} lies in {dst}, which the import would replace: choose another place for the dataset"
            )


def _known_key(dst: Path, protection: Protection | None) -> bool:
    """Tell whether what stands at `dst`, if anything, holds no more of people than what is to be written.

    Raises:
        DataError: it holds pseudonyms, and ids as they are or by another key would take their place.
    """
    held = folder.privacy_of(dst)
    key = None if protection is None else protection.key
    if held.key and key is None:
        raise DataError(
            f"the ids of {dst} are pseudonyms, and an import without --protect would put real ids in their place: give the key, "
            "or remove that folder first"
        )
    if key is not None:
        check_key(held.key, key, dst)
    if protection is None:
        return True
    return (
        held.key == (key.fingerprint if key else "")
        and held.texts >= protection.texts
        and held.media >= protection.media
    )


def _report(dst: Path, data: Dataset, found: Gathered, seconds: float, done: Protected | None) -> Report:
    tables = [(of, data.table_of(of)) for of in OF]
    return Report(
        dst,
        data.name,
        len(data.users),
        len(data.items),
        len(data.interactions),
        {
            part_name(name, of): table.types[name]
            for of, table in tables
            for name in table.table.columns
            if name in table.types
        },
        {part_name(name, of): table.table[name].count() for of, table in tables for name in table.file_columns},
        {name: int(table.present.sum()) for name, table in data.features.items()},
        quarantine.reasons(found.rejected),
        (*found.notes, *(done.notes if done else ()), *_doubts(data)),
        data.positive.rule,
        int(data.liked_rows.sum()),
        seconds,
        None if done is None else done.as_dict(),
    )


def _doubts(data: Dataset) -> list[str]:
    """Return what to say where the rule for likes tells nothing apart: nothing is liked, or every rating is."""
    weights, liked, rule = data.interactions.weight, int(data.liked_rows.sum()), data.positive.rule
    if not len(weights):
        return []
    if not liked:
        return [f"no interaction counts as liked by '{rule}', and most models learn from likes: change --positive"]
    steps = np.unique(weights)
    if liked == len(weights) and rule == "weight>0" and 2 < len(steps) <= 20 and steps[-1] in (5, 10):
        top = f"weight>={steps[-1] * 0.8:g}"
        return [
            f"weights go from {steps[0]:g} to {steps[-1]:g} and all of them count as liked: if these are ratings, "
            f'say which are likes, as in --positive "{top}"'
        ]
    return []


def need_rows(table: pl.DataFrame, place: object) -> pl.DataFrame:
    """Return the table.

    Raises:
        DataError: it has no row.
    """
    if not table.height:
        raise DataError(f"{place} holds no rows: nothing was imported")
    return table


def need_usable(kept: pl.DataFrame, rejected: pl.DataFrame, place: str) -> None:
    """Refuse a table of which no row can be used.

    Raises:
        DataError: the message gives the reasons.
    """
    if not kept.height and rejected.height:
        told = ", ".join(f"{reason} ({count:,})" for reason, count in quarantine.reasons(rejected).items())
        raise DataError(f"none of the {rejected.height:,} rows of {place} can be used: {told}")
