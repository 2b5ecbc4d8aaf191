"""What is left of each method when parts go missing: a small plot a method, all in one picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from palate.evaluation._fusions_show import _drawn
from palate.evaluation._missing_show import _percent
from palate.evaluation._report_charts import _axis, _cut
from palate.evaluation._report_lines import _PAPER, STYLE
from palate.evaluation._table import _short

if TYPE_CHECKING:
    from palate.evaluation.fusions import Block, FusionComparison
    from palate.evaluation.missing import Point

_COLUMNS, _WIDE, _HIGH = 4, 172, 96
_LEFT, _GAP, _ABOVE, _BELOW = 52, 24, 36, 30
_TOP, _HEAD = 62, 34
_STYLE = """
.lines .others { fill: none; stroke: var(--soft); stroke-width: 1.2; opacity: .32; }
.lines .end { font-size: 11px; }
.lines .tick { font-size: 11px; }
.lines .curve { stroke-width: 2; }
"""
_OF_KIND = {"early": 0, "aligned": 3, "late": 1, "alone": 5}
"""The colour of a kind of method."""
_SAID = {"early": "early fusion", "aligned": "aligned, then fused", "late": "late fusion", "alone": "one part alone"}
_Place = Callable[[float], float]


def plot(found: FusionComparison) -> str:
    """Return the SVG: a section a model, a panel a method, the model's other methods grey behind it."""
    body: list[str] = []
    top = float(_TOP)
    for block in found.blocks:
        if _drawn(block):
            drawn, height = _section(found, block, top)
            body += drawn
            top += height
    width = _LEFT + _COLUMNS * (_WIDE + _GAP)
    title = f"{found.by} when parts of the items go missing"
    draws = "" if found.missing is None or found.missing.draws == 1 else f", mean of {found.missing.draws} draws"
    under = f"right: more of the items lose their parts; fitted again on what is left{draws}; same test: {found.users:,} users, {found.how}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lines" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width} {top:.0f}"><title>{escape(title)}</title><style>{STYLE}{_STYLE}{_PAPER}</style>'
        f'<text class="title" x="12" y="24">{escape(title)}</text><text class="under" x="12" y="43">{escape(under)}</text>'
        f"{''.join(body)}</svg>"
    )


def _section(found: FusionComparison, block: Block, top: float) -> tuple[list[str], float]:
    """Return a model's panels and how high they are together; all share one axis."""
    names = _drawn(block)
    curves = {name: [point for point in block.curves[name] if point.error is None] for name in names}
    floors = [trial.test.metrics[found.by] for name, trial in block.trials.items() if block.kinds[name] == "floor"]
    low, high, ticks = _range([*(_y(point, found.by) for curve in curves.values() for point in curve), *floors])
    body = [f'<text class="named" x="12" y="{top + 14}">{escape(block.model)}</text>', *_legend(block, top, floors)]
    for place, name in enumerate(names):
        left = _LEFT + place % _COLUMNS * (_WIDE + _GAP)
        upper = top + _HEAD + place // _COLUMNS * (_ABOVE + _HIGH + _BELOW) + _ABOVE

        def x(share: float, left: float = left) -> float:
            return left + share * (_WIDE - 8)

        def y(value: float, upper: float = upper) -> float:
            return upper + _HIGH * (1 - (value - low) / (high - low))

        body += _frame(ticks if place % _COLUMNS == 0 else [], ticks, floors, x, y)
        body += [
            f'<polyline class="others" points="{_path(curve, found.by, x, y)}"/>'
            for other, curve in curves.items()
            if other != name
        ]
        body += _panel(name, _OF_KIND[block.kinds[name]], curves[name], found.by, x, y, upper)
    rows = math.ceil(len(names) / _COLUMNS)
    return body, _HEAD + rows * (_ABOVE + _HIGH + _BELOW) + 8


def _legend(block: Block, top: float, floors: Sequence[float]) -> Iterator[str]:
    """Yield what the colours say."""
    x = _LEFT + _WIDE
    for kind, said in _SAID.items():
        if any(block.kinds[name] == kind for name in _drawn(block)):
            yield (
                f'<g class="c{_OF_KIND[kind]}"><circle class="dot" cx="{x}" cy="{top + 10}" r="4"/>'
                f'<text class="tick" x="{x + 8}" y="{top + 14}">{said}</text></g>'
            )
            x += 20 + 6 * len(said)
    if floors:
        yield f'<line class="level" x1="{x}" x2="{x + 18}" y1="{top + 10}" y2="{top + 10}"/>'
        yield f'<text class="tick" x="{x + 23}" y="{top + 14}">popularity</text>'


def _frame(
    named: Sequence[float], ticks: Sequence[float], floors: Sequence[float], x: _Place, y: _Place
) -> Iterator[str]:
    for tick in ticks:
        yield f'<line class="grid" x1="{x(0):.1f}" x2="{x(1):.1f}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
    for tick in named:
        yield f'<text class="tick" x="{x(0) - 6:.1f}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        at = y(ticks[0]) + 15
        yield f'<text class="tick" x="{x(share):.1f}" y="{at:.1f}" text-anchor="{anchor}">{_percent(share)}</text>'
    for floor in floors:
        yield f'<line class="level" x1="{x(0):.1f}" x2="{x(1):.1f}" y1="{y(floor):.1f}" y2="{y(floor):.1f}"/>'


def _panel(
    name: str, colour: int, curve: Sequence[Point], by: str, x: _Place, y: _Place, upper: float
) -> Iterator[str]:
    """Yield a method's own line, with its first and its last figure below the name."""
    yield f'<g class="c{colour}"><text class="named end" x="{x(0):.1f}" y="{upper - 22:.1f}">{escape(_cut(name, 26))}</text>'
    if curve:
        last = curve[-1]
        ends = f"{_short(_y(curve[0], by))} → {_short(_y(last, by))} at {_percent(last.share)}"
        yield f'<text class="tick" x="{x(0):.1f}" y="{upper - 8:.1f}">{ends}</text>'
        yield f'<polyline class="curve" points="{_path(curve, by, x, y)}"/>'
    for point in curve:
        told = f"{name}, {_percent(point.share)} missing: {by} {_y(point, by):.4f}"
        yield (
            f'<circle class="dot" cx="{x(point.share):.1f}" cy="{y(_y(point, by)):.1f}" r="2.8">'
            f"<title>{escape(told)}</title></circle>"
        )
    yield "</g>"


def _path(curve: Sequence[Point], by: str, x: _Place, y: _Place) -> str:
    return " ".join(f"{x(point.share):.1f},{y(_y(point, by)):.1f}" for point in curve)


def _y(point: Point, by: str) -> float:
    return point.metrics[by]


def _range(heights: Sequence[float]) -> tuple[float, float, list[float]]:
    finite = [value for value in heights if math.isfinite(value)] or [0.0, 1.0]
    return _axis([min(0.0, *finite)], [max(finite)])
