"""Several models under one protocol: chosen by validation, judged once by test, tested against one another."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from palate.core.errors import ConfigError, DataError, PalateError, did_you_mean
from palate.data.split._base import Split
from palate.evaluation._beyond import Shelf
from palate.evaluation._scoring import candidate_items
from palate.evaluation._trial import Factory, Plan, Trial, run_trial
from palate.evaluation.protocol import DEFAULT_METRICS, MEMORY_MB, Protocol, longest_list
from palate.evaluation.result import Evaluation
from palate.interfaces import Recommender
from palate.metrics import Measure, bootstrap_interval, holm, paired_test, parse_measures
from palate.metrics._hits import Doubles
from palate.metrics.names import LOWER_IS_BETTER

Pairs: TypeAlias = Literal["best", "all"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A leaderboard; `print` shows it, `to_json` and `to_markdown` hand it on."""

    trials: Mapping[str, Trial]
    """By the name in the table, in the order given; under refit the name says so."""
    failures: Mapping[str, str]
    """The models that could not be judged, and why."""
    best: str | None
    """The one with the best `by` on validation; None where validation holds nothing."""
    by: str
    """The metric that chose and that the tests are about."""
    tests: Sequence[Mapping[str, Any]]
    """The best against each other one on test, or every pair: difference with its 95 % interval, p, and p after Holm's
    correction."""
    protocol: Protocol
    how: str
    seeds: int
    pairs: Pairs = "best"
    """What is tested: the best against each other one, or all pairs."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One mapping a model, the best on validation first, those that failed last."""
        return [_row(name, self.trials[name]) for name in self.order] + [
            {"model": name, "error": reason, "metrics": {}, "valid": {}, "std": {}, "seconds": {}, "peak_mb": None}
            for name, reason in self.failures.items()
        ]

    @property
    def order(self) -> list[str]:
        """Names, best first: by validation, or by test where there is none."""
        return _ordered(self.trials, self.by)

    @property
    def users(self) -> int:
        """How many users judged."""
        return self._any.users

    @property
    def _any(self) -> Evaluation:
        return next(iter(self.trials.values())).test

    @property
    def hindsight(self) -> str:
        """The one with the best `by` on test, which nobody could have known when choosing."""
        return max(self.order, key=lambda name: _merit(self.trials[name].test, self.by))

    @property
    def winner(self) -> Recommender | None:
        """The fitted best model."""
        return None if self.best is None else self.trials[self.best].model

    def notes(self) -> list[str]:
        """Return what a reader must know beside the figures, one sentence each."""
        from palate.evaluation._table import notes

        return notes(self)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value of the command line."""
        return {
            "rows": self.rows,
            "tests": [dict(test) for test in self.tests],
            "best": self.best,
            "by": self.by,
            "protocol": self.protocol,
            "how": self.how,
            "seeds": self.seeds,
            "pairs": self.pairs,
            "candidates": self._any.candidates,
            "compat": self._any.compat,
        }

    def to_markdown(self) -> str:
        """Return the leaderboard as a Markdown table."""
        from palate.evaluation._table import markdown

        return markdown(self)

    def __str__(self) -> str:
        from rich.console import Console

        from palate.evaluation._table import leaderboard

        console = Console(file=io.StringIO(), width=80, color_system=None)
        for thing in leaderboard(self):
            console.print(thing)
        text: str = console.file.getvalue()  # type: ignore[attr-defined]
        return text.rstrip()


def compare(
    split: Split,
    models: Mapping[str, Factory],
    seeds: int = 1,
    k: int | Sequence[int] = 20,
    protocol: Protocol = "strict",
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    by: str | None = None,
    pairs: Pairs = "best",
    compat: str | None = None,
    candidates: str = "all",
    categories: str | None = None,
    memory_mb: int = MEMORY_MB,
    resamples: int = 1000,
    threads: int | None = None,
) -> Comparison:
    """Fit each model, choose by validation, judge each once by test, and test the best against the others.

    A model whose figures are the same with the first two seeds is not random and runs no further ones.
    A model that cannot be fitted or judged becomes a row with the reason; the others go on.

    Args:
        split: where to learn, choose and judge.
        models: name -> a function that builds an unfitted model from a seed.
        seeds: how many seeds, from 0 on.
        k: the length of the lists, or several.
        protocol: strict, or refit (fit again on train and validation before the test).
        metrics: names as in `evaluate`.
        by: the metric that chooses; the first of `metrics` at the largest k unless given.
        pairs: what is tested: "best", the best on validation against each other one, or "all" pairs.
        compat: as in `evaluate`: a library whose definitions to use where they differ.
        candidates: as in `evaluate`: which items can be listed.
        categories: as in `evaluate`: the column that holds the categories.
        memory_mb: bound on the score matrices held at a time.
        resamples: bootstrap resamples behind the intervals.
        threads: how many cores a model may use; None takes all.

    Raises:
        DataError: no model could be judged, or there are no such candidates.
        RequestError: there is no such choice of candidates.
        ConfigError: no model, no seed, k longer than the catalogue, or a `by` that is not among the metrics or of
            which less is better.
    """
    ks = (k,) if isinstance(k, int) else tuple(k)
    wanted, _ = Shelf(split.train, categories).expanded(metrics)
    measures = parse_measures(wanted, ks, compat)
    longest_list(measures, len(split.train.items))
    candidate_items(split.train, candidates)
    by = _chooser(by, parse_measures(wanted[:1], [max(ks)], compat)[0], measures)
    if not models or seeds < 1:
        raise ConfigError(f"given {len(models)} models and {seeds} seeds to compare: give at least one of each")
    if pairs not in get_args(Pairs):
        raise ConfigError(f"the pairs to test were '{pairs}': allowed are {', '.join(get_args(Pairs))}")
    plan = Plan(ks, tuple(metrics), protocol, seeds, memory_mb, resamples, threads, compat, candidates, categories)
    trials: dict[str, Trial] = {}
    failures: dict[str, str] = {}
    for given, factory in models.items():
        name = f"{given} (refit)" if protocol == "refit" else given
        try:
            trials[name] = run_trial(factory, split, plan)
        except (PalateError, MemoryError) as error:
            failures[name] = " ".join(str(error).split()) or "not enough memory"
        except Exception as error:  # noqa: BLE001  one model's fault must not cost the others' figures
            failures[name] = f"a fault in the model: {type(error).__name__}: {' '.join(str(error).split())}"
    if not trials:
        raise DataError(
            "no model could be judged: " + "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        )
    best = _best(trials, by)
    tests = _tests(trials, _paired(trials, best, pairs, by), by, resamples)
    return Comparison(trials, failures, best, by, tests, protocol, split.how, seeds, pairs)


def _chooser(by: str | None, usual: Measure, measured: Sequence[Measure]) -> str:
    """Return the name of the metric that chooses; a library's own may be named without the library."""
    known = {f"{each.metric}@{each.k}": each for each in measured if each.compat is not None}
    known |= {str(each): each for each in measured}
    chosen = usual if by is None else known.get(by)
    if chosen is None:
        raise ConfigError(
            f"the models cannot be chosen by '{by}', which is not measured: {did_you_mean(str(by), known)}"
        )
    if chosen.metric in LOWER_IS_BETTER:
        raise ConfigError(
            f"the models cannot be chosen by '{chosen}', of which less is better: choose by recall or ndcg"
        )
    return str(chosen)


