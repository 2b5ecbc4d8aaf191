"""How a comparison is shown in a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from palate.evaluation._report_blocks import _cell

if TYPE_CHECKING:
    from palate.evaluation._trial import Trial
    from palate.evaluation.comparison import Comparison


def leaderboard(comparison: Comparison, width: int = 80) -> Iterator[RenderableType]:
    """Yield the table, the tests and the notes, for a console of so many columns; below 80 the costs are left out."""
    by, second = shown_metrics(comparison)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("model", overflow="fold", min_width=8)
    for title in (f"valid\n{by}", f"test\n{by}", "95 %", f"test\n{second}" if second else ""):
        if title:
            table.add_column(title.replace(" (", "\n("), justify="right", no_wrap=True)
    costs = ("fit\ns", "eval\ns", "peak\nMB") if width >= 80 else ()
    for title in costs:
        table.add_column(title, justify="right", no_wrap=True)
    for name in comparison.order:
        trial = comparison.trials[name]
        row = [name, *_figures(trial, by, second), *(_costs(trial) if costs else [])]
        table.add_row(*map(Text, row), style="bold" if name == comparison.best else "")
    yield table
    yield Text()
    for note in notes(comparison):
        yield Text(note, no_wrap=False)


def shown_metrics(comparison: Comparison) -> tuple[str, str | None]:
    """Return the metric that chose, and the one shown beside it: NDCG at the same k, or the next there is."""
    names = list(next(iter(comparison.trials.values())).test.metrics)
    others = [name for name in names if name != comparison.by]
    wanted = f"ndcg@{comparison.by.partition('@')[2]}"
    return comparison.by, wanted if wanted in others else (others[0] if others else None)


def notes(comparison: Comparison) -> list[str]:
    """Return what a reader must know beside the figures, one sentence each."""
    test_part = next(iter(comparison.trials.values())).test
    users = test_part.users
    lines = [f"{comparison.protocol}, split {comparison.how}, {users:,} users on test; [ ] 95 % interval over users."]
    if comparison.protocol == "refit":
        lines.append("refit: fitted again on train + validation before the test; not comparable with strict figures.")
    if test_part.candidates != "all":
        lines.append(f"Only {test_part.candidates} items were candidates; not comparable with figures among all items.")
    if test_part.compat is not None:
        lines.append(f"Metrics with ({test_part.compat}) are defined as there; not comparable with ours.")
    lines += [f"{note[0].upper()}{note[1:]}." for note in test_part.notes]
    if comparison.best is None:
        lines.append("Validation holds no likes: nothing was chosen; the order is that of the test figures.")
    else:
        lines += _choice_notes(comparison)
    for test in comparison.tests:
        verdict = "a real difference" if test["significant"] else "may be chance"
        one = "" if comparison.pairs == "best" else f"{test['model']} "
        lines.append(
            f"  {one}against {test['against']}: {test['difference']:+.4f}, p {p_text(test['p_holm'])} (paired, Holm): {verdict}"
        )
    lines += _run_notes(comparison)
    shares = {name: share_text(trial.test.unscored) for name, trial in comparison.trials.items() if trial.test.unscored}
    lines += [
        f"{names} could not score {share} of the items to be found: counted as misses."
        for share, names in _grouped(shares).items()
    ]
    return lines + [f"{names} failed: {reason}" for reason, names in _grouped(comparison.failures).items()]


def _choice_notes(comparison: Comparison) -> list[str]:
    """Return what was chosen, and how far validation is to be trusted with it."""
    by, best, ahead = comparison.by, str(comparison.best), comparison.hindsight
    lines = [f"Best by {by} on validation: {best}."]
    figures = {name: trial.test.metrics[by] for name, trial in comparison.trials.items()}
    if figures[ahead] > figures[best]:
        lines.append(
            f"On test {ahead} is {figures[ahead] - figures[best]:.4f} ahead of it: that is hindsight, and chooses nothing."
        )
    agreement = rank_agreement(comparison)
    if agreement is not None and agreement < 0.5:
        lines.append(
            f"Validation and test order the models differently (rank correlation {agreement:.2f}): is the split shifted? "
            "'palate data check DS --split' looks."
        )
    return lines


def rank_agreement(comparison: Comparison) -> float | None:
    """Return Spearman's correlation (1904) of the models' figures on validation and on test; None below four models."""
    pairs = [
        (trial.valid.metrics[comparison.by], trial.test.metrics[comparison.by])
        for trial in comparison.trials.values()
        if trial.valid is not None
    ]
    if len(pairs) < 4:
        return None
    valid, test = (_ranks(np.array(side)) for side in zip(*pairs, strict=True))
    if valid.std() == 0 or test.std() == 0:
        return None
    return float(np.corrcoef(valid, test)[0, 1])


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return places from 0 on, equal values sharing the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[group]


def _grouped(facts: Mapping[str, str]) -> dict[str, str]:
    """Return the names of which each fact holds, by fact."""
    return {fact: ", ".join(name for name in facts if facts[name] == fact) for fact in dict.fromkeys(facts.values())}


def _run_notes(comparison: Comparison) -> list[str]:
    if comparison.seeds == 1:
        return []
    fixed = [name for name, trial in comparison.trials.items() if trial.deterministic]
    lines = [f"{comparison.seeds} seeds."]
    if fixed:
        lines = [f"{comparison.seeds} seeds; the same with seeds 0 and 1, so not run again: {', '.join(fixed)}."]
    for name, trial in comparison.trials.items():
        if not trial.deterministic:
            lines.append(f"{name}: standard deviation of {comparison.by} {trial.std[comparison.by]:.4f}.")
    return lines


def markdown(comparison: Comparison) -> str:
    """Return the leaderboard as a Markdown table."""
    by, second = shown_metrics(comparison)
    head = ["model", f"valid {by}", f"test {by}", "95 %", *([f"test {second}"] if second else []),
            "fit s", "eval s", "peak MB"]  # fmt: skip
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name in comparison.order:
        trial = comparison.trials[name]
        shown_name = f"**{_cell(name)}**" if name == comparison.best else _cell(name)
        lines.append([shown_name, *_figures(trial, by, second), *_costs(trial)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _figures(trial: Trial, by: str, second: str | None) -> list[str]:
    low, high = trial.test.intervals.get(by, (float("nan"), float("nan")))
    valid = "–" if trial.valid is None else _short(trial.valid.metrics[by])
    spread = f"[{_short(low)} {_short(high)}]" if low == low else "–"
    figures = [valid, _short(trial.test.metrics[by]), spread]
    return [*figures, _short(trial.test.metrics[second])] if second else figures


def _costs(trial: Trial) -> list[str]:
    return [_seconds(trial.seconds["fit"]), _seconds(trial.seconds["evaluate"]), f"{trial.peak_mb:.0f}"]


def _short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0") if 0 <= value < 1 else f"{value:.4f}"


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def p_text(value: float) -> str:
    """Return a p-value as it is written: three places, or that it is smaller."""
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def share_text(share: float) -> str:
    """Return a share as a percentage that says 0 and 100 % only of none and all.

    Example:
        >>> share_text(0.00001), share_text(0.073), share_text(0.9999), share_text(1.0)
        ('under 0.1 %', '7.3 %', 'over 99.9 %', '100 %')
    """
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    if not 0.001 <= share <= 0.999:
        return "under 0.1 %" if share < 0.5 else "over 99.9 %"
    return f"{100 * share:.1f} %"
