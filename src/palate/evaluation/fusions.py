"""Ways to join the parts of items, of several models under one protocol: each against the same reference."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from palate.core.errors import ConfigError, DataError
from palate.data.split._base import Split
from palate.evaluation._beyond import Shelf
from palate.evaluation._scoring import relevant_items
from palate.evaluation._study import Kind, Method, Missing, Study, opened
from palate.evaluation._trial import Plan, Trial
from palate.evaluation.comparison import _chooser, _ordered, _row, _tests
from palate.evaluation.missing import Point
from palate.evaluation.protocol import MEMORY_MB, longest_list
from palate.evaluation.result import Evaluation
from palate.metrics import parse_measures
from palate.models import Popularity

__all__ = ["Block", "FusionComparison", "Method", "Missing", "compare_fusions"]

REFERENCE = "concat"
METRICS = ("recall", "ndcg")


@dataclass(frozen=True, eq=False)
class Block:
    """The methods of one model."""

    model: str
    kinds: Mapping[str, Kind]
    trials: Mapping[str, Trial]
    failures: Mapping[str, str]
    """The methods that could not be judged, and why."""
    tests: Mapping[str, Mapping[str, Any]]
    """By method, against the reference on test: difference with its 95 % interval, p, and p after Holm's correction."""
    by: str
    curves: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """By method, what is left when parts go missing; the first point has all of them."""

    @property
    def order(self) -> list[str]:
        """Methods, best first: by validation, or by test where there is none."""
        return _ordered(self.trials, self.by)

    @property
    def best(self) -> str | None:
        """The best method on validation, the floor left aside; None where validation holds nothing."""
        names = (name for name in self.order if self.kinds[name] != "floor" and self.trials[name].valid is not None)
        return next(names, None)

    def rows(self) -> list[dict[str, Any]]:
        """Return one mapping a method, the best on validation first, those that failed last."""
        judged = [
            {**_row(name, self.trials[name]), "model": self.model, "method": name, "kind": self.kinds[name],
             "against": self.tests.get(name)}
            for name in self.order
        ]  # fmt: skip
        return judged + [
            {"model": self.model, "method": name, "kind": self.kinds[name], "error": reason, "metrics": {}, "valid": {}}
            for name, reason in self.failures.items()
        ]


