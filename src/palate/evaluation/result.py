"""What an evaluation found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from palate.core.types import Codes
from palate.evaluation._table import share_text
from palate.metrics import Measure, bootstrap_interval
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
    """Means over users, by name: "recall@20"; "coverage@20" is of all lists together."""
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals of the means over users."""
    per_user: Mapping[str, Doubles]
    user_codes: Codes
    unscored: float
    """Share of the relevant items that the model could not score; they count as misses."""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def users(self) -> int:
        """How many users were judged."""
        return len(self.user_codes)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of the command line and of bundles."""
        return {
            "model": self.model,
            "split": self.on,
            "how": self.how,
            "protocol": self.protocol,
            "users": self.users,
            "metrics": dict(self.metrics),
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
            "unscored": self.unscored,
            "seconds": dict(self.seconds),
        }

    def __str__(self) -> str:
        head = f"{self.model} on {self.on}, {self.users:,} users ({self.how}, {self.protocol})"
        width = max(map(len, self.metrics), default=0)
        lines = [head]
        for name, value in self.metrics.items():
            bounds = self.intervals.get(name)
            spread = f"   [{bounds[0]:.4f}, {bounds[1]:.4f}]" if bounds else ""
            lines.append(f"  {name:<{width}}  {value:.4f}{spread}")
        if self.unscored:
            lines.append(f"  {share_text(self.unscored)} of the relevant items could not be scored: counted as misses")
        spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.seconds.items())
        return "\n".join([*lines, f"  {spent}; in brackets: 95 % intervals over users"])


def over_users(
    per_user: Mapping[str, Doubles], measures: tuple[Measure, ...], resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Return the mean of each metric over users and its bootstrap interval, NaN where no user has a value."""
    names = [str(measure) for measure in measures if str(measure) in per_user]
    if not names:
        return {}, {}
    table = np.stack([per_user[name] for name in names], axis=1)
    low, high = bootstrap_interval(table, resamples=resamples, seed=seed)
    counts = np.isfinite(table).sum(axis=0)
    means = np.divide(np.nansum(table, axis=0), counts, out=np.full(len(names), np.nan), where=counts > 0)
    return (
        {name: float(mean) for name, mean in zip(names, means, strict=True)},
        {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)},
    )
