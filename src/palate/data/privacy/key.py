"""A secret by which ids become pseudonyms; it lies outside the dataset."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import polars as pl

from palate.core.errors import DataError, StoreError
from palate.core.files import write_new

_HEAD = "palate-key-1 "
"""How the one line of a key file begins; 64 hex digits follow."""
_OTHERS = 0o077


@dataclass(frozen=True)
class Key:
    """Thirty-two secret bytes: whoever has them can tell whose pseudonym it is by trying ids, and nobody else.

    Example:
        >>> key = Key(bytes(32))
        >>> key.pseudonym("ann"), key.fingerprint
        ('a9e36f6d10c92b17ff267a0c76fa89f6', 'c76ef916f16c2956')
    """

    secret: bytes = field(repr=False)

    def pseudonym(self, user: str) -> str:
        """Return the pseudonym of an id, 32 hex digits: keyed BLAKE2b (RFC 7693) of its UTF-8 bytes, exactly as written."""
        return self._digest(user.encode("utf-8", "surrogateescape"), b"palate user", 16)

    def pseudonyms(self, users: pl.Series) -> pl.Series:
        """Return the pseudonyms of a text column; null stays null."""
        names = [None if user is None else self.pseudonym(user) for user in users.cast(pl.String).to_list()]
        return pl.Series(users.name, names, dtype=pl.String)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that tell keys apart and nothing about them."""
        return self._digest(b"", b"palate key", 8)

    def _digest(self, text: bytes, person: bytes, size: int) -> str:
        return hashlib.blake2b(text, key=self.secret, person=person, digest_size=size).hexdigest()

    @classmethod
    def made(cls, path: Path, *outside: Path) -> Self:
        """Read the key at `path`; where nothing is there, make one that only its owner can read.

        Args:
            path: the key file.
            outside: folders that it may not lie in.

        Raises:
            DataError: it lies in one of these folders, is no key, or others can read it.
            StoreError: it cannot be written.
        """
        refuse_inside(path, outside)
        try:
            if path.parent.is_dir():
                write_new(path, f"{_HEAD}{secrets.token_hex(32)}\n", 0o600)
        except FileExistsError:
            pass
        return cls.read(path, *outside)

    @classmethod
    def read(cls, path: Path, *outside: Path) -> Self:
        """Read the key at `path`.

        Raises:
            DataError: there is none, it lies in one of the folders `outside`, is no key, or others can read it.
            StoreError: it cannot be read.
        """
        refuse_inside(path, outside)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is not there"
            raise DataError(
                f"the key {path} {what}: give the file that 'palate data protect' made, or a new name in a folder that exists"
            )
        if os.name == "posix" and path.stat().st_mode & _OTHERS:
            raise DataError(f"others can read the key {path}: let only its owner, with 'chmod 600 {path}'")
        try:
            match = re.fullmatch(
                rf"{_HEAD}([0-9a-f]{{64}})", path.read_bytes()[:200].decode("ascii", "replace").strip()
            )
        except OSError as error:
            raise StoreError(f"the key {path} could not be read ({error.strerror or error})") from error
        if match is None:
            raise DataError(
                f"{path} holds no key: a key is one line, '{_HEAD}' and 64 hex digits; name another file, and one is made"
            )
        return cls(bytes.fromhex(match[1]))


def refuse_inside(path: Path, folders: Iterable[Path]) -> None:
    """Refuse a key that lies in a folder which others may get.

    Raises:
        DataError: it does.
    """
    real = Path(os.path.realpath(path))
    for folder in folders:
        if Path(os.path.realpath(folder)) in (real, *real.parents):
            raise DataError(
                f"the key {path} lies in {folder}, and whoever gets that folder must not get the key: choose another place"
            )
