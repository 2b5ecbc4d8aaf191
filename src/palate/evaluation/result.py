"""What an evaluation found."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from palate.core.errors import DataError
from palate.core.types import Codes
from palate.evaluation._group_table import group_lines, value_text
from palate.evaluation._means import over_users as over_users
from palate.evaluation._table import share_text
from palate.evaluation.groups import Group, frame
from palate.metrics._hits import Doubles


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics of one model on one part of a split; `print` shows a small table.

    Shapes:
        user_codes: int32[u], those with at least one relevant item; each of per_user: float64[u], in that order.
    """

    model: str
    on: str
    """Which part was judged: "test" or "valid"."""
    protocol: str
    how: str
    """How the data were split."""
    metrics: Mapping[str, float]
    """Means over users, by name: "recall@20"; "coverage@20" and "gini@20" are of all lists together."""
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals of the means over users."""
    per_user: Mapping[str, Doubles]
    user_codes: Codes
    unscored: float
    """Share of the relevant items that the model could not score; they count as misses."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    candidates: str = "all"
    """Which items could be listed: all, warm (met in training) or cold (never met there)."""
    cold: float = 0.0
    """Share of the relevant items that training never met."""
    compat: str | None = None
    """The library whose definitions were asked for; the names of the metrics that differ from ours carry it."""
    weights: Mapping[str, Doubles] = field(default_factory=dict)
    """What users weigh in the mean, for metrics where they are not all equal."""
    groups: Mapping[str, Sequence[Group]] = field(default_factory=dict)
    """By "history" and "popularity", where asked for."""
    notes: Sequence[str] = ()
    """What a reader must know beside the figures."""

    @property
    def users(self) -> int:
        """How many users were judged."""
        return len(self.user_codes)

    @property
    def by_history(self) -> pl.DataFrame:
        """Figures by how many likes a user has in training: group, users, metric, value, low, high."""
        return frame(self._group("history")).drop("items", "relevant")

    @property
    def by_popularity(self) -> pl.DataFrame:
        """Figures of looking for head, mid, tail and unliked items: as `by_history`, with items and relevant."""
        return frame(self._group("popularity"))

    def _group(self, by: str) -> Sequence[Group]:
        if by not in self.groups:
            raise DataError(f"this evaluation was not divided by {by}: call evaluate(..., by=['{by}'])")
        return self.groups[by]

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of the command line and of bundles."""
        value: dict[str, Any] = {
            "model": self.model,
            "split": self.on,
            "how": self.how,
            "protocol": self.protocol,
            "candidates": self.candidates,
            "compat": self.compat,
            "users": self.users,
            "metrics": dict(self.metrics),
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
            "unscored": self.unscored,
            "cold": self.cold,
            "seconds": dict(self.seconds),
            "notes": list(self.notes),
        }
        if self.groups:
            value["groups"] = {by: [group.to_json() for group in groups] for by, groups in self.groups.items()}
        return value

    def __str__(self) -> str:
        how = ", ".join(
            [self.how, self.protocol]
            + ([] if self.candidates == "all" else [f"{self.candidates} candidates"])
            + ([] if self.compat is None else [f"as {self.compat} counts"])
        )
        lines = textwrap.wrap(f"{self.model} on {self.on}, {self.users:,} users ({how})", 80, subsequent_indent="  ")
        width = max(map(len, self.metrics), default=0)
        for name, value in self.metrics.items():
            bounds = self.intervals.get(name)
            spread = f"   [{value_text(bounds[0])}, {value_text(bounds[1])}]" if bounds else ""
            lines.append(f"  {name:<{width}}  {value_text(value)}{spread}")
        if self.unscored:
            lines.append(f"  {share_text(self.unscored)} of the relevant items could not be scored: counted as misses")
        if self.cold:
            lines.append(f"  {share_text(self.cold)} of the relevant items are cold: training never met them")
        for note in self.notes:
            lines += textwrap.wrap(note, 80, initial_indent="  ", subsequent_indent="    ")
        spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.seconds.items())
        lines.append(f"  {spent}; in brackets: 95 % intervals over users")
        for by, groups in self.groups.items():
            lines += ["", *group_lines(by, groups)]
        return "\n".join(lines)
