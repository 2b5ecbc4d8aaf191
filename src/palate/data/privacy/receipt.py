"""A receipt: what was removed of a person, and what a search found afterwards."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from pydantic import Field

from palate.core.config import Config
from palate.core.files import read_json, write_json
from palate.core.wording import some
from palate.data.media import bring

FOLDER = "forgotten"
"""Where a dataset folder keeps its receipts."""


def digest(user: str, salt: str) -> str:
    """Return what stands for an id in a receipt: salted BLAKE2b, 32 hex digits."""
    text = user.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, salt=bytes.fromhex(salt), person=b"palate forgotten", digest_size=16).hexdigest()


class Receipt(Config):
    """What `palate data forget` did; it holds no id."""

    format: int = 1
    palate: str = Field(default_factory=lambda: version("palate"))
    """Version that wrote it."""
    begun: str
    """When, UTC."""
    finished: str | None = None
    """When the search had found nothing; none while there is something to be done."""
    salt: str
    """All receipts of a dataset folder share it."""
    digest: str
    """Of the id, as the dataset had it: a pseudonym where ids are pseudonyms."""
    dataset: str
    """Name of the dataset."""
    before: str
    """Fingerprint of the dataset with the person in it."""
    after: str
    """Without."""
    removed: dict[str, int] = Field(default_factory=dict)
    """File, or folder of media -> rows, files or lines of theirs that are gone."""
    masked: dict[str, int] = Field(default_factory=dict)
    """Place -> mentions of the id by others that were masked."""
    dropped: tuple[str, ...] = ()
    """Parts that are gone as a whole, since their encoder had learned from all rows: to be encoded again."""
    cache: int = 0
    """Files of the cache that were made of features of theirs, too."""
    bundles: tuple[dict[str, Any], ...] = ()
    """What was removed from bundles, and what stays in them."""
    files: int = 0
    """How many were searched."""
    bytes: int = 0
    """How many these have, tables unpacked and packed."""
    found: dict[str, int] = Field(default_factory=dict)
    """Place -> where the id still stands as that of a person; empty when finished."""
    elsewhere: dict[str, int] = Field(default_factory=dict)
    """Place -> where it stands and may mean something else: in texts of others, as the id of an item."""
    unread: tuple[str, ...] = ()
    """Packed files, which were not unpacked."""

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.begun.replace('-', '').replace(':', '')}-{self.digest[:8]}.json"

    def write(self, folder: Path) -> Path:
        """Write it into the receipts of a dataset folder."""
        path = folder / FOLDER / self.name
        write_json(path, self.model_dump(mode="json"))
        return path

    def concerns(self, user: str) -> bool:
        """Tell whether it is of this person."""
        return digest(user, self.salt) == self.digest

    @classmethod
    def all_in(cls, folder: Path) -> list[Self]:
        """Return the receipts of a dataset folder, oldest first."""
        return [cls.of(read_json(path)) for path in sorted((folder / FOLDER).glob("*.json"))]


def salt_of(receipts: Iterable[Receipt]) -> str:
    """Return the salt of the receipts that there are, or a new one."""
    return next((receipt.salt for receipt in receipts), None) or secrets.token_hex(16)


def bring_receipts(old: Path, new: Path) -> None:
    """Bring the receipts of a dataset folder along to the one that takes its place."""
    for path in (old / FOLDER).glob("*.json"):
        bring(path, new / FOLDER / path.name)


def returned(folder: Path, users: Iterable[str]) -> list[str]:
    """Return what is to be said where people who were removed from a dataset folder are among these users."""
    receipts = Receipt.all_in(folder)
    gone = {receipt.digest for receipt in receipts}
    count = sum(digest(user, receipts[0].salt) in gone for user in users) if receipts else 0
    if not count:
        return []
    told = some(
        count,
        "user who was removed with 'palate data forget' is",
        "users who were removed with 'palate data forget' are",
    )
    return [f"{told} in the data again: take them out of what is imported, or remove them again"]


def now() -> str:
    """Return the time, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
