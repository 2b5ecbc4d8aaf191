"""What a model is worth when parts of the items go missing: missing-modality curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from palate.core.errors import ConfigError, DataError
from palate.core.progress import progress
from palate.core.rng import generator
from palate.core.types import Mask
from palate.data.dataset import Dataset
from palate.data.missing import drawn, without_parts
from palate.data.split._base import Split
from palate.evaluation._beyond import Shelf
from palate.evaluation._drops import Drop
from palate.evaluation._trial import Factory
from palate.evaluation.protocol import MEMORY_MB, Protocol, evaluate
from palate.evaluation.result import Evaluation
from palate.interfaces import Recommender, Rereads, Run, Settles
from palate.metrics import parse_measures
from palate.metrics._hits import Doubles
from palate.models import Popularity

METRICS = ("recall", "ndcg")
_CELLS = 1 << 19
At: TypeAlias = Literal["fit", "serve"]
Pair = tuple[float, float]
Again: TypeAlias = Callable[[Split], Recommender]
"""From a split whose items lack something to the model that meets it."""


@dataclass(frozen=True, eq=False)
class Point:
    """What is left at one share; figures are means over the draws."""

    share: float
    """Of the present rows of the parts, that was dropped."""
    coverage: Mapping[str, float]
    """Part -> the share of all items that still have it."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    std: Mapping[str, float] = field(default_factory=dict)
    """Standard deviation over the draws; empty after one."""
    intervals: Mapping[str, Pair] = field(default_factory=dict)
    """95 % bootstrap intervals, users and draws resampled."""
    change: Mapping[str, float] = field(default_factory=dict)
    """Against the same model with nothing dropped, user by user."""
    change_intervals: Mapping[str, Pair] = field(default_factory=dict)
    unscored: float = float("nan")
    """Share of the items to be found that could not be scored: counted as misses."""
    error: str | None = None
    """Why there are no figures."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One drop at all its shares."""

    drop: str
    parts: tuple[str, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, eq=False)
