"""How missing-modality curves are shown: in a terminal, in Markdown, as a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from palate.evaluation._report_blocks import Grid, Points, Row, Words
from palate.evaluation._report_blocks import markdown as blocks_as_markdown
from palate.evaluation._report_lines import Level, Line, Plot, Spot
from palate.evaluation._table import _short, share_text

if TYPE_CHECKING:
    from palate.evaluation.missing import Curve, MissingCurves, Point


_WHEN = {
    "fit": "fitted again on what is left",
    "serve": "fitted once on everything, missing only when it scores",
}


def text(found: MissingCurves) -> str:
    """Return a table of at most 80 columns, and the notes."""
    rows = [head_of(found), *table(found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    longest = max(12, widths[0] - max(0, sum(widths) + 2 * len(widths) - 80))
    lines = [_head(found)]
    for row in rows:
        first = row[0] if len(row[0]) <= longest else f"{row[0][: longest - 1]}…"
        cells = [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([f"{first:<{min(widths[0], longest)}}", *cells]).rstrip())
    return "\n".join([*lines, "", *notes(found)])


def head_of(found: MissingCurves) -> tuple[str, ...]:
    """Return the titles of the table's columns."""
    return ("drop", "missing", found.by, "95 %", "change", "95 %", "std")


def table(found: MissingCurves) -> list[tuple[str, ...]]:
    """Return one row of words a point, the whole first; columns as in `head_of`."""
    by = found.by
    whole = ("nothing", "0 %", _short(found.whole.metrics[by]), _bounds(found.whole.intervals.get(by)), "", "", "")
    rows = [
        (curve.drop, _percent(point.share), *_figures(point, by)) for curve in found.curves for point in curve.points
    ]
    floor = found.floor
    return [whole, *rows, (floor.model, "–", _short(floor.metrics[by]), _bounds(floor.intervals.get(by)), "", "", "")]


def markdown(found: MissingCurves) -> str:
    """Return the table in Markdown, with head and notes."""
    rows = [Row(line[0], line[1:]) for line in table(found)]
    return blocks_as_markdown([Words(_head(found)), Grid(head_of(found), rows), Points(notes(found))])


def notes(found: MissingCurves) -> list[str]:
    """Return how to read the figures, one sentence each."""
    draws = f"{found.seeds} draws" if found.seeds > 1 else "one draw"
    lines = [
        f"missing: share of the items that have the part and lose it, at random, nested; mean of {draws}.",
        f"{_WHEN[found.at][0].upper()}{_WHEN[found.at][1:]}; test is the same throughout.",
        "change: against nothing dropped, user by user; an interval without 0 is a real difference.",
    ]
    lines += ["std: over the draws; intervals: users and draws resampled."] if found.seeds > 1 else []
    lines += [
        f"{curve.drop} changes nothing at any share: the model does not depend on it."
        for curve in found.curves
        if all(point.error is None and not any(point.change.values()) for point in curve.points)
    ]
    unscored = found.whole.unscored
    worst = max(
        (point.unscored for curve in found.curves for point in curve.points if point.error is None), default=0.0
    )
    if worst > unscored:
        lines.append(
            f"Items to be found that could not be scored, counted as misses: {share_text(unscored)} with nothing "
            f"dropped, up to {share_text(worst)} in the rows above."
        )
    return lines + [
        f"{curve.drop} at {_percent(point.share)} has no figures: {point.error}"
        for curve in found.curves
        for point in curve.points
        if point.error is not None
    ]


def plot(found: MissingCurves, alone: bool = False) -> str:
    """Return the plot as SVG."""
    by, whole = found.by, found.whole.metrics[found.by]
    draws = f"mean of {found.seeds} draws" if found.seeds > 1 else "one draw"
    return Plot(
        title=f"{found.model}: {by} when parts of the items go missing",
        under=(
            f"{_WHEN[found.at]}; {draws}; same test: {found.whole.users:,} users, {found.whole.how}, {found.whole.protocol}",
            "band: 95 % interval of the change against nothing missing; where it leaves the line of nothing missing, the change is real",
        ),
        across="share of the items with that part that lose it",
        upward=f"{by} on test",
        lines=[_line(curve, by, whole) for curve in found.curves],
        levels=[
            Level(f"nothing missing {_short(whole)}", whole),
            Level(f"popularity {_short(found.floor.metrics[by])}", found.floor.metrics[by]),
        ],
    ).svg(alone)  # fmt: skip


def reading(found: MissingCurves) -> str:
    """Return a sentence that says how to read the plot, with its steepest loss as the example."""
    ends = [(curve, point) for curve in found.curves for point in curve.points if point.error is None]
    if not ends:
        return ""
    curve, point = min(ends, key=lambda end: end[1].change[found.by])
    low, high = point.change_intervals.get(found.by, (float("nan"), float("nan")))
    what = "every part" if curve.drop == "all" else curve.drop
    return (
        f"Each line drops something else; further right, more of it is gone. The lowest point: with {what} gone from "
        f"{_percent(point.share)} of the items that have it, {found.by} is {_short(point.metrics[found.by])}, a change of "
        f"{_signed(point.change[found.by])} [{_signed(low)}, {_signed(high)}]."
    )  # fmt: skip


def _line(curve: Curve, by: str, whole: float) -> Line:
    start = Spot(0.0, whole, whole, whole, f"nothing missing: {by} {whole:.4f}")
    spots = [start]
    for point in curve.points:
        if point.error is None:
            low, high = point.change_intervals.get(by, (point.change[by], point.change[by]))
            told = f"{curve.drop}, {_percent(point.share)} missing: {by} {point.metrics[by]:.4f} ({_signed(point.change[by])})"
            spots.append(Spot(point.share, point.metrics[by], whole + low, whole + high, told))
    return Line(curve.drop if curve.drop != "all" else "all parts", spots)


def _head(found: MissingCurves) -> str:
    whole = found.whole
    return f"{found.model} on {whole.on}, {whole.users:,} users ({whole.how}, {whole.protocol}), parts missing at {found.at}"


def _figures(point: Point, by: str) -> tuple[str, ...]:
    if point.error is not None:
        return ("–", "", "", "", "")
    std = _short(point.std[by]) if by in point.std else ""
    changes = point.change_intervals.get(by)
    told = "" if changes is None else f"[{_signed(changes[0])} {_signed(changes[1])}]"
    return _short(point.metrics[by]), _bounds(point.intervals.get(by)), _signed(point.change[by]), told, std


def _bounds(bounds: tuple[float, float] | None) -> str:
    return "" if bounds is None else f"[{_short(bounds[0])} {_short(bounds[1])}]"


def _signed(value: float) -> str:
    return f"{'+' if value >= 0 else '-'}{_short(abs(value))}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
