"""`palate tune`: the settings of a recommender, chosen by trials on validation."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, Stopped, app, emit
from palate.cli._next import say_next
from palate.cli._settings import shared_out
from palate.cli._training import Complete, Device, Standardise, run_of
from palate.cli._words import words
from palate.core.config import parse_settings

if TYPE_CHECKING:
    from palate.bundle import Recipe
    from palate.data.dataset import Dataset
    from palate.tuning import Trial, Tuned

_SHOWN = 5
"""Trials in the table."""


@app.command()
def tune(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="A dataset folder.")],
    model: Annotated[str, typer.Option("--model", help="The recommender; 'palate models' lists them.")],
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many, those of earlier runs counted.")] = 20,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0, help="Begin none after so long.")] = None,
    study: Annotated[
        Path | None, typer.Option("--study", help="The folder that keeps the trials; default MODEL.study.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting that is settled, as in dim=64, or of an aligner or a fusion, as in gated.dim=32."
        ),
    ] = None,
    tries: Annotated[
        list[str] | None, typer.Option("--try", help="What to try of a setting, as in lr=1e-4..1e-2 or 'dim=32|64'.")
    ] = None,
    complete: Complete = None,
    standardise: Standardise = None,
    align: Annotated[
        str | None, typer.Option("--align", help="The aligner that is settled; 'palate aligners' lists them.")
    ] = None,
    fuse: Annotated[
        str | None, typer.Option("--fuse", help="The fusion that is settled; 'palate fusions' lists them.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="What chooses on validation, as in recall@20.")] = "ndcg@20",
    parts: Annotated[str | None, typer.Option("--parts", help="Parts to read, as in title,photo; default all.")] = None,
    how: Annotated[str, typer.Option("--how", help="The split.")] = "random-per-user",
    seed: Annotated[int, typer.Option("--seed", help="Of the split, the model and the trials.")] = 0,
    positive: Annotated[str | None, typer.Option("--positive", help="What counts as liked, as in weight>=4.")] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Try settings of a recommender and keep the best on validation.

    The test part is not looked at. The same command again goes on where it stopped, and --trials gives it more.
    """
    from palate.bundle import Recipe
    from palate.data.folder import load
    from palate.tuning import tune as search
    from palate.tuning.space import JOINS, parse_space
    from palate.tuning.study import space_for

    fields = {
        "model": model, "complete": complete, "standardise": standardise, "align": align, "fuse": fuse, "data": str(ds), "how": how,
        "seed": seed, "positive": positive, "parts": None if parts is None else words(parts),
    }  # fmt: skip
    recipe = Recipe.of(shared_out(fields, parse_settings(settings or []), ("complete", "standardise", *JOINS)))
    recipe.check()
    completer = recipe.completer()
    space_for(recipe, parse_space(tries or []))
    run = run_of(recipe.build(["any"]), device=device, before=completer)
    place = study or Path(f"{model}.study")
    data = recipe.prepared(load(ds))
    try:
        found = search(
            data, recipe, trials, seconds=seconds, study=place, words=parse_space(tries or []), by=by, run=run
        )
    except KeyboardInterrupt:
        if not place.is_dir():
            raise Stopped("stopped before a trial was done: nothing is kept") from None
        raise Stopped(f"stopped; the trials that are done are kept in {place}, and the same command goes on") from None
    emit(_as_json(found, place), as_json, lambda: _show(data, found, ds, place))


def _as_json(found: Tuned, place: Path) -> dict[str, Any]:
    trials = [vars(trial) for trial in found.trials]
    return {
        "model": found.recipe.model, "by": found.by, "on": "valid", "how": found.recipe.how, "seed": found.recipe.seed,
        "study": str(place), "recipe": str(place / "best.toml"), "best": vars(found.best), "trials": trials,
    }  # fmt: skip


def _show(data: Dataset, found: Tuned, ds: Path, place: Path) -> None:
    recipe, cut = found.recipe, found.split
    sizes = f"train {len(cut.train.interactions):,}, valid {len(cut.valid.interactions):,}; test is not looked at"
    typer.echo(f"{data.name}: {len(data.users):,} users, {len(data.items):,} items; liked means {data.positive.rule}")
    typer.echo(f"split {recipe.how}, seed {recipe.seed}: {sizes}")
    states = [trial.state for trial in found.trials]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("done", "pruned", "failed") if state in states)
    typer.echo(f"{len(states)} trials of {recipe.model} ({counts}), judged by {found.by} on validation\n")
    best = sorted((trial for trial in found.trials if trial.state == "done"), key=lambda trial: -(trial.value or 0.0))
    first = found.trials[0]
    typer.echo(f"{found.by:>12}  {'seconds':>8}  settings")
    for trial in [*best[:_SHOWN], *([first] if first not in best[:_SHOWN] else [])]:
        _row(trial, " (the first)" if trial is first else "")
    for trial in [trial for trial in found.trials if trial.state == "failed"][:1]:
        typer.echo(textwrap.fill(f"one failed: {trial.why}", 80, subsequent_indent="  "))
    typer.echo(f"\nwrote {place / 'best.toml'}")
    say_next(_training(recipe, ds))


def _row(trial: Trial, told: str) -> None:
    """Print a trial; settings that do not fit go on in the next line."""
    lines = textwrap.wrap(" ".join(f"{name}={_word(value)}" for name, value in trial.fields.items()) + told, 80 - 24)
    typer.echo(f"{trial.value:>12.4f}  {trial.seconds:>8.1f}  {lines[0]}")
    for line in lines[1:]:
        typer.echo(f"{'':24}{line}")


def _training(recipe: Recipe, ds: Path) -> list[str | Path]:
    """Return the words that train with what was found."""
    given = {"--how": recipe.how, "--seed": str(recipe.seed), "--positive": recipe.positive, "--complete": recipe.complete,
             "--standardise": recipe.standardise, "--align": recipe.align, "--fuse": recipe.fuse}  # fmt: skip
    usual = {"--how": "random-per-user", "--seed": "0"}
    said = [word for name, value in given.items() if value not in (None, usual.get(name)) for word in (name, value)]
    parts = [] if recipe.parts is None else ["--parts", ",".join(recipe.parts)]
    own = dict(recipe.settings)
    joins = (
        (recipe.complete, recipe.complete_settings), (recipe.standardise, recipe.standardise_settings),
        (recipe.align, recipe.align_settings), (recipe.fuse, recipe.fuse_settings),
    )  # fmt: skip
    for joined, of in joins:
        own |= {f"{joined}.{name}": value for name, value in of.items()}
    settings = [word for name, value in own.items() for word in ("--set", f"{name}={_word(value)}")]
    return ["train", ds, "--model", recipe.model, *settings, *parts, *map(str, said), "--out", f"{recipe.model}.palate"]


def _word(value: Any) -> str:
    """Return a value as `--set` reads it."""
    return value if isinstance(value, str) else json.dumps(value)
