"""One HTML file that shows what was measured and what is recommended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from palate.core.errors import RequestError
from palate.core.files import write_text
from palate.data.catalogue import MEDIA_TYPES
from palate.data.dataset import Dataset
from palate.data.split._base import Split
from palate.evaluation._report_charts import Bar, Dot, bars, intervals
from palate.evaluation._report_media import Media
from palate.evaluation._report_people import people
from palate.evaluation._table import p_text, share_text, shown_metrics
from palate.evaluation._trial import Trial
from palate.evaluation.comparison import Comparison
from palate.interfaces import Recommender
from palate.models import Model

MARK = "Palate report</title>"
"""What the beginning of every report holds."""


def write_report(
    path: Path | str,
    data: Dataset,
    split: Split,
    comparison: Comparison | Sequence[Comparison],
    model: Model[Any] | None = None,
    *,
    users: int = 6,
    seed: int = 0,
) -> Path:
    """Write a report that opens in any browser, without a network: one file, below 3 MB.

    Args:
        path: where to; a report that stands there is replaced, all or nothing.
        data: the dataset compared on.
        split: how it was cut; gives the users' pasts.
        comparison: what was found; several are shown one after the other.
        model: whose lists are shown; the best of the first comparison unless given.
        users: how many people to show, drawn at random.
        seed: of that draw.

    Raises:
        StoreError: the disk is full or refuses; what stood there is untouched.
        RequestError: something other than a report stands there.
    """
    path = Path(path)
    refuse_foreign(path)
    comparisons = [comparison] if isinstance(comparison, Comparison) else list(comparison)
    first = comparisons[0]
    shown = model if model is not None else first.winner
    known = split.train if first.protocol == "strict" else split.refit().train
    faces = ""
    if isinstance(shown, Model):
        faces = people(shown, known, split.test, users, seed, Media(data.catalogue))
    page = _template("report.html").substitute(
        style=files("palate.evaluation").joinpath("report.css").read_text(encoding="utf-8"),
        name=escape(data.name),
        version=escape(version("palate")),
        fingerprint=escape(data.fingerprint[:12]),
        tiles=_tiles(data, split),
        coverage=_coverage(data),
        comparisons="".join(_comparison(each) for each in comparisons),
        model=escape(_called(shown, first)),
        people=faces or "<p>There is no fitted model whose lists could be shown.</p>",
        seed=seed,
    )
    write_text(path, page)
    return path


def refuse_foreign(path: Path) -> None:
    """Refuse to write a report over something else, such as the data.

    Raises:
        RequestError: a folder, or a file that is no report of Palate's, stands at `path`.
    """
    if path.is_dir():
        raise RequestError(f"{path} is a folder: name a file for the report, such as {path / 'report.html'}")
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        if MARK.encode() not in file.read(1000):
            raise RequestError(f"{path} exists and is no report, so it is not replaced: choose another place")


def _called(model: Recommender | None, comparison: Comparison) -> str:
    if model is not None and model is comparison.winner:
        return str(comparison.best)
    return "no model" if model is None else model.name


def _template(name: str) -> Template:
    return Template(files("palate.evaluation").joinpath(name).read_text(encoding="utf-8"))


def _tiles(data: Dataset, split: Split) -> str:
    cells = max(1, len(data.users) * len(data.items))
    parts = " / ".join(f"{len(part.interactions):,}" for part in (split.train, split.valid, split.test))
    tiles = [
        (f"{len(data.users):,}", "users"),
        (f"{len(data.items):,}", "items"),
        (f"{len(data.interactions):,}", f"interactions{_dates(data)}"),
        (f"{int(data.liked_rows.sum()):,}", f"liked: {data.positive.rule}"),
        (share_text(data.seen.nnz / cells), "of all pairs known"),
        (parts, f"train / valid / test: {split.how}, seed {split.seed}"),
    ]
    return "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>' for value, label in tiles
    )


def _dates(data: Dataset) -> str:
    times = data.interactions.time
    if times is None or len(times) == 0:
        return ""
    first, last = (datetime.fromtimestamp(int(moment), UTC).date().isoformat() for moment in (times.min(), times.max()))
    return f", {first} to {last}"


def _coverage(data: Dataset) -> str:
    catalogue = data.catalogue
    named = []
    for column in catalogue.of_type("text", *MEDIA_TYPES):
        values = catalogue.table[column]
        filled = len(values) - values.null_count() - int((values == "").sum())
        named.append(Bar(column, f"{catalogue.types[column]} in the catalogue", filled / max(1, len(values))))
    usable = [
        Bar(name, f"{table.modality}{f', {table.encoder.name}' if table.encoder else ''}, {table.dim} numbers", table.coverage)
        for name, table in sorted(data.features.items())
        if table.of == "items"
    ]  # fmt: skip
    parts = [f"<h3>{title}</h3>{bars(rows)}" for title, rows in (("Named", named), ("Encoded", usable)) if rows]
    return "".join(parts) or "<p>The catalogue has no text, picture, sound or video, and nothing is encoded.</p>"


def _comparison(comparison: Comparison) -> str:
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
        rows.append(_row(name, [*cells, *costs], best=name == comparison.best))
    rows += [
        f'<tr class="failed"><th>{escape(name)}</th><td colspan="{len(head)}">{escape(reason)}</td></tr>'
        for name, reason in comparison.failures.items()
    ]
    every = [_row(name, [_figure(comparison.trials[name], metric) for metric in names]) for name in comparison.order]
    return (
        f"{_table(['model', *head], rows)}"
        f"<details><summary>Every metric on test</summary>{_table(['model', *names], every)}</details>"
    )


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _row(name: str, cells: Sequence[str], best: bool = False) -> str:
    mark = " <span>best</span>" if best else ""
    return f"<tr{' class=best' if best else ''}><th>{escape(name)}{mark}</th>{''.join(f'<td>{c}</td>' for c in cells)}</tr>"


def _figure(trial: Trial, metric: str) -> str:
    spread = f"<small> ± {trial.std[metric]:.4f}</small>" if trial.std.get(metric) else ""
    return f"{trial.test.metrics[metric]:.4f}{spread}"


def _tests(comparison: Comparison) -> str:
    if not comparison.tests:
        return ""
    rows = [
        _row(
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
        f"<h3>{escape(str(comparison.best))} against each other model</h3>{_table(head, rows)}"
        '<p class="fine">Paired sign-flip test, user by user; corrected for the number of tests.</p>'
    )
