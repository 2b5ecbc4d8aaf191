"""One comparison as blocks of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from palate.evaluation._report_blocks import Block, Grid, Heading, Picture, Points, Row, Words
from palate.evaluation._report_charts import Dot, Mark, intervals, marks
from palate.evaluation._table import p_text, shown_metrics
from palate.evaluation._trial import Trial
from palate.evaluation.comparison import Comparison
from palate.interfaces import Recommender

_WHOLE = ("auc", "coverage")
_CHOSEN = {
    "strict": "fitted on train, chosen by {by} on validation, judged once by test",
    "refit": "chosen by {by} on validation, fitted again on train and validation, then judged once by test",
}


def blocks(found: Comparison) -> list[Block]:
    """Return what was compared, the leaderboard, the differences, the costs, every metric and the notes."""
    return [
        Heading("Comparison", f"{found.how}, {found.protocol}", 2),
        Words(_what(found)),
        _places(found),
        _leaderboard(found),
        *_differences(found),
        *_costs(found),
        Heading("What was compared"),
        _compared(found),
        _every(found),
        Heading("Notes"),
        Points([note.strip() for note in found.notes()]),
    ]


def _what(found: Comparison) -> str:
    seeds = "one seed" if found.seeds == 1 else f"{found.seeds} seeds, figures are means over them"
    n = len(found.trials) + len(found.failures)
    how = _CHOSEN[found.protocol].format(by=found.by)
    return f"{n} model{'s' if n > 1 else ''}, {found.protocol}: {how}; {found.users:,} users; {seeds}."


def _places(found: Comparison) -> Picture:
    by = found.by
    dots = []
    for name in found.order:
        trial = found.trials[name]
        value = trial.test.metrics[by]
        low, high = trial.test.intervals.get(by, (value, value))
        also = None if trial.valid is None else trial.valid.metrics[by]
        dots.append(Dot(name, value, low, high, name == found.best, also))
    under = "filled: test, with the 95 % interval over users; hollow: validation, which chose"
    return Picture(
        intervals(dots, f"{by} of each model", under, f"{by}, further right is better"),
        "Ordered by validation. A hollow dot far from its filled one says that validation and test differ, not that the "
        "model is worse. Intervals that overlap do not make two models equal, since the same users judge both: the "
        "differences below tell.",
    )


def _leaderboard(found: Comparison) -> Grid:
    by, second = shown_metrics(found)
    names = list(next(iter(found.trials.values())).test.metrics)
    rest = [second] if second else []
    same = ("", by.partition("@")[2])
    rest += [
        name
        for name in names
        if name.partition("@")[0] in _WHOLE and name.partition("@")[2] in same and name not in (by, second)
    ]
    head = ["model", f"valid {by}", f"test {by}", "95 %", "std over seeds"]
    rows = []
    for name in found.order:
        trial = found.trials[name]
        valid = "–" if trial.valid is None else figure(trial.valid.metrics[by])
        spread = "none" if trial.deterministic else figure(trial.std[by]) if by in trial.std else "–"
        costs = [f"{trial.seconds['fit']:.2f}", f"{trial.seconds['evaluate']:.2f}", f"{trial.peak_mb:.0f}"]
        cells = [valid, figure(trial.test.metrics[by]), _bounds(trial, by), spread]
        rows.append(Row(name, [*cells, *(figure(trial.test.metrics[m]) for m in rest), *costs], name == found.best))
    rows += [Row(name, reason=reason) for name, reason in found.failures.items()]
    return Grid([*head, *(f"test {name}" for name in rest), "fit s", "eval s", "peak MB"], rows)


def _differences(found: Comparison) -> list[Block]:
    if not found.tests:
        return []
    every = found.pairs == "all"
    names = {id(test): f"{test['model']} – {test['against']}" if every else test["against"] for test in found.tests}
    dots = [_ahead(names[id(test)], test) for test in found.tests]
    title = f"{found.by}: differences on test" if every else f"{found.by}: how much {found.best} is ahead on test"
    rows = [
        Row(
            names[id(test)],
            [f"{test['difference']:+.4f}", f"[{test['interval'][0]:+.4f} {test['interval'][1]:+.4f}]",
             p_text(test["p"]), p_text(test["p_holm"]), verdict(test)],
        )
        for test in found.tests
    ]  # fmt: skip
    n = len(found.tests)
    return [
        Heading("Every pair" if every else f"{found.best} against each other model"),
        Picture(
            intervals(dots, title, "difference of the means, with its 95 % interval, user by user", f"difference of {found.by}", zero=True),
            "Right of the dashed line the first is better, left of it the other. Coloured: significant after Holm's "
            "correction. An interval is for one difference alone, so it may leave 0 out where the corrected test does not.",
        ),
        Grid(["pair" if every else "against", f"difference of {found.by}", "95 %", "p", "p after Holm", ""], rows),
        Words(f"Paired sign-flip test, user by user, two-sided; corrected after Holm for {n} test{'s' if n > 1 else ''}.", fine=True),
    ]  # fmt: skip


def _ahead(name: str, test: Mapping[str, Any]) -> Dot:
    low, high = test["interval"]
    return Dot(name, test["difference"], low, high, test["significant"])


def verdict(test: Mapping[str, Any]) -> str:
    """Return what a test says in words."""
    return "a real difference" if test["significant"] else "may be chance"


def _costs(found: Comparison) -> list[Block]:
    if len(found.trials) < 2:
        return []
    points = [
        Mark(name, found.trials[name].seconds["fit"], found.trials[name].test.metrics[found.by], name == found.best)
        for name in found.order
    ]
    drawn = marks(points, f"{found.by} on test against the time to fit", "seconds on this machine, by powers of ten",
                  "seconds to fit", f"{found.by} on test")  # fmt: skip
    return [
        Heading("Quality and cost"),
        Picture(drawn, "The best place is top left: good and quick. A model to the right of and below another costs more and gives less."),
    ]  # fmt: skip


def _compared(found: Comparison) -> Grid:
    rows = [
        Row(name, [settings_of(found.trials[name].model), _runs(found.trials[name])], name == found.best)
        for name in found.order
    ]
    return Grid(["model", "settings", "runs"], rows, left=True)


def settings_of(model: Recommender) -> str:
    """Return the settings of a model that differ from their defaults, its fusion and its members, in words."""
    own = model.config.model_dump(mode="json", exclude_defaults=True)
    words = [f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}" for name, value in own.items()]
    spec: Any = getattr(model, "spec", dict)()
    members = getattr(model, "members", {})
    words += _joined(spec["fusion"]) if "fusion" in spec else []
    words += [f"{name} ({settings_of(member)})" for name, member in members.items()]
    words += [f"joined by {spec['late']['name']}"] if "late" in spec else []
    return ", ".join(words) or "defaults"


def _joined(fusion: dict[str, Any]) -> list[str]:
    """Return by what parts are joined, in words; what is aligned first by both."""
    own = fusion["settings"]
    if "align" not in own:
        return [f"fusion {fusion['name']}"]
    told = ", ".join(f"{name}={value}" for name, value in own["align_settings"].items())
    return [f"align {own['align']}{f' ({told})' if told else ''}", f"fusion {own['fuse']}"]


def _runs(trial: Trial) -> str:
    return f"{trial.runs}{', the same figures: not random' if trial.deterministic else ''}"


def _every(found: Comparison) -> Grid:
    names = list(next(iter(found.trials.values())).test.metrics)
    rows = [
        Row(name, [_whole(found.trials[name], metric) for metric in names], name == found.best) for name in found.order
    ]
    return Grid(["model", *names], rows, folded="Every metric on test, with 95 % intervals")


def _whole(trial: Trial, metric: str) -> str:
    spread = f" ± {figure(trial.std[metric])}" if trial.std.get(metric) else ""
    return f"{figure(trial.test.metrics[metric])}{spread} {_bounds(trial, metric)}".strip()


def _bounds(trial: Trial, metric: str) -> str:
    bounds = trial.test.intervals.get(metric)
    return "" if bounds is None else f"[{figure(bounds[0])} {figure(bounds[1])}]"


def figure(value: float) -> str:
    """Return a figure as reports write it."""
    return f"{value:.4f}"
