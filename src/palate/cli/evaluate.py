"""`palate evaluate`: a saved recommender on the test part of its data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._next import say_next
from palate.cli._predictions import judge_pairs, refuse_words
from palate.cli._words import cut_offs, words
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
    task: Annotated[
        str, typer.Option("--task", help="What to judge: ranking, or predictions: click or rating.")
    ] = "ranking",
    negatives: Annotated[
        int | None, typer.Option("--negatives", help="With --task click: judge against so many sampled for each like.")
    ] = None,
    k: Annotated[str, typer.Option("--k", "-k", help="The length of the lists, or several, as in 10,20.")] = "20",
    metrics: Annotated[
        str, typer.Option("--metrics", help="As in recall,ndcg@10; accuracy and beyond stand for several.")
    ] = "accuracy",
    by: Annotated[str, typer.Option("--by", help="Also divide by history, popularity or both.")] = "",
    compat: Annotated[
        str | None, typer.Option("--compat", help="Define metrics as implicit, lenskit or ranx does.")
    ] = None,
    candidates: Annotated[
        str, typer.Option("--candidates", help="Rank all items, or those warm or cold in training.")
    ] = "all",
    categories: Annotated[str | None, typer.Option("--categories", help="The column of the items' categories.")] = None,
    on: Annotated[str, typer.Option("--on", help="The part to judge by: test, or valid.")] = "test",
    drop: Annotated[list[str] | None, typer.Option("--drop", metavar="PART=SHARE", help=_DROP)] = None,
    drop_at: Annotated[
        str, typer.Option("--drop-at", help="With --drop: missing from fit on, or only at serve, to a fitted model.")
    ] = "fit",
    seeds: Annotated[int, typer.Option("--seeds", help="With --drop: how many draws of what is dropped.")] = 5,
    report: Annotated[Path | None, typer.Option("--report", help="With --drop: an .html, .md or .svg file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a bundle by the part of its data that it never saw.

    With --drop a random share of the items loses a part, the recipe is fitted again on what is left (or, with --drop-at
    serve, the fitted model meets it), and the same test judges it.
    """
    from palate.bundle import Bundle
    from palate.evaluation import evaluate as judge

    refuse_words(
        task, negatives, k=(k, "20"), metrics=(metrics, "accuracy"), by=(by, ""), compat=(compat, None),
        candidates=(candidates, "all"), categories=(categories, None), drop=(drop or None, None), report=(report, None),
        drop_at=(drop_at, "fit"), seeds=(seeds, 5),
    )  # fmt: skip
    if task != "ranking":
        judge_pairs(bundle, ds, task, on, negatives, as_json)
        return
    cuts, names, groups = cut_offs(k), words(metrics), words(by)
    if report is not None and not drop:
        raise ConfigError("--report shows what happens when parts go missing: add --drop, as in --drop all=0.1..0.9")
    if not drop and (drop_at, seeds) != ("fit", 5):
        raise ConfigError("--drop-at and --seeds say how parts go missing: add --drop, as in --drop all=0.1..0.9")
    if drop:
        _alone(metrics=metrics, by=by, compat=compat, candidates=candidates, categories=categories, on=on)
        _with_missing(bundle, ds, cuts, drop, drop_at, seeds, report, as_json)
        return
    opened = Bundle.open(bundle)
    part: Any = on
    found = judge(
        opened.model, opened.split(ds), cuts, names, opened.recipe.protocol, part,
        by=groups, compat=compat, candidates=candidates, categories=categories,
    )  # fmt: skip
    fit = opened.manifest.metrics.get("seconds", {}).get("fit")
    found = replace(found, seconds={**({} if fit is None else {"fit": float(fit)}), **found.seconds})

    def show() -> None:
        typer.echo(str(found))
        say_next(["recommend", bundle, "--user", opened.data.users.ids[0]], ["serve", bundle])

    emit({"task": task, **found.to_json()}, as_json, show)


def _with_missing(
    path: Path, ds: Path | None, k: list[int], drops: list[str], at: str, seeds: int, report: Path | None, as_json: bool
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
    found = _curves(opened, cut, asked, k, seeds, at)
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


def _curves(opened: Bundle, cut: Split, asked: list[Drop], k: list[int], seeds: int, at: Any) -> MissingCurves:
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
        lambda _: model_of(spec), cut, asked, seeds, k, protocol=opened.recipe.protocol, at=at, parts=read,
        model_seed=opened.recipe.seed,
    )  # fmt: skip


def _alone(**given: str | None) -> None:
    """Refuse options that --drop does not know."""
    usual = {"metrics": "accuracy", "by": "", "candidates": "all", "on": "test"}
    odd = [f"--{name}" for name, value in given.items() if value != usual.get(name)]
    if odd:
        raise ConfigError(
            f"--drop judges by recall and ndcg, on the test part and among all items: leave out {', '.join(odd)}"
        )
