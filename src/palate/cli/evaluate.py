"""`palate evaluate`: a saved recommender on the test part of its data."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli._app import AsJson, app, emit
from palate.core.errors import ConfigError

if TYPE_CHECKING:
    from palate.bundle import Bundle
    from palate.data.split import Split
    from palate.evaluation._drops import Drop
    from palate.evaluation.missing import MissingCurves

_DROP = "Parts go missing: poster=0.5, all=0.1..0.9, title+poster=0.3. Each --drop is a curve."


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    ds: Annotated[
        Path | None, typer.Argument(metavar="[DS]", help="Its dataset folder, where it is no longer in its place.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="The length of the lists.")] = 20,
    drop: Annotated[list[str] | None, typer.Option("--drop", metavar="PART=SHARE", help=_DROP)] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="With --drop: how many draws of what is dropped.")] = 5,
    report: Annotated[Path | None, typer.Option("--report", help="With --drop: an .html, .md or .svg file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a bundle by the part of its data that it never saw.

    With --drop a random share of the items loses a part, the recipe is fitted again on what is left, and the same test
    judges it.
    """
    from palate.bundle import Bundle
    from palate.evaluation import evaluate as judge

    if report is not None and not drop:
        raise ConfigError("--report shows what happens when parts go missing: add --drop, as in --drop all=0.1..0.9")
    if drop:
        _with_missing(bundle, ds, k, drop, seeds, report, as_json)
        return
    opened = Bundle.open(bundle)
    found = judge(opened.model, opened.split(ds), k, protocol=opened.recipe.protocol)
    fit = opened.manifest.metrics.get("seconds", {}).get("fit")
    found = replace(found, seconds={**({} if fit is None else {"fit": float(fit)}), **found.seconds})

    def show() -> None:
        typer.echo(str(found))
        typer.echo(f"next: palate recommend {bundle} --user {shlex.quote(opened.data.users.ids[0])}")
        typer.echo(f"      palate serve {bundle}")

    emit(found.to_json(), as_json, show)


def _with_missing(
    path: Path, ds: Path | None, k: int, drops: list[str], seeds: int, report: Path | None, as_json: bool
) -> None:
    from palate.bundle import Bundle
    from palate.evaluation._drops import Drop
    from palate.evaluation._report_page import refuse_foreign
    from palate.evaluation.missing_report import KINDS, write_missing

    asked = [Drop.parse(drop) for drop in drops]
    if report is not None:
        refuse_foreign(report, KINDS)
    opened = Bundle.open(path)
    cut = opened.split(ds)
    found = _curves(opened, cut, asked, k, seeds)
    if report is not None:
        write_missing(report, opened.data, found)

    def show() -> None:
        from palate.cli.data._print import say

        for line in str(found).split("\n"):
            say(line) if len(line) > 80 else typer.echo(line)
        if report is not None:
            typer.echo(f"wrote {report} ({report.stat().st_size / 1e3:.0f} kB)")
        else:
            typer.echo("next: add --report curves.html for the plot")

    emit(found.to_json(), as_json, show)


def _curves(opened: Bundle, cut: Split, asked: list[Drop], k: int, seeds: int) -> MissingCurves:
    from palate.bundle.build import model_of, parts_read
    from palate.evaluation.missing import missing_curve

    spec = opened.manifest.model
    read = parts_read(spec, opened.manifest.parts)
    if not read:
        raise ConfigError(
            f"{opened.model.name} reads no parts, so that nothing of it can go missing: give a bundle of a model by "
            "content, such as content-knn"
        )
    return missing_curve(
        lambda _: model_of(spec), cut, asked, seeds, k, protocol=opened.recipe.protocol, parts=read,
        model_seed=opened.recipe.seed,
    )  # fmt: skip
