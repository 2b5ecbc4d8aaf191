"""How figures by group are shown in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from palate.evaluation.groups import Group

_HEADS = {"history": "likes in training", "popularity": "items to be found"}
_METRICS = 2
"""How many metrics fit beside the group in 80 columns."""


def value_text(value: float) -> str:
    """Return a figure with four decimals, or fewer where it is large.

    Example:
        >>> value_text(0.08514), value_text(153.256), value_text(12345.6)
        ('0.0851', '153.26', '12,346')
    """
    return f"{value:.4f}" if not abs(value) >= 10 else f"{value:.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def group_lines(by: str, groups: Sequence[Group]) -> list[str]:
    """Return a table of at most 80 columns: the groups, their sizes and the first metrics with intervals."""
    names = list(groups[0].metrics)[:_METRICS] if groups else []
    of_items = any(group.items is not None for group in groups)
    head = [_HEADS.get(by, by), *(["items"] if of_items else []), "users", *names]
    rows = [
        [group.name, *([f"{group.items:,}"] if of_items else []), f"{group.users:,}"]
        + [_figure(group, name) for name in names]
        for group in groups
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    table = ["  ".join(["", row[0].ljust(widths[0]), *(map(str.rjust, row[1:], widths[1:]))]) for row in [head, *rows]]
    left = len(groups[0].metrics) - len(names) if groups else 0
    return [f"by {by}", *table, *([f"  and {left} more in --json and in .by_{by}"] if left else [])]


def _figure(group: Group, name: str) -> str:
    low, high = group.intervals[name]
    if not group.users or group.metrics[name] != group.metrics[name]:
        return "–"
    return f"{_short(group.metrics[name])} [{_short(low)} {_short(high)}]"


def _short(value: float) -> str:
    return value_text(value).removeprefix("0") if 0 <= value < 1 else value_text(value)
