"""How a comparison of fusions is shown: in a terminal, in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from palate.evaluation._missing_show import _bounds, _percent, _signed
from palate.evaluation._report_blocks import Block as Told
from palate.evaluation._report_blocks import Grid, Heading, Points, Row
from palate.evaluation._report_blocks import markdown as as_markdown
from palate.evaluation._table import _grouped, _seconds, _short, p_text, share_text

if TYPE_CHECKING:
    from palate.evaluation.fusions import Block, FusionComparison
    from palate.evaluation.missing import Point

_REFERENCE = "concat"
_SHARES = 5
"""Shares of what is missing that a terminal has room for."""
NONE = "–"


def shown(found: FusionComparison, width: int = 80) -> Iterator[RenderableType]:
    """Yield tables and notes for a console of so many columns; below 80 the costs are left out."""
    for block in found.blocks:
        yield Text(block.model, style="bold")
        yield _table(found, block, width >= 80)
        yield Text()
        if block.curves:
            yield _curves(found, block)
            yield Text()
    for note in notes(found):
        yield Text(textwrap.fill(note, min(width, 80)))


def second_metric(found: FusionComparison) -> str | None:
    """Return the metric that is shown beside the one that chose: recall or NDCG at the same k, or the next there is."""
    cut = found.by.partition("@")[2]
    others = [name for name in found.metrics if name != found.by]
    wanted = [name for name in (f"recall@{cut}", f"ndcg@{cut}") if name in others]
    return next(iter([*wanted, *others]), None)


def _table(found: FusionComparison, block: Block, wide: bool) -> Table:
    by, second = found.by, second_metric(found)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("method", overflow="fold", min_width=8)
    heads = [f"valid\n{by}", f"test\n{by}", "95 %", f"test\n{second}" if second else "", f"to\n{_REFERENCE}", "95 %"]
    for head in [*(head for head in heads if head), *(["fit\ns"] if wide else [])]:
        table.add_column(head.replace("@", "\n@"), justify="right", no_wrap=True)
    for name in block.order:
        trial, test = block.trials[name], block.tests.get(name)
        valid = NONE if trial.valid is None else _short(trial.valid.metrics[by])
        bounds = trial.test.intervals.get(by)
        cells = [name, valid, _short(trial.test.metrics[by]), NONE if bounds is None else _brief(bounds)]
        cells += [_short(trial.test.metrics[second])] if second else []
        cells += (
            ["", ""] if test is None else [_marked(test["difference"], test["significant"]), _pair(test["interval"])]
        )
        cells += [_seconds(trial.seconds["fit"])] if wide else []
        table.add_row(*map(Text, cells), style="bold" if name == block.best else "")
    for name in block.failures:
        table.add_row(Text(name), "failed")
    return table


def _curves(found: FusionComparison, block: Block) -> Table:
    shares = _some(_shares(found))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(f"{found.by}, parts missing of", overflow="fold", min_width=8)
    for share in shares:
        table.add_column(_percent(share), justify="right", no_wrap=True)
    for name in _drawn(block):
        points = {point.share: point for point in block.curves[name]}
        table.add_row(Text(name), *(_left(points.get(share), found.by) for share in shares))
    return table


def notes(found: FusionComparison) -> list[str]:
    """Return what a reader must know beside the figures, one sentence each."""
    lines = [
        f"strict, split {found.how}, {found.users:,} users on test; [ ] 95 % intervals over users.",
        f"to {_REFERENCE}: the difference on test, user by user; * a real one (paired sign-flip test, Holm within the model).",
    ]
    if any(block.best is not None for block in found.blocks):
        lines.append(
            "valid: what validation also weighs or stops, such as late stacking or a network, looks a little better there than it "
            "is; test knows nothing of it."
        )
    for block in found.blocks:
        lines += _block_notes(found, block)
    if found.missing is not None:
        draws = f"mean of {found.missing.draws} draws" if found.missing.draws > 1 else "one draw"
        lines.append(
            "Parts missing: that share of the items with a part loses it, each part for itself; fitted again on what is "
            f"left, judged by the same test; {draws}."
        )
    return lines


def _block_notes(found: FusionComparison, block: Block) -> Iterator[str]:
    yield from _choice(block)
    if found.seeds > 1:
        fixed = [name for name, trial in block.trials.items() if trial.deterministic]
        same = f"; the same with seeds 0 and 1, so not run again: {', '.join(fixed)}" if fixed else ""
        yield f"{block.model}: {found.seeds} seeds{same}."
    shares = {name: share_text(trial.test.unscored) for name, trial in block.trials.items() if trial.test.unscored}
    for share, names in _grouped(shares).items():
        yield f"{block.model}: {names} could not score {share} of the items to be found, counted as misses."
    for reason, names in _grouped(block.failures).items():
        yield f"{block.model}: {names} failed: {reason}"
    for name, curve in block.curves.items():
        for point in curve:
            if point.error is not None:
                yield f"{block.model}: {name} with {_percent(point.share)} missing has no figures: {point.error}"


def _choice(block: Block) -> Iterator[str]:
    """Yield what validation chose and what test says of it."""
    by, best = block.by, block.best
    if best is None:
        if all(kind == "floor" for kind in map(block.kinds.__getitem__, block.trials)):
            yield f"{block.model}: no method could be judged, so nothing was chosen."
        else:
            yield f"{block.model}: validation holds no likes, so nothing was chosen; the order is that of test."
        return
    figures = {name: trial.test.metrics[by] for name, trial in block.trials.items()}
    test = block.tests.get(best)
    told = "" if test is None else f", {_verdict(test['difference'], test['significant'], test['p_holm'])}"
    yield f"{block.model}: best by {by} on validation: {best}; on test {_short(figures[best])}{told}."
    methods = [name for name in figures if block.kinds[name] != "floor"]
    ahead = max(methods, key=lambda name: figures[name] if figures[name] == figures[name] else -1.0)
    if figures[ahead] > figures[best]:
        yield (
            f"{block.model}: on test {ahead} is {figures[ahead] - figures[best]:.4f} ahead of it: that is hindsight, "
            "and chooses nothing."
        )
    if block.order[0] != best:
        yield f"{block.model}: none of them does better on validation than {block.order[0]}, which reads no parts."


def _verdict(difference: float, significant: bool, p: float) -> str:
    said = "a real difference" if significant else "may be chance"
    return f"{_signed(difference)} to {_REFERENCE} (p {p_text(p)}): {said}"


def markdown(found: FusionComparison) -> str:
    """Return a section a model, then the notes."""
    told: list[Told] = []
    for block in found.blocks:
        told += [Heading(block.model, level=2), _grid(found, block)]
        if block.curves:
            told += [Heading("Parts missing", found.by), _curve_grid(found, block)]
    return as_markdown([*told, Heading("How to read it", level=2), Points(notes(found))])


def _grid(found: FusionComparison, block: Block) -> Grid:
    head = ["method", "kind", f"valid {found.by}", *(f"test {name}" for name in found.metrics)]
    head += [f"{found.by} to {_REFERENCE}", "p (Holm)", "real", "fit s", *(["std"] if found.seeds > 1 else [])]
    rows = []
    for name in block.order:
        trial, test = block.trials[name], block.tests.get(name)
        valid = NONE if trial.valid is None else _short(trial.valid.metrics[found.by])
        cells = [block.kinds[name], valid]
        for metric in found.metrics:
            bounds = trial.test.intervals.get(metric)
            cells.append(f"{_short(trial.test.metrics[metric])} {_bounds(bounds)}".strip())
        if test is None:
            cells += ["", "", ""]
        else:
            cells += [f"{_signed(test['difference'])} {_pair(test['interval'])}", p_text(test["p_holm"])]
            cells.append("yes" if test["significant"] else "no")
        cells.append(_seconds(trial.seconds["fit"]))
        cells += [_short(trial.std[found.by]) if trial.std else NONE] if found.seeds > 1 else []
        rows.append(Row(name, cells, best=name == block.best))
    return Grid(head, [*rows, *(Row(name, reason=f"failed: {reason}") for name, reason in block.failures.items())])


def _curve_grid(found: FusionComparison, block: Block) -> Grid:
    shares = _shares(found)
    rows = []
    for name in _drawn(block):
        points = {point.share: point for point in block.curves[name]}
        cells = []
        for share in shares:
            point = points.get(share)
            bounds = None if point is None else point.change_intervals.get(found.by)
            cells.append(f"{_left(point, found.by)}{'' if bounds is None else f' {_pair(bounds)}'}")
        rows.append(Row(name, cells))
    return Grid(["method", *(_percent(share) for share in shares)], rows)


def _drawn(block: Block) -> list[str]:
    """Return the methods with a curve, in the order of the table."""
    return [name for name in block.order if name in block.curves]


def _shares(found: FusionComparison) -> list[float]:
    return [0.0, *(found.missing.shares if found.missing else ())]


def _some(shares: list[float]) -> list[float]:
    """Return no more shares than there is room for, the first and the last among them."""
    if len(shares) <= _SHARES:
        return shares
    return [shares[round(step * (len(shares) - 1) / (_SHARES - 1))] for step in range(_SHARES)]


def _left(point: Point | None, by: str) -> str:
    return NONE if point is None or point.error is not None else _short(point.metrics[by])


def _marked(difference: float, significant: bool) -> str:
    return f"{_signed(difference)}{'*' if significant else ' '}"


def _pair(bounds: tuple[float, float] | list[float]) -> str:
    return f"[{_signed(bounds[0])} {_signed(bounds[1])}]"


def _brief(bounds: tuple[float, float]) -> str:
    """Return an interval with three digits, so that all columns have room."""
    low, high = (f"{value:.3f}".removeprefix("0") for value in bounds)
    return f"[{low} {high}]"
