"""`palate data check DS`: what is in it, what is missing, broken, suspicious, leaking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from palate.clean.check import CheckReport
from palate.clean.check import check as look
from palate.cli._app import AsJson, emit
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._print import counted, figures, listed, say
from palate.complete import Advice, advised
from palate.core.config import parse_settings
from palate.core.errors import ConfigError
from palate.data.dataset import Dataset
from palate.data.features import OF, part_name
from palate.data.folder import load
from palate.data.positive import Positive
from palate.data.split import registry

_ENCODERS = {
    "text": "--text use",
    "image": "--image efficientnet-lite0",
    "audio": "--audio mel",
    "video": "--video video",
    "series": "--series series",
    "geo": "--geo geo",
    "points": "--points points",
}
"""What turns columns of each type into vectors."""
_WORTH_TELLING = 0.01
"""Languages of a smaller share of the texts are among "others"."""


@data_app.command()
def check(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="Dataset folder.")],
    how: Annotated[
        str | None, typer.Option("--split", metavar="HOW", help="Look for leaks in this split, as in random-per-user.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the split.")] = 0,
    positive: Annotated[str | None, typer.Option("--positive", help="What counts as liked, as in weight>=4.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="A setting of the split, as in test=0.2.")] = None,
    media: Annotated[bool, typer.Option(help="Open every media file.")] = True,
    noise: Annotated[bool, typer.Option(help="Look for bots, near-duplicates, outliers and mismatched parts.")] = True,
    completers: Annotated[
        bool, typer.Option(help="Where items lack encoded parts, see which completer comes nearest to known ones.")
    ] = True,
    verbose: Annotated[bool, typer.Option("--verbose", help="List every id that a problem concerns.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what is in a dataset, what is missing, broken, suspicious, leaking."""
    if how is None and (settings or seed):
        raise ConfigError("--seed and --set are of a split, and none is named: add --split, as in --split cold-items")
    splitter = None if how is None else registry.get(how)(**parse_settings(settings or []))
    data = load(ds)
    if positive is not None:
        data = replace(data, positive=Positive(rule=positive))
    report = look(data, None if splitter is None else splitter.split(data, seed), media, noise)

    advice = advised(data) if completers else None

    def show() -> None:
        _show(report, ds, verbose)
        if advice is not None:
            say(_advice(advice))
        say_next(_next(data, ds, report))

    emit({**report.as_dict(), "completer": None if advice is None else advice.to_json()}, as_json, show)


def _advice(advice: Advice) -> str:
    """Say which completer is worth it."""
    tried = ", ".join(f"{name} {cosine:.2f}" for name, cosine in advice.cosines.items())
    holes = f"items lack {listed(list(advice.parts))}; cosine of estimates to known ones that were hidden: {tried}"
    if advice.best is None:
        return f"{holes}. What is known tells next to nothing of what is missing: train without a completer"
    return f"{holes}. To estimate what is missing, train with --complete {advice.best}, and see by 'palate evaluate' whether it helps"


def _next(data: Dataset, ds: Path, report: CheckReport) -> list[str | Path]:
    filled = {name for name, share in report.coverage.items() if share}
    for of in OF:
        columns = {kind: data.table_of(of).of_type(kind) for kind in _ENCODERS}
        parts = {kind: {part_name(name, of) for name in columns[kind]} & filled for kind in columns}
        kinds = [kind for kind in columns if parts[kind] - set(data.features)]
        if kinds:
            whose = [] if of == "items" else ["--of", of]
            return ["encode", ds, *whose, *(word for kind in kinds for word in _ENCODERS[kind].split())]
    models = ["popularity", *(["content-knn"] if data.part_names() else []), "item-knn", "ease"]
    return ["compare", ds, "--models", ",".join(models)]


def _tongues(shares: Mapping[str, float]) -> str:
    told = [f"{code} {share:.0%}" for code, share in shares.items() if share >= _WORTH_TELLING]
    return ", ".join(told if len(told) == len(shares) else [*told, "others"])


def _show(report: CheckReport, ds: Path, verbose: bool) -> None:
    say(f"{report.name}: {report.users:,} users, {report.items:,} items, {report.interactions:,} interactions")
    rows = {}
    if report.interactions:
        weights = report.weights
        rows["density"] = f"{report.density:.3%} of all pairs of user and item"
        rows["weights"] = f"{weights['min']:g} to {weights['max']:g}, mean {weights['mean']:.2f}"
        rows["liked"] = f"{report.liked:,} ({report.positive})"
        rows["times"] = " to ".join(report.times.values()) or "none"
        rows["split"] = ", ".join(f"{part} {count:,}" for part, count in report.splits.items()) or "none"
    figures(rows)
    for of in OF:
        shares = {name: share for name, share in report.coverage.items() if report.coverage_of[name] == of}
        if shares:
            say(f"coverage, share of the {of}:")
            figures({name: f"{share:7.2%}" for name, share in shares.items()})
    if report.languages:
        say("languages, share of the texts:")
        figures({name: _tongues(shares) for name, shares in report.languages.items()})
    kinds = f"{len(report.problems)} kind{'s' if len(report.problems) > 1 else ''} of problems:"
    say(kinds if report.problems else "no problem found")
    for found in report.problems:
        say(f"- {found.what} [{found.kind}]")
        names = list(found.details or found.ids)
        say(f"    {listed(names, len(names) if verbose else 5)}", indent="    ")
    if report.set_aside:
        say(f"set aside before, listed in {ds / 'quarantine.parquet'}:")
        counted(report.set_aside)
    for note in report.notes:
        say(f"note: {note}")
    if any(len(found.details or found.ids) > 5 for found in report.problems) and not verbose:
        say("--verbose lists every id, --json too")