class MissingCurves:
    """Curves of one model; `print` shows a table, `to_json` and `to_markdown` hand it on, `plot` draws."""

    model: str
    """Its name; under refit the name says so."""
    whole: Evaluation
    """With nothing dropped."""
    floor: Evaluation
    """The popularity model under the same protocol: what is to be had without any part."""
    curves: tuple[Curve, ...]
    by: str
    """The metric that is drawn."""
    seeds: int
    """How many draws of what is dropped."""
    at: At = "fit"
    """fit: missing when the model learns and when it scores; serve: when it scores, and it learned from all."""

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value: the evaluation of the whole, and what is left of it under `missing`."""
        rows = [
            {"drop": curve.drop, "parts": list(curve.parts), **vars(point)}
            for curve in self.curves
            for point in curve.points
        ]
        floor = {"model": self.floor.model, "metrics": dict(self.floor.metrics)}
        missing = {"at": self.at, "seeds": self.seeds, "by": self.by, "floor": floor, "rows": rows}
        return {**self.whole.to_json(), "model": self.model, "missing": missing}

    def to_markdown(self) -> str:
        """Return the points as a Markdown table, with the notes."""
        from palate.evaluation._missing_show import markdown

        return markdown(self)

    def plot(self) -> str:
        """Return the plot as an SVG that stands by itself."""
        from palate.evaluation._missing_show import plot

        return plot(self, alone=True)

    def __str__(self) -> str:
        from palate.evaluation._missing_show import text

        return text(self)


def missing_curve(
    factory: Factory,
    split: Split,
    drops: Sequence[Drop | str] = ("all=0.1..0.9",),
    seeds: int = 5,
    k: int | Sequence[int] = 20,
    metrics: Sequence[str] = METRICS,
    protocol: Protocol = "strict",
    at: At = "fit",
    *,
    by: str | None = None,
    parts: Sequence[str] | None = None,
    model_seed: int = 0,
    memory_mb: int = MEMORY_MB,
    resamples: int = 1000,
    threads: int | None = None,
) -> MissingCurves:
    """Drop a share of the present rows of parts, fit again on what is left, and judge by the same test part.

    What is dropped is missing everywhere: when the model learns and when it scores, as from a catalogue that never
    had it. With `at="serve"` it is missing only when the model scores: it learned from all. Each part is drawn for
    itself; the draws are nested over shares and the same in every curve.

    Args:
        factory: a seed to an unfitted model.
        split: where to learn and to judge; its features are what is dropped from.
        drops: what to drop, as in "poster=0.1..0.9", "title+poster=0.5", "all=0.3"; a curve each.
        seeds: how many draws of what is dropped, from 0 on.
        k: the length of the lists, or several.
        metrics: names as in `evaluate`.
        protocol: strict, or refit (fit on train and validation).
        at: fit or serve: from when on the rows are missing.
        by: the metric that is drawn; the first of `metrics` at the largest k unless given.
        parts: names of those that the model reads; None means all parts of items.
        model_seed: the model's own, the same for every fit.
        memory_mb: bound on the score matrices held at a time.
        resamples: bootstrap resamples behind the intervals.
        threads: how many cores a model may use; None takes all.

    Missing data:
        A share at which the model cannot be fitted any more is a point with the reason.
    Raises:
        ConfigError: a drop cannot be read, names a part that is not there, or the model cannot serve other parts than it
            was fitted on.
        DataError: the dataset has no parts of items, or the model cannot be judged with nothing dropped.
    """
    names = tuple(sorted(parts)) if parts is not None else tuple(split.train.item_parts())
    asked = [Drop.parse(drop) if isinstance(drop, str) else drop for drop in drops]
    if not asked or seeds < 1:
        raise ConfigError(f"given {len(asked)} drops and {seeds} seeds: give at least one of each")
    if at not in get_args(At):
        raise ConfigError(f"parts were to go missing at '{at}': allowed are {', '.join(get_args(At))}")
    judge = _Judge(factory, split, k, metrics, protocol, model_seed, memory_mb, threads)
    probe = factory(model_seed)
    kind = probe.name
    if at == "serve" and not isinstance(probe, Rereads):
        raise ConfigError(
            f"{kind} cannot be shown other parts once it is fitted, so they cannot go missing at 'serve': use 'fit'"
        )
    meant = {drop: drop.among(names, kind) for drop in dict.fromkeys(asked)}
    total = 2 + seeds * sum(len(drop.shares) for drop in meant)
    with progress(f"{kind}: parts go missing", total, "fits") as advance:
        model = judge.fitted(split)
        whole = judge.judged(model, split)
        floor = replace(judge, factory=lambda _: Popularity())
        lowest = floor.judged(floor.fitted(split), split)
        advance(2)
        drawn_metric = by or _first(split, k, metrics)
        if drawn_metric not in whole.metrics:
            raise ConfigError(
                f"'{drawn_metric}' is not measured, so it cannot be drawn: choose one of {', '.join(whole.metrics)}"
            )
        again = judge.fitted if at == "fit" else _reread(judge, model)
        curves = tuple(
            Curve(drop.name, gone, tuple(_point(judge, again, whole, gone, share, seeds, resamples, advance) for share in drop.shares))
            for drop, gone in meant.items()
        )  # fmt: skip
    called = f"{kind} (refit)" if protocol == "refit" else kind
    return MissingCurves(called, whole, lowest, curves, drawn_metric, seeds, at)


@dataclass(frozen=True, eq=False)
class _Judge:
    """Fits and judges on a split, always in the same way."""

    factory: Factory
    split: Split
    k: int | Sequence[int]
    metrics: Sequence[str]
    protocol: Protocol
    seed: int
    memory_mb: int
    threads: int | None

    def fitted(self, split: Split) -> Recommender:
        run = Run(seed=self.seed, threads=self.threads)
        model = self.factory(self.seed)
        if self.protocol == "refit":
            again = model.fit(split.train, split.valid, run).settled() if isinstance(model, Settles) else model
            return again.fit(split.refit().train, None, run)
        return model.fit(split.train, split.valid, run)

    def judged(self, model: Recommender, split: Split) -> Evaluation:
        return evaluate(model, split, self.k, self.metrics, self.protocol, memory_mb=self.memory_mb)

    def known(self, split: Split) -> Dataset:
        return split.train if self.protocol == "strict" else split.refit().train


def _reread(judge: _Judge, model: Recommender) -> Again:
    assert isinstance(model, Rereads)
    return lambda poorer: model.reading(judge.known(poorer).item_parts())


def _point(
    judge: _Judge, again: Again, whole: Evaluation, gone: tuple[str, ...], share: float, seeds: int, resamples: int,
    advance: Callable[[int], None],
) -> Point:  # fmt: skip
    coverage: dict[str, float] = {}
    found: list[Evaluation] = []
    for seed in range(seeds):
        poorer = _poorer(judge, gone, share, seed)
        coverage = {name: table.coverage for name, table in poorer.train.item_parts(gone).items()}
        try:
            found.append(judge.judged(again(poorer), poorer))
        except DataError as error:
            return Point(share, coverage, error=" ".join(str(error).split()))
        advance(1)
    tables = {name: np.stack([each.per_user[name] for each in found]) for name in whole.per_user}
    both = tables | {f"change of {name}": table - whole.per_user[name] for name, table in tables.items()}
    bounds = _intervals(both, resamples) if both else {}
    intervals = {name: bounds[name] for name in tables}
    changes = {name: bounds[f"change of {name}"] for name in tables}
    metrics = {name: float(np.mean([each.metrics[name] for each in found])) for name in whole.metrics}
    change = {name: metrics[name] - value for name, value in whole.metrics.items()}
    std = {name: float(np.std([each.metrics[name] for each in found], ddof=1)) for name in metrics if seeds > 1}
    unscored = float(np.mean([each.unscored for each in found]))
    return Point(share, coverage, metrics, std, intervals, change, changes, unscored)


def _poorer(judge: _Judge, parts: Sequence[str], share: float, seed: int) -> Split:
    split = judge.split
    lost = drawn(judge.known(split), parts, share, seed)
    train, valid, test = (without_parts(data, lost) for data in (split.train, split.valid, split.test))
    return replace(split, train=train, valid=valid, test=test)


def _intervals(tables: Mapping[str, Doubles], resamples: int) -> dict[str, Pair]:
    """Return the 95 % bootstrap interval of each mean over draws and users, both resampled, alike for all tables.

    Shapes:
        each table: float64[draws, users].
    Missing data:
        A user whose value is NaN in any draw is left out of that table.
    Raises:
        ConfigError: there is no resample.
    """
    if resamples < 1:
        raise ConfigError(f"resamples was {resamples}: an interval needs 1 or more")
    stack = np.stack(list(tables.values()))
    n, draws, users = stack.shape
    known: Mask = np.asarray(np.isfinite(stack).all(axis=1))
    filled = np.where(known[:, None], stack, 0.0).reshape(n * draws, users)
    rng = generator(0, "missing", "bootstrap")
    step = max(1, _CELLS // users)
    means = []
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn_users = rng.integers(users, size=(rows, users)) + np.arange(rows)[:, None] * users
        times = np.bincount(drawn_users.ravel(), minlength=rows * users).reshape(rows, users).astype(np.float64)
        total, count = (times @ filled.T).reshape(rows, n, draws), times @ known.T.astype(np.float64)
        chosen = np.broadcast_to(rng.integers(draws, size=(rows, 1, draws)), total.shape)
        mean = np.take_along_axis(total, chosen, axis=2).mean(axis=2)
        means.append(np.divide(mean, count, out=np.full_like(mean, np.nan), where=count > 0))
    bounds = np.full((n, 2), np.nan)
    some = known.any(axis=1)
    if some.any():
        bounds[some] = np.nanquantile(np.concatenate(means)[:, some], (0.025, 0.975), axis=0).T
    return {name: (float(low), float(high)) for name, (low, high) in zip(tables, bounds, strict=True)}


def _first(split: Split, k: int | Sequence[int], metrics: Sequence[str]) -> str:
    """Return the first metric that was asked for, or of the group that was, at the largest k."""
    wanted, _ = Shelf(split.train, None).expanded([metrics] if isinstance(metrics, str) else metrics)
    return str(parse_measures(wanted[:1], [k if isinstance(k, int) else max(k)])[0])
