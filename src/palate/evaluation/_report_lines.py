"""A plot of lines with bands as inline SVG: no script, and no look at anything outside of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from palate.evaluation._report_charts import _axis, apart

_LEFT, _RIGHT, _TOP, _BOTTOM, _WIDTH, _HEIGHT = 64, 196, 76, 56, 820, 440
_LEAST_GAP = 17
_COLOURS = 6
_DASHES = ("", "7 4", "2 3", "10 3 2 3", "4 2", "1 4")
STYLE = """
.lines { --ink: #22211f; --soft: #6d6a64; --line: #e3e0d9; --s0: #b3421f; --s1: #1f6fb3; --s2: #2c7a4b; --s3: #7a4fa3; --s4: #8a6d1f; --s5: #46545e; }
@media (prefers-color-scheme: dark) {
  .lines { --ink: #edeae4; --soft: #a5a097; --line: #38352f; --s0: #f08a5d; --s1: #6bb2f0; --s2: #6cc48e; --s3: #b996e0; --s4: #d8bb62; --s5: #a9b8c2; }
}
.lines { display: block; width: 100%; max-width: 860px; height: auto; margin: 4px 0 12px; font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif; }
.lines text { fill: var(--ink); font-size: 13px; }
.lines .title { font-size: 16px; font-weight: 650; }
.lines .under, .lines .tick { fill: var(--soft); font-size: 12px; }
.lines .grid { stroke: var(--line); }
.lines .level { stroke: var(--soft); stroke-dasharray: 5 4; }
.lines .curve { fill: none; stroke-width: 2.4; stroke-linejoin: round; }
.lines .band { opacity: .16; }
.lines .named { font-weight: 600; }
""" + "".join(
    f".lines .c{n} .curve {{ stroke: var(--s{n}); }} .lines .c{n} .band, .lines .c{n} .dot, .lines .c{n} .named {{ fill: var(--s{n}); }}\n"
    for n in range(_COLOURS)
)
_PAPER = ".lines { background: #ffffff; } @media (prefers-color-scheme: dark) { .lines { background: #22211e; } }"


Tick: TypeAlias = tuple[float, str]
"""Where on an axis, and what stands there."""


@dataclass(frozen=True)
class Spot:
    """One point of a line, with its interval."""

    x: float
    y: float
    low: float
    high: float
    told: str
    """What the pointer shows."""


@dataclass(frozen=True)
class Line:
    """A named line."""

    label: str
    spots: Sequence[Spot]


@dataclass(frozen=True)
class Level:
    """A height that the lines are seen against."""

    label: str
    y: float


@dataclass(frozen=True)
class Plot:
    """Lines over a share from 0 to 1; an axis can be given ticks of its own, as one of logarithms needs."""

    title: str
    under: Sequence[str]
    """At most two lines below the title."""
    across: str
    upward: str
    lines: Sequence[Line]
    levels: Sequence[Level] = ()
    across_at: Sequence[Tick] = tuple((share / 100, f"{share} %") for share in range(0, 101, 20))
    upward_at: Sequence[Tick] | None = None
    """From the lowest height to the highest; None finds round ones."""

    def svg(self, alone: bool = False) -> str:
        """Return the picture; `alone` gives it a background and makes it a file of its own."""
        low, high, ticks = self._range()
        height = _HEIGHT - _TOP - _BOTTOM

        def at(y: float) -> float:
            return _TOP + height * (1 - (y - low) / (high - low))

        body = [*self._words(low), *_grid(ticks, at, self.across_at)]
        body += [_band(line, index, at) for index, line in enumerate(self.lines)]
        body += [
            f'<line class="level" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at(level.y):.1f}" y2="{at(level.y):.1f}"/>'
            for level in self.levels
        ]
        body += [_drawn(line, index, at) for index, line in enumerate(self.lines)]
        body += self._names(at)
        space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
        style = f"<style>{STYLE}{_PAPER}</style>" if alone else ""
        return (
            f'<svg{space} class="lines" role="img" aria-label="{escape(self.title)}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
            f"<title>{escape(self.title)}</title>{style}{''.join(body)}</svg>"
        )  # fmt: skip

    def _range(self) -> tuple[float, float, Sequence[Tick]]:
        if self.upward_at:
            return self.upward_at[0][0], self.upward_at[-1][0], self.upward_at
        heights = [value for line in self.lines for spot in line.spots for value in (spot.low, spot.high, spot.y)]
        heights = [value for value in [*heights, *(level.y for level in self.levels)] if math.isfinite(value)] or [
            0.0,
            1.0,
        ]
        # near nought the axis begins there, so that a loss looks as large as it is
        floor = 0.0 if min(heights) < 0.6 * max(heights) else min(heights)
        low, high, ticks = _axis([min(floor, *heights)], [max(heights)])
        return low, high, [(tick, f"{tick:g}") for tick in ticks]

    def _words(self, low: float) -> list[str]:
        cut = "; the axis does not begin at 0" if low > 0 and not self.upward_at else ""
        middle = _TOP + (_HEIGHT - _TOP - _BOTTOM) / 2
        return [
            f'<text class="title" x="12" y="24">{escape(self.title)}</text>',
            *(f'<text class="under" x="12" y="{43 + 16 * n}">{escape(words)}</text>' for n, words in enumerate(self.under)),
            f'<text class="under" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(self.across)}</text>',
            f'<text class="under" transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(self.upward + cut)}</text>',
        ]  # fmt: skip

    def _names(self, at: Height) -> list[str]:
        """Return the words at the right end of lines and levels, moved apart where they would touch."""
        ends = [
            (at(line.spots[-1].y), _reach(line.spots[-1].x), f"c{n % _COLOURS}", line.label)
            for n, line in enumerate(self.lines)
            if line.spots
        ]
        ends += [(at(level.y), _WIDTH - _RIGHT, "", level.label) for level in self.levels]
        places = apart([end[0] for end in ends], _LEAST_GAP, _TOP, _HEIGHT - _BOTTOM)
        return [
            f'<g class="{kind}"><line class="grid" x1="{x + 6:.1f}" x2="{_WIDTH - _RIGHT + 12}" y1="{y:.1f}" y2="{place:.1f}"/>'
            f'<text class="{"named" if kind else "under"}" x="{_WIDTH - _RIGHT + 16}" y="{place + 4.5:.1f}">{escape(_short(label))}</text></g>'
            for (y, x, kind, label), place in zip(ends, places, strict=True)
        ]  # fmt: skip


Height: TypeAlias = Callable[[float], float]


def _reach(x: float) -> float:
    return _LEFT + x * (_WIDTH - _LEFT - _RIGHT)


def _grid(ticks: Sequence[Tick], at: Height, across: Sequence[Tick]) -> list[str]:
    found = [
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at(t):.1f}" y2="{at(t):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 8}" y="{at(t) + 4:.1f}" text-anchor="end">{escape(word)}</text>'
        for t, word in ticks
    ]
    return found + [
        f'<text class="tick" x="{_reach(share):.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{escape(word)}</text>'
        for share, word in across
    ]


def _band(line: Line, index: int, at: Height) -> str:
    upper = [f"{_reach(spot.x):.1f},{at(spot.high):.1f}" for spot in line.spots]
    lower = [f"{_reach(spot.x):.1f},{at(spot.low):.1f}" for spot in reversed(line.spots)]
    return f'<g class="c{index % _COLOURS}"><polygon class="band" points="{" ".join([*upper, *lower])}"/></g>'


def _drawn(line: Line, index: int, at: Height) -> str:
    path = " ".join(f"{_reach(spot.x):.1f},{at(spot.y):.1f}" for spot in line.spots)
    dots = "".join(
        f'<circle class="dot" cx="{_reach(spot.x):.1f}" cy="{at(spot.y):.1f}" r="3.8"><title>{escape(spot.told)}</title></circle>'
        for spot in line.spots
    )
    dash = f' stroke-dasharray="{_DASHES[index // _COLOURS % len(_DASHES)]}"' if index >= _COLOURS else ""
    return f'<g class="c{index % _COLOURS}"><polyline class="curve" points="{path}"{dash}/>{dots}</g>'


def _short(label: str) -> str:
    return label if len(label) <= 26 else f"{label[:25]}…"
