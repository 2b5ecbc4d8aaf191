"""The report's plots: bars and intervals as inline SVG and HTML, no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from palate.evaluation._table import share_text


@dataclass(frozen=True)
class Bar:
    """A share of 1 with what it is of."""

    label: str
    detail: str
    share: float


@dataclass(frozen=True)
class Dot:
    """A mean with its interval."""

    label: str
    value: float
    low: float
    high: float
    best: bool = False
    also: float | None = None
    """Another value, drawn hollow."""


@dataclass(frozen=True)
class Mark:
    """A place in a plane; the one across is a duration in seconds, or another amount above 0."""

    label: str
    x: float
    y: float
    best: bool = False


def bars(rows: Sequence[Bar]) -> str:
    """Return horizontal bars, one a row, each with its share in numbers."""
    return "".join(
        f'<div class="bar"><span class="name">{escape(row.label)}<small>{escape(row.detail)}</small></span>'
        f'<span class="track"><span class="fill" style="width:{100 * row.share:.1f}%"></span></span>'
        f'<span class="share">{share_text(row.share)}</span></div>'
        for row in rows
    )


def intervals(
    rows: Sequence[Dot], title: str, under: str = "", across: str = "", zero: bool = False
) -> str:  # fmt: skip
    """Return a dot-and-interval plot on one axis; `zero` draws a line at 0, to the right of which more is better."""
    left, width, step, top = 176, 680, 30, 58
    ends = [value for row in rows for value in (row.low, row.high, row.value, row.also) if value is not None]
    low, high, ticks = _axis([*ends, *([0.0] if zero else [])], [*ends, *([0.0] if zero else [])])
    bottom = top + step * len(rows) + 6

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (width - left - 24)

    parts = [
        f'<svg class="plot" role="img" aria-label="{escape(title)}" viewBox="0 0 {width} {bottom + 44}">',
        _titles(title, under),
        *(
            f'<line class="grid" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{top - 6}" y2="{bottom}"/>'
            f'<text class="tick" x="{x(t):.1f}" y="{bottom + 16}" text-anchor="middle">{t:g}</text>'
            for t in ticks
        ),
        f'<text class="tick" x="{(left + width - 24) / 2}" y="{bottom + 36}" text-anchor="middle">{escape(across)}</text>',
    ]
    if zero:
        parts.append(f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="{top - 6}" y2="{bottom}"/>')
    parts += [_dot(row, step * index + step / 2 + top, left, x) for index, row in enumerate(rows)]
    return "".join([*parts, "</svg>"])


def _dot(row: Dot, y: float, left: float, x: Callable[[float], float]) -> str:
    also = "" if row.also is None else f"; hollow {row.also:.4f}"
    hollow = "" if row.also is None else f'<circle class="hollow" cx="{x(row.also):.1f}" cy="{y}" r="4.5"/>'
    return (
        f'<g class="row{" best" if row.best else ""}">'
        f"<title>{escape(row.label)}: {row.value:.4f} [{row.low:.4f}, {row.high:.4f}]{also}</title>"
        f'<text x="{left - 14}" y="{y + 4.5:.1f}" text-anchor="end">{escape(_cut(row.label, 24))}</text>'
        f'<line class="whisker" x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{y}" y2="{y}"/>'
        f'{hollow}<circle cx="{x(row.value):.1f}" cy="{y}" r="5"/></g>'
    )


def marks(rows: Sequence[Mark], title: str, under: str, across: str, upward: str) -> str:
    """Return named points in a plane whose axis across is logarithmic: each further step is ten times as much."""
    left, right, top, bottom, width, height = 64, 170, 64, 52, 680, 360
    low, high, ticks = _axis([row.y for row in rows], [row.y for row in rows])
    powers = [math.log10(max(row.x, 1e-4)) for row in rows]
    first = math.floor(min(powers))
    last = max(first + 1, math.ceil(max(powers)))

    def x(power: float) -> float:
        return left + (power - first) / (last - first) * (width - left - right)

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - (value - low) / (high - low))

    places = apart([y(row.y) for row in rows], 17, top - 10, height - bottom)
    return "".join([
        f'<svg class="plot" role="img" aria-label="{escape(title)}" viewBox="0 0 {width} {height}">',
        _titles(title, under),
        *(
            f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
            f'<text class="tick" x="{left - 8}" y="{y(t) + 4:.1f}" text-anchor="end">{t:g}</text>'
            for t in ticks
        ),
        *(
            f'<line class="grid" x1="{x(p):.1f}" x2="{x(p):.1f}" y1="{top}" y2="{height - bottom}"/>'
            f'<text class="tick" x="{x(p):.1f}" y="{height - bottom + 18}" text-anchor="middle">{10.0**p:g}</text>'
            for p in range(first, last + 1)
        ),
        f'<text class="tick" x="{(left + width - right) / 2}" y="{height - 8}" text-anchor="middle">{escape(across)}</text>',
        f'<text class="tick" transform="translate(14 {(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">{escape(upward)}</text>',
        *(
            f'<g class="row{" best" if row.best else ""}"><title>{escape(row.label)}: {row.y:.4f}, {row.x:.2f}</title>'
            f'<line class="grid" x1="{x(power) + 6:.1f}" x2="{width - right + 10}" y1="{y(row.y):.1f}" y2="{place:.1f}"/>'
            f'<circle cx="{x(power):.1f}" cy="{y(row.y):.1f}" r="5"/>'
            f'<text x="{width - right + 14}" y="{place + 4.5:.1f}">{escape(_cut(row.label, 22))}</text></g>'
            for row, power, place in zip(rows, powers, places, strict=True)
        ),
        "</svg>",
    ])  # fmt: skip


def apart(wanted: Sequence[float], gap: float, top: float, bottom: float) -> list[float]:
    """Return heights near the wanted ones, in their order, at least `gap` from one another where there is room.

    Example:
        >>> apart([10, 12, 50], 10, 0, 100)
        [6.0, 16.0, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    groups: list[list[float]] = []  # of each: the middle, how many
    for index in order:
        groups.append([wanted[index], 1])
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < gap * (groups[-1][1] + groups[-2][1]) / 2:
            middle, count = groups.pop()
            before, several = groups.pop()
            groups.append([(middle * count + before * several) / (count + several), count + several])
    placed = [middle + gap * (step - (count - 1) / 2) for middle, count in groups for step in range(int(count))]
    # what is smaller of two rows with gaps has gaps too, and so has what is larger
    placed = [min(place, bottom - gap * (len(placed) - 1 - step)) for step, place in enumerate(placed)]
    placed = [max(place, top + gap * step) for step, place in enumerate(placed)]
    result = [0.0] * len(wanted)
    for index, place in zip(order, placed, strict=True):
        result[index] = float(place)
    return result


def _titles(title: str, under: str) -> str:
    return (
        f'<text class="title" x="4" y="18">{escape(title)}</text><text class="tick" x="4" y="38">{escape(under)}</text>'
    )


def _cut(label: str, most: int) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def _axis(lows: Sequence[float], highs: Sequence[float]) -> tuple[float, float, list[float]]:
    low = min((v for v in lows if math.isfinite(v)), default=0.0)
    high = max((v for v in highs if math.isfinite(v)), default=1.0)
    span = max(high - low, 1e-4)
    rough = span / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough)
    first = math.floor(low / step)
    last = max(first + 1, math.ceil(high / step))
    return first * step, last * step, [round(i * step, 10) for i in range(first, last + 1)]
