"""The report's plots: bars and intervals as inline SVG and HTML, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def bars(rows: Sequence[Bar]) -> str:
    """Return horizontal bars, one a row, each with its share in numbers."""
    return "".join(
        f'<div class="bar"><span class="name">{escape(row.label)}<small>{escape(row.detail)}</small></span>'
        f'<span class="track"><span class="fill" style="width:{100 * row.share:.1f}%"></span></span>'
        f'<span class="share">{share_text(row.share)}</span></div>'
        for row in rows
    )


def intervals(rows: Sequence[Dot], title: str) -> str:
    """Return a dot-and-interval plot on one axis that begins at a round number."""
    left, width, step = 190, 700, 30
    low, high, ticks = _axis([row.low for row in rows], [row.high for row in rows])
    height = step * len(rows) + 34

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (width - left - 24)

    parts = [
        f'<div class="wide"><svg class="plot" role="img" aria-label="{escape(title)}" viewBox="0 0 {width} {height}">',
        *(
            f'<line class="grid" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="4" y2="{height - 26}"/>'
            f'<text class="tick" x="{x(t):.1f}" y="{height - 10}" text-anchor="middle">{t:g}</text>'
            for t in ticks
        ),
    ]
    for index, row in enumerate(rows):
        y = step * index + step / 2 + 4
        name = row.label if len(row.label) <= 24 else f"{row.label[:23]}…"
        parts.append(
            f'<g class="row{" best" if row.best else ""}">'
            f"<title>{escape(row.label)}: {row.value:.4f} [{row.low:.4f}, {row.high:.4f}]</title>"
            f'<text x="{left - 14}" y="{y + 4.5:.1f}" text-anchor="end">{escape(name)}</text>'
            f'<line class="whisker" x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{y}" y2="{y}"/>'
            f'<circle cx="{x(row.value):.1f}" cy="{y}" r="5"/></g>'
        )
    return "".join([*parts, "</svg></div>"])


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
