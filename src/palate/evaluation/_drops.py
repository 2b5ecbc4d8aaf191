"""What is to go missing, in words: "poster=0.5", "all=0.1..0.9"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from palate.core.errors import ConfigError, did_you_mean

ALL = "all"
SHARES = tuple(round(0.1 * step, 1) for step in range(1, 10))
_HOW = "write PART=SHARE, as in poster=0.5, poster=0.1..0.9, title+poster=0.3,0.6 or all=0.5"


@dataclass(frozen=True)
class Drop:
    """Parts that lose rows together, and how large a share of them: one curve, or one point.

    Example:
        >>> Drop.parse("poster=0.1..0.3"), Drop.parse("title+poster=0.5").name
        (Drop(parts=('poster',), shares=(0.1, 0.2, 0.3)), 'title+poster')
    """

    parts: tuple[str, ...] = ()
    """Names; none mean every part that the model reads."""
    shares: tuple[float, ...] = SHARES
    """Of the rows that are present, each above 0 and at most 1; sorted."""

    def __post_init__(self) -> None:
        if not self.shares:
            raise ConfigError(f"no share to drop was given for '{self.name}': {_HOW}")
        for share in self.shares:
            if not 0 < share <= 1:
                hint = f"; for {share:g} % write {share / 100:g}" if 1 < share <= 100 else ""
                raise ConfigError(
                    f"the share to drop of '{self.name}' was {share:g}: give numbers above 0 and at most 1{hint}"
                )
        object.__setattr__(self, "shares", tuple(sorted(set(self.shares))))

    @property
    def name(self) -> str:
        """The parts' names, joined by +, or "all"."""
        return "+".join(self.parts) or ALL

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PART=SHARE; parts are joined by +, shares by commas, or from..to in steps of 0.1, or from..to:step.

        Raises:
            ConfigError: it cannot be read, or a share is out of range.
        """
        name, equals, told = text.rpartition("=")
        parts = tuple(dict.fromkeys(word.strip() for word in name.split("+") if word.strip()))
        if not equals or not parts or not told.strip():
            raise ConfigError(f"'{text}' does not say what to drop: {_HOW}")
        if ALL in parts and len(parts) > 1:
            raise ConfigError(f"'{text}' names all parts and others: {_HOW}")
        shares = [share for word in told.split(",") for share in _shares(word.strip(), text)]
        return cls(() if parts == (ALL,) else parts, tuple(shares))

    def among(self, there: Sequence[str], who: str) -> tuple[str, ...]:
        """Return the names of the parts that are meant, out of those that a model reads.

        Raises:
            ConfigError: one of them is not there.
        """
        for name in self.parts:
            if name not in there:
                raise ConfigError(
                    f"{who} reads no part '{name}' that could be dropped: {did_you_mean(name, [*there, ALL])}"
                )
        return self.parts or tuple(there)


def _shares(word: str, text: str) -> list[float]:
    ends, _, stride = word.partition(":")
    first, dots, last = ends.partition("..")
    try:
        low, high, step = float(first), float(last if dots else first), float(stride or 0.1)
    except ValueError:
        raise ConfigError(f"the share '{word}' in '{text}' is no number: {_HOW}") from None
    if not all(map(math.isfinite, (low, high, step))) or high < low or not 0 < step <= 1 or (stride and not dots):
        raise ConfigError(f"the shares '{word}' in '{text}' cannot be read: {_HOW}")
    if not dots:
        return [low]
    # the guard keeps 0.1..0.9 from losing its end to a rounding error
    count = min(int((high - low) / step + 1e-9), 1000)
    return [round(low + index * step, 10) for index in range(count + 1) if low + index * step > 0 or not dots]
