"""What a judgement of predictions found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from palate.evaluation._table import share_text


@dataclass(frozen=True, eq=False)
class Predicted:
    """Metrics of one model's predictions on one part of a split, beside baselines; `print` shows a small table."""

    model: str
    task: str
    """"click" or "rating"."""
    on: str
    """Which part was judged: "test" or "valid"."""
    protocol: str
    how: str
    """How the data were split."""
    against: str
    """What likes were told from, in words; "ratings" where these were predicted."""
    users: int
    pairs: int
    metrics: Mapping[str, float]
    """Over all pairs alike, whoever they are of."""
    intervals: Mapping[str, tuple[float, float]]
    """95 % bootstrap intervals; users are drawn, with all their pairs."""
    baselines: Mapping[str, Mapping[str, float]]
    """The same metrics of what the training data alone say, without a model."""
    unpredicted: float
    """Share of the pairs that the model could not predict; the first baseline stood in for it."""
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of the command line."""
        return {
            "task": self.task,
            "model": self.model,
            "split": self.on,
            "how": self.how,
            "protocol": self.protocol,
            "against": self.against,
            "users": self.users,
            "pairs": self.pairs,
            "metrics": dict(self.metrics),
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
            "baselines": {name: dict(values) for name, values in self.baselines.items()},
            "unpredicted": self.unpredicted,
            "seconds": dict(self.seconds),
        }

    def __str__(self) -> str:
        what = "ratings" if self.task == "rating" else f"clicks against {self.against}"
        rows = {self.model: self.metrics, **self.baselines}
        width = max(map(len, rows))
        lines = [
            f"{self.model} on {self.on}: {what}",
            f"{self.pairs:,} pairs of {self.users:,} users ({self.how}, {self.protocol})",
            " " * (width + 2) + "".join(f"{name:>10}" for name in self.metrics),
            *(
                f"  {name:<{width}}" + "".join(f"{values[metric]:>10.4f}" for metric in self.metrics)
                for name, values in rows.items()
            ),
            "  95 % intervals over users:",
            *(f"    {name:<9} [{low:.4f}, {high:.4f}]" for name, (low, high) in self.intervals.items()),
        ]
        if self.unpredicted:
            stand_in = next(iter(self.baselines))
            lines.append(f"  {share_text(self.unpredicted)} of the pairs could not be predicted: '{stand_in}' stood in")
        spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.seconds.items())
        return "\n".join([*lines, f"  {spent}"])
