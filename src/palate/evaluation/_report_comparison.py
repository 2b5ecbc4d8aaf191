"""One comparison as a section of the page."""

from __future__ import annotations

from html import escape

from palate.evaluation._report_charts import Dot, intervals
from palate.evaluation._report_page import row, table
from palate.evaluation._table import p_text, shown_metrics
from palate.evaluation._trial import Trial
from palate.evaluation.comparison import Comparison


def section(comparison: Comparison) -> str:
    """Return the plot, the leaderboard, the tests and the notes."""
    by = comparison.by
    dots = []
    for name in comparison.order:
        test = comparison.trials[name].test
        value = test.metrics[by]
        low, high = test.intervals.get(by, (value, value))
        dots.append(Dot(name, value, low, high, name == comparison.best))
    notes = "".join(f"<li>{escape(note.strip())}</li>" for note in comparison.notes())
    return (
        f"<section><h2>Comparison <small>{escape(comparison.how)}, {escape(comparison.protocol)}</small></h2>"
        f'<p class="lead">{escape(by)} on test, with 95 % intervals over users; chosen by validation</p>'
        f"{intervals(dots, f'{by} of each model')}{_leaderboard(comparison)}{_tests(comparison)}"
        f"<details><summary>Notes</summary><ul>{notes}</ul></details></section>"
    )


def _leaderboard(comparison: Comparison) -> str:
    by, second = shown_metrics(comparison)
    names = list(next(iter(comparison.trials.values())).test.metrics)
    main = [name for name in (by, second) if name]
    head = [f"valid {by}", *(f"test {name}" for name in main)]
    whole = [name for name in names if name.partition("@")[0] in ("auc", "coverage")]
    head += [*whole, "fit s", "eval s", "peak MB"]
    rows = []
    for name in comparison.order:
        trial = comparison.trials[name]
        valid = "–" if trial.valid is None else f"{trial.valid.metrics[by]:.4f}"
        cells = [valid, *(_figure(trial, metric) for metric in [*main, *whole])]
        costs = [f"{trial.seconds['fit']:.2f}", f"{trial.seconds['evaluate']:.2f}", f"{trial.peak_mb:.0f}"]
        rows.append(row(name, [*cells, *costs], best=name == comparison.best))
    rows += [
        f'<tr class="failed"><th>{escape(name)}</th><td colspan="{len(head)}">{escape(reason)}</td></tr>'
        for name, reason in comparison.failures.items()
    ]
    every = [row(name, [_figure(comparison.trials[name], metric) for metric in names]) for name in comparison.order]
    return (
        f"{table(['model', *head], rows)}"
        f"<details><summary>Every metric on test</summary>{table(['model', *names], every)}</details>"
    )


def _figure(trial: Trial, metric: str) -> str:
    spread = f"<small> ± {trial.std[metric]:.4f}</small>" if trial.std.get(metric) else ""
    return f"{trial.test.metrics[metric]:.4f}{spread}"


def _tests(comparison: Comparison) -> str:
    if not comparison.tests:
        return ""
    rows = [
        row(
            test["against"],
            [
                f"{test['difference']:+.4f}", p_text(test["p"]), p_text(test["p_holm"]),
                "a real difference" if test["significant"] else "may be chance",
            ],
        )
        for test in comparison.tests
    ]  # fmt: skip
    head = ["against", f"difference of {comparison.by}", "p", "p after Holm", ""]
    return (
        f"<h3>{escape(str(comparison.best))} against each other model</h3>{table(head, rows)}"
        '<p class="fine">Paired sign-flip test, user by user; corrected for the number of tests.</p>'
    )
