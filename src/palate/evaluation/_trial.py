"""One model of a comparison: fitted, chosen by validation, judged by test, over several seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from palate.core.memory import PeakMemory
from palate.data.split._base import Split
from palate.evaluation._scoring import candidate_items, relevant_items
from palate.evaluation.protocol import On, Protocol, evaluate
from palate.evaluation.result import Evaluation, over_users
from palate.interfaces import Recommender, Run, Settles

Factory: TypeAlias = Callable[[int], Recommender]
"""A seed to an unfitted model."""


@dataclass(frozen=True)
class Plan:
    """How every model of a comparison is judged."""

    ks: tuple[int, ...]
    metrics: tuple[str, ...]
    protocol: Protocol
    seeds: int
    memory_mb: int
    resamples: int
    threads: int | None
    compat: str | None = None
    candidates: str = "all"
    categories: str | None = None

    def judge(self, model: Recommender, split: Split, protocol: Protocol = "strict", on: On = "test") -> Evaluation:
        """Judge a fitted model, without intervals: those are of the mean over the runs."""
        return evaluate(
            model, split, self.ks, self.metrics, protocol, on, compat=self.compat, candidates=self.candidates,
            categories=self.categories, memory_mb=self.memory_mb, resamples=1,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trial:
    """What one model reached; its figures are means over the seeds it ran with."""

    model: Recommender
    """As fitted with the first seed."""
    test: Evaluation
    valid: Evaluation | None
    std: dict[str, float]
    """Standard deviation of the test metrics over seeds; empty after one run, zeros where the seed changes nothing."""
    runs: int
    deterministic: bool | None
    """Whether two seeds gave the same figures, so that further ones were spared; None after one run."""
    seconds: dict[str, float]
    """Mean of a run: fit (all fits of the protocol), evaluate (the test)."""
    peak_mb: float


@dataclass(frozen=True, eq=False)
class _Run:
    model: Recommender
    test: Evaluation
    valid: Evaluation | None
    fit: float
    peak_mb: float


def run_trial(factory: Factory, split: Split, plan: Plan) -> Trial:
    """Fit and judge one model with each seed; two seeds that give the same figures spare the rest."""
    runs: list[_Run] = []
    for seed in range(plan.seeds):
        runs.append(_run_once(factory, seed, split, plan))
        if seed == 1 and _same(runs[0].test, runs[1].test):
            break
    first = runs[0]
    test = _mean([run.test for run in runs], plan)
    valids = [run.valid for run in runs if run.valid is not None]
    return Trial(
        model=first.model,
        test=test,
        valid=_mean(valids, plan) if valids else None,
        std=_deviation([run.test for run in runs]),
        runs=len(runs),
        deterministic=_same(first.test, runs[1].test) if len(runs) > 1 else None,
        seconds={"fit": float(np.mean([run.fit for run in runs])), "evaluate": test.seconds["evaluate"]},
        peak_mb=max(run.peak_mb for run in runs),
    )


def _run_once(factory: Factory, seed: int, split: Split, plan: Plan) -> _Run:
    run = Run(seed=seed, threads=plan.threads)
    with PeakMemory() as memory:
        start = time.perf_counter()
        model = factory(seed).fit(split.train, split.valid, run)
        fit = time.perf_counter() - start
        valid = None
        if relevant_items(split.train, split.valid, candidate_items(split.train, plan.candidates)).nnz:
            valid = plan.judge(model, split, on="valid")
        if plan.protocol == "refit":
            start = time.perf_counter()
            again = model.settled() if isinstance(model, Settles) else factory(seed)
            model = again.fit(split.refit().train, None, run)
            fit += time.perf_counter() - start
        test = plan.judge(model, split, plan.protocol)
    return _Run(model, test, valid, fit, memory.peak_mb)


def _same(first: Evaluation, second: Evaluation) -> bool:
    """Tell whether two runs gave the same figures, those that have no value of one user (coverage, gini) included."""
    one, other = (np.array(list(each.metrics.values())) for each in (first, second))
    return np.array_equal(one, other, equal_nan=True) and all(
        np.array_equal(first.per_user[name], second.per_user[name], equal_nan=True) for name in first.per_user
    )


def _mean(evaluations: Sequence[Evaluation], plan: Plan) -> Evaluation:
    first = evaluations[0]
    per_user = {name: np.mean([each.per_user[name] for each in evaluations], axis=0) for name in first.per_user}
    _, intervals = over_users(per_user, list(per_user), plan.resamples, 0, first.weights)
    return replace(
        first,
        metrics={name: float(np.mean([each.metrics[name] for each in evaluations])) for name in first.metrics},
        intervals=intervals,
        per_user=per_user,
        unscored=float(np.mean([each.unscored for each in evaluations])),
        seconds={"evaluate": float(np.mean([each.seconds["evaluate"] for each in evaluations]))},
    )


def _deviation(evaluations: Sequence[Evaluation]) -> dict[str, float]:
    if len(evaluations) < 2:
        return {}
    return {
        name: float(np.std([each.metrics[name] for each in evaluations], ddof=1)) for name in evaluations[0].metrics
    }
