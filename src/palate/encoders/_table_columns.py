"""One column of a table as numbers: learned from its values, and written down as JSON."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

import numpy as np

from palate.core.types import JSON
from palate.data.catalogue import BETWEEN
from palate.encoders._base import BrokenInput
from palate.encoders._numbers import Numbers

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_SKEWED = 2.0
_YEAR = 365.2425


@dataclass(frozen=True)
class Column:
    """What was learned of a column: a number, a category (of one or several values), or a date."""

    name: str
    kind: str
    values: tuple[str, ...] = ()
    """Of a category: those with a place of their own."""
    rest: bool = False
    """Of a category: whether there is a place for all other values."""
    unit: float = 0.0
    """Of a number with a heavy tail: what it is divided by before log(1 + x) is taken; 0 for no logarithm."""
    low: float = 0.0
    high: float = 0.0
    """Of a number or a day: where it is cut."""
    mean: tuple[float, ...] = field(default=())
    scale: float = 1.0
    """By what a row is divided after the mean was taken off, so that the column has variance 1; 0 where all rows are the same."""

    @classmethod
    def learn(cls, name: str, values: Sequence[Any], most: int, least: int) -> Self:
        """Learn from the values of a catalogue that are there, one at least; more than half of them decide what it is."""
        numbers = [value for value in values if isinstance(value, (int, float))]
        dates = [value for value in values if isinstance(value, str) and _is_day(value)]
        if 2 * len(numbers) > len(values):
            values = numbers
            made = cls._number(name, np.array(values, np.float64))
        elif 2 * len(dates) > len(values):
            values = dates
            days = np.array([_day(value).toordinal() for value in values], np.float64)
            low, high = np.quantile(days, [0.01, 0.99]).tolist()
            made = cls(name, "date", low=low, high=high)
        else:
            counts = Counter(word for value in values for word in _words(value))
            frequent = sorted(
                (word for word in counts if counts[word] >= least), key=lambda word: (-counts[word], word)
            )
            made = cls(name, "category", tuple(sorted(frequent[:most])), rest=len(counts) > min(len(frequent), most))
        rows = np.stack([made._raw(value) for value in values])
        spread = float(np.sqrt(rows.var(axis=0).sum()))
        mean = tuple(rows.mean(axis=0).tolist())
        told = {**made.as_json(), "mean": mean, "scale": spread if spread > 1e-9 else 0.0}
        return cls.of_json(told)

    @classmethod
    def _number(cls, name: str, numbers: Numbers) -> Self:
        low, high = np.quantile(numbers, [0.01, 0.99]).tolist()
        spread = numbers.std()
        skew = ((numbers - numbers.mean()) ** 3).mean() / spread**3 if spread > 0 else 0.0
        above = numbers[numbers > 0]
        heavy = skew > _SKEWED and numbers.min() >= 0 and len(above) > 0
        return cls(name, "number", unit=float(np.median(above)) if heavy else 0.0, low=low, high=high)

    @property
    def dim(self) -> int:
        """How many numbers it gives."""
        return len(self.mean)

    def row(self, value: Any) -> Numbers:
        """Return a value as numbers, float64[dim]; what is missing is the mean, which is 0, as is all of a constant column.

        Raises:
            BrokenInput: it is of another kind than the column.
        """
        if value is None:
            return np.zeros(self.dim)
        found = self._raw(value) - np.array(self.mean)
        return np.asarray(found / self.scale if self.scale else np.zeros(self.dim))

    def _raw(self, value: Any) -> Numbers:
        if self.kind == "number":
            if not isinstance(value, (int, float)):
                raise BrokenInput(f"'{self.name}' is '{str(value)[:40]}' in the cell or file, where a number should be")
            cut = min(max(float(value), self.low), self.high)
            return np.array([np.log1p(cut / self.unit) if self.unit else cut])
        if self.kind == "date":
            return self._cycles(str(value))
        words = set(_words(value))
        places = [float(known in words) for known in self.values]
        return np.array([*places, float(bool(words - set(self.values)))] if self.rest else places)

    def _cycles(self, value: str) -> Numbers:
        """Return when a day is, from 0 to 1 over most days of the catalogue, and its places in the year and the week."""
        if not _is_day(value):
            raise BrokenInput(
                f"'{self.name}' is '{value[:40]}' in the cell or file, where a day as 2026-01-31 should be"
            )
        day = _day(value)
        span = max(1.0, self.high - self.low)
        when = (min(max(day.toordinal(), self.low), self.high) - self.low) / span
        turns = [2 * np.pi * (day.timetuple().tm_yday - 1) / _YEAR, 2 * np.pi * day.weekday() / 7]
        return np.array([2 * when, *np.cos(turns), *np.sin(turns)])

    def as_json(self) -> dict[str, JSON]:
        """Return it as plain values."""
        return {**vars(self), "values": list(self.values), "mean": list(self.mean)}

    @classmethod
    def of_json(cls, told: dict[str, JSON]) -> Self:
        """Return what `as_json` told."""
        return cls(**{**told, "values": tuple(told["values"]), "mean": tuple(told["mean"])})


def _words(value: Any) -> list[str]:
    """Return the values of a cell: several are parted by bars, commas or semicolons, as in drama|crime."""
    words = value if isinstance(value, list) else re.split(BETWEEN, str(value))
    return [sound(word) for word in (str(word).strip() for word in words) if word]


def sound(text: str) -> str:
    """Return a text that can be written to a file, whatever JSON escapes it came from."""
    return text.encode("utf-8", "replace").decode()


def _is_day(value: str) -> bool:
    try:
        return _DAY.fullmatch(value.strip()) is not None and bool(_day(value))
    except ValueError:
        return False


def _day(value: str) -> date:
    return date.fromisoformat(value.strip()[:10])
