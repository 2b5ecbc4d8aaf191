"""Where an id stands by itself, in texts and in files."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import cached_property
from mmap import mmap
from urllib.parse import quote

import polars as pl

MASK = "[user]"
_UP_TO, _FROM, _NEAR = re.compile(r"[\w.@+-]*$"), re.compile(r"[\w.@+-]*"), 200
"""What may belong to an id before and after, and how far that is looked for."""
_LONG = 6
"""Bytes from which on an id is not met by chance in files of numbers."""


class Mention:
    """An id, and how to tell it from a part of another: `u1` stands neither in `u12` nor, where that is an id too, in `u1-b`.

    Args:
        user: the id.
        ids: all ids, of which one may be a part of another.
        item: whether an item has the same id.

    Example:
        >>> ann = Mention("ann-1", ["ann-1", "ann-12", "ann-1-b"])
        >>> ann.masked("ann-1, ann-12 and ann-1-b: ask ann-1.")
        ('[user], ann-12 and ann-1-b: ask [user].', 2)
    """

    def __init__(self, user: str, ids: Collection[str] = (), item: bool = False) -> None:
        self.user, self.ids, self.item = user, ids, item
        forms = dict.fromkeys(
            (user, json.dumps(user)[1:-1], json.dumps(user, ensure_ascii=False)[1:-1], quote(user, ""))
        )
        self.forms = tuple(forms)
        """As it is, as JSON has it with and without ASCII alone, and as an address has it."""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(_bounded, self.forms)))

    def count(self, content: bytes | mmap) -> int:
        """Count where it stands in bytes, but for those that belong to a longer id."""
        found = 0
        for match in self._pattern_of_bytes.finditer(content):
            around = content[max(0, match.start() - self._reach) : match.end() + self._reach]
            found += not any(longer in around for longer in self._longer)
        return found

    @cached_property
    def _pattern_of_bytes(self) -> re.Pattern[bytes]:
        return re.compile("|".join(map(re.escape, self.forms)).encode("utf-8", "surrogateescape"))

    @cached_property
    def _longer(self) -> list[bytes]:
        return [name.encode() for name in self.ids if self.user in name and name != self.user]

    @cached_property
    def _reach(self) -> int:
        return max((len(longer) - len(self.user.encode()) for longer in self._longer), default=0)

    @property
    def rare(self) -> bool:
        """Whether bytes of numbers do not hold it by chance."""
        return len(self.user.encode("utf-8", "surrogateescape")) >= _LONG

    @property
    def distinct(self) -> bool:
        """Whether it can hardly mean anything else: it is long, neither a word nor a number, and no item's id."""
        return self.rare and not self.item and not re.fullmatch(r"[^\W\d_]+|[\d.,]+", self.user)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where it stands: start and end of each."""
        found = []
        for match in self._pattern.finditer(text):
            before, after = text[max(0, match.start() - _NEAR) : match.start()], text[match.end() : match.end() + _NEAR]
            whole = "".join((_UP_TO.search(before)[0], self.user, _FROM.match(after)[0]))  # type: ignore[index]
            if whole.strip(".-+@") == self.user or whole.strip(".-+@") not in self.ids:
                found.append(match.span())
        return found

    def masked(self, text: str) -> tuple[str, int]:
        """Return a text with [user] in its place, and how often."""
        spans = self.spans(text)
        for start, end in reversed(spans):
            text = f"{text[:start]}{MASK}{text[end:]}"
        return text, len(spans)

    def rows(self, column: pl.Series) -> list[int]:
        """Return the rows of a text column in which it stands."""
        near = column.str.contains_any([*self.forms]).fill_null(False).arg_true().to_list()
        return [row for row in near if self.spans(column[row])]


def _bounded(form: str) -> str:
    before = r"(?<![0-9A-Za-z])" if form[:1].isascii() and form[:1].isalnum() else ""
    after = r"(?![0-9A-Za-z])" if form[-1:].isascii() and form[-1:].isalnum() else ""
    return before + re.escape(form) + after
