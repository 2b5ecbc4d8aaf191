"""One thing that is wrong with a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MOST_IDS = 10_000
"""How many ids a problem lists; `count` tells them all."""
_EXAMPLES = 5


@dataclass(frozen=True)
class Problem:
    """What kind, in which column, how many, in words, and which."""

    kind: str
    what: str
    count: int
    ids: tuple[str, ...] = ()
    """Whose rows they are, at most `MOST_IDS`."""
    column: str | None = None
    details: tuple[str, ...] = ()
    """More about each of the ids, where there is more to say."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values; `examples` are the first few ids, `details` say more about each."""
        return {
            "kind": self.kind,
            "column": self.column,
            "count": self.count,
            "what": self.what,
            "examples": list(self.ids[:_EXAMPLES]),
            "ids": list(self.ids),
            "details": list(self.details),
        }


def problem(
    kind: str,
    what: str,
    ids: Iterable[str],
    column: str | None = None,
    count: int | None = None,
    details: Iterable[str] = (),
) -> list[Problem]:
    """Return one problem, or none where no id is given; the first `{n}` of `what` becomes their number."""
    listed = list(ids)
    if not listed:
        return []
    n = len(listed) if count is None else count
    return [
        Problem(
            kind, what.replace("{n}", f"{n:,}", 1), n, tuple(listed[:MOST_IDS]), column, tuple(list(details)[:MOST_IDS])
        )
    ]