def _merit(found: Evaluation, by: str) -> float:
    """Return the figure that models are ordered by; one that is NaN, such as of empty lists alone, is the least."""
    value = found.metrics[by]
    return -math.inf if math.isnan(value) else value


def _ordered(trials: Mapping[str, Trial], by: str) -> list[str]:
    return sorted(trials, key=lambda name: _merit(trials[name].valid or trials[name].test, by), reverse=True)


def _best(trials: Mapping[str, Trial], by: str) -> str | None:
    merits = {name: _merit(trial.valid, by) for name, trial in trials.items() if trial.valid is not None}
    return max(merits, key=merits.__getitem__) if merits else None


def _paired(trials: Mapping[str, Trial], best: str | None, pairs: Pairs, by: str) -> list[tuple[str, str]]:
    if best is None:
        return []
    names = [best, *(name for name in _ordered(trials, by) if name != best)]
    if pairs == "best":
        return [(best, name) for name in names[1:]]
    return [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]


def _tests(
    trials: Mapping[str, Trial], pairs: Sequence[tuple[str, str]], by: str, resamples: int
) -> list[dict[str, Any]]:
    values = {name: _values(trial.test, by) for name, trial in trials.items() if by in trial.test.per_user}
    pairs = [(one, other) for one, other in pairs if one in values and other in values]
    p_values = [paired_test(values[one], values[other]) for one, other in pairs]
    apart = [values[one] - values[other] for one, other in pairs]
    return [
        {
            "model": one,
            "against": other,
            "metric": by,
            **_difference(each, resamples),
            "p": p,
            "p_holm": corrected,
            "significant": corrected < 0.05,
        }
        for (one, other), each, p, corrected in zip(pairs, apart, p_values, holm(p_values), strict=True)
    ]


def _values(test: Evaluation, by: str) -> Doubles:
    """Return one value a user, whose plain mean is the metric: weights, where it has some, are multiplied in."""
    values = test.per_user[by]
    weights = test.weights.get(by)
    return values if weights is None else values * weights / weights[np.isfinite(values)].mean()


def _difference(values: Doubles, resamples: int) -> dict[str, Any]:
    """Return the mean difference and its interval, both over the users of whom both models have a value."""
    known = values[np.isfinite(values)]
    low, high = bootstrap_interval(known[:, None], resamples=resamples)
    mean = float(known.mean()) if len(known) else float("nan")
    return {"difference": mean, "interval": [float(low[0]), float(high[0])]}


def _row(name: str, trial: Trial) -> dict[str, Any]:
    return {
        "model": name,
        "metrics": dict(trial.test.metrics),
        "intervals": {key: list(bounds) for key, bounds in trial.test.intervals.items()},
        "valid": {} if trial.valid is None else dict(trial.valid.metrics),
        "std": trial.std,
        "runs": trial.runs,
        "deterministic": trial.deterministic,
        "users": trial.test.users,
        "unscored": trial.test.unscored,
        "seconds": trial.seconds,
        "peak_mb": trial.peak_mb,
    }