@dataclass(frozen=True, eq=False)
class FusionComparison:
    """A block of methods a model; `print` shows tables, `to_json`, `to_markdown` and `plot` hand it on."""

    blocks: tuple[Block, ...]
    by: str
    """The metric that chooses and that the tests are about."""
    how: str
    seeds: int
    users: int
    """How many were judged on test."""
    metrics: tuple[str, ...]
    missing: Missing | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of the command line."""
        best = {
            block.model: {
                "method": block.best,
                "valid": _figure(block.trials[block.best].valid, self.by),
                "test": _figure(block.trials[block.best].test, self.by),
            }
            for block in self.blocks
            if block.best is not None
        }
        value = {
            "rows": [row for block in self.blocks for row in block.rows()], "best": best, "by": self.by,
            "reference": REFERENCE, "how": self.how, "protocol": "strict", "seeds": self.seeds, "users": self.users,
            "notes": self.notes(),
        }  # fmt: skip
        if self.missing is None:
            return value
        points = [
            {"model": block.model, "method": method, **vars(point)}
            for block in self.blocks
            for method, curve in block.curves.items()
            for point in curve
        ]
        return {**value, "missing": {**vars(self.missing), "by": self.by, "rows": points}}

    def notes(self) -> list[str]:
        """Return what a reader must know beside the figures, one sentence each."""
        from palate.evaluation._fusions_show import notes

        return notes(self)

    def to_markdown(self) -> str:
        """Return tables, notes and curves in Markdown."""
        from palate.evaluation._fusions_show import markdown

        return markdown(self)

    def plot(self) -> str:
        """Return what is left when parts go missing as an SVG that stands by itself, a small plot a method."""
        from palate.evaluation._fusions_plot import plot

        return plot(self)

    def __str__(self) -> str:
        from rich.console import Console

        from palate.evaluation._fusions_show import shown

        console = Console(file=io.StringIO(), width=80, color_system=None)
        for thing in shown(self, console.width):
            console.print(thing)
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        return text.rstrip()


def compare_fusions(
    split: Split,
    methods: Mapping[str, Sequence[Method]],
    seeds: int = 1,
    k: int | Sequence[int] = 20,
    *,
    metrics: Sequence[str] = METRICS,
    by: str | None = None,
    missing: Missing | None = None,
    out: Path | None = None,
    memory_mb: int = MEMORY_MB,
    resamples: int = 1000,
    threads: int | None = None,
) -> FusionComparison:
    """Fit each method of each model, choose by validation, judge once by test, and test each against `concat`.

    A popularity model stands in each block, which reads no part. Tests are corrected after Holm within a block. A method
    whose figures are the same with the first two seeds is not random and runs no further ones. One that cannot be
    fitted or judged becomes a row with the reason; the others go on, and it is tried again the next time.

    Args:
        split: where to learn, choose and judge.
        methods: by the model's name; `palate.bundle.fusions.Ways` makes them of names.
        seeds: how many seeds, from 0 on.
        k: the length of the lists, or several.
        metrics: names as in `evaluate`.
        by: the metric that chooses; NDCG at the largest k unless given, or the first of `metrics` where NDCG is not one.
        missing: also fit again with parts gone, and keep what is left.
        out: a folder that keeps each run as soon as it is done, from which a later call goes on; none keeps nothing.
        memory_mb: bound on the score matrices held at a time.
        resamples: bootstrap resamples behind the intervals.
        threads: how many cores a model may use; None takes all.

    Raises:
        DataError: no method could be judged, or the test part holds nothing to judge by.
        ConfigError: nothing is to be compared, `out` is a study of something else, or a metric or `by` cannot be used.
    """
    ks = (k,) if isinstance(k, int) else tuple(k)
    wanted, _ = Shelf(split.train, None).expanded(metrics)
    measures = parse_measures(wanted, ks)
    longest_list(measures, len(split.train.items))
    usual = f"ndcg@{max(ks)}"
    chosen = by or (usual if usual in map(str, measures) else None)
    by = _chooser(chosen, parse_measures(wanted[:1], [max(ks)])[0], measures)
    if not any(methods.values()) or seeds < 1:
        raise ConfigError(
            f"given {sum(map(len, methods.values()))} methods and {seeds} seeds: give at least one of each"
        )
    if relevant_items(split.train, split.test).nnz == 0:
        raise DataError(
            f"the test part holds no new like ({len(split.test.interactions):,} interactions, liked means "
            f"{split.test.positive.rule}): nobody can be judged by it; split otherwise or widen the rule"
        )
    plan = Plan(ks, tuple(metrics), "strict", seeds, memory_mb, resamples, threads)
    floor = Method(Popularity.name, "floor", Popularity)
    with opened(split, plan, by, missing, out) as study:
        study.run({Popularity.name: [floor], **methods})
    blocks = tuple(_block(model, [*each, floor], study, resamples) for model, each in methods.items())
    trials = [trial for block in blocks for name, trial in block.trials.items() if block.kinds[name] != "floor"]
    if not trials:
        reasons = dict.fromkeys(reason for block in blocks for reason in block.failures.values())
        raise DataError(f"no method could be judged: {'; '.join(reasons)}")
    return FusionComparison(
        blocks, by, split.how, seeds, trials[0].test.users, tuple(map(str, measures)), missing
    )  # fmt: skip


def _block(model: str, methods: Sequence[Method], study: Study, resamples: int) -> Block:
    keys = {each.label: (Popularity.name if each.kind == "floor" else model, each.label) for each in methods}
    trials = {label: study.trials[key] for label, key in keys.items() if key in study.trials}
    failures = {label: study.failures[key] for label, key in keys.items() if key in study.failures}
    pairs = [(label, REFERENCE) for label in trials if label != REFERENCE and REFERENCE in trials]
    tests = _tests(trials, pairs, study.by, resamples)
    curves = {label: study.curves[key] for label, key in keys.items() if key in study.curves}
    kinds = {each.label: each.kind for each in methods}
    return Block(model, kinds, trials, failures, {test["model"]: test for test in tests}, study.by, curves)


def _figure(found: Evaluation | None, by: str) -> float | None:
    return None if found is None else found.metrics[by]
