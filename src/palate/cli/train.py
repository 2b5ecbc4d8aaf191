"""`palate train`: a model from a dataset, saved as a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._next import say_next
from palate.cli._settings import shared_out
from palate.cli._training import Complete, Device, Standardise, Track, going_on, run_of
from palate.cli.data._print import say
from palate.core.config import parse_settings
from palate.core.errors import ConfigError

if TYPE_CHECKING:
    from palate.bundle import Recipe, Trained


@app.command()
def train(
    source: Annotated[Path, typer.Argument(metavar="DS | RECIPE.toml", help="A dataset folder, or a recipe file.")],
    model: Annotated[str | None, typer.Option("--model", help="The recommender; 'palate models' lists them.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting of it, as in shrink=30, or of what --complete, --standardise, --align or --fuse names, as in gated.dim=32.",
        ),
    ] = None,
    complete: Complete = None,
    standardise: Standardise = None,
    align: Annotated[
        str | None, typer.Option("--align", help="What brings the parts into one space; 'palate aligners' lists them.")
    ] = None,
    fuse: Annotated[str | None, typer.Option("--fuse", help="Fusion of the parts' vectors.")] = None,
    late: Annotated[str | None, typer.Option("--late", help="Fusion of scores: one model is trained per part.")] = None,
    parts: Annotated[str | None, typer.Option("--parts", help="Parts to read, as in title,photo; default all.")] = None,
    how: Annotated[str | None, typer.Option("--how", help="The split; default random-per-user.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the split and the model; default 0.")] = None,
    positive: Annotated[str | None, typer.Option("--positive", help="What counts as liked, as in weight>=4.")] = None,
    protocol: Annotated[str | None, typer.Option("--protocol", help="strict or refit.")] = None,
    pseudo_labels: Annotated[
        int | None,
        typer.Option(
            "--pseudo-labels",
            metavar="N",
            help="Teach it, as likes of people with one to three, the N items nearest by content to these; default 0.",
        ),
    ] = None,
    track: Track = None,
    device: Device = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where the bundle goes.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a recommender and save it as a bundle.

    What a network needs to go on after a break is left in OUT.partial: the same command again goes on from there.
    """
    from palate.bundle import Bundle, Recipe
    from palate.bundle import train as fit
    from palate.data.folder import load

    given: dict[str, Any] = {
        "model": model,
        "complete": complete,
        "standardise": standardise,
        "align": align,
        "fuse": fuse,
        "late": late,
        "parts": None if parts is None else [name.strip() for name in parts.split(",") if name.strip()],
        "how": how,
        "seed": seed,
        "positive": positive,
        "protocol": protocol,
        "pseudo_labels": pseudo_labels,
        "out": None if out is None else str(out),
    }
    is_recipe = source.suffix == ".toml" and source.is_file()
    written = Recipe.load(source).model_dump(exclude_none=True) if is_recipe else {"data": str(source)}
    recipe = _recipe(written, given, parse_settings(settings or []))
    target, folder = _places(recipe)
    Bundle.refuse_foreign(target)
    recipe.check()
    run = run_of(recipe.build(["any"]), track, device, recipe.completer())
    with going_on(target) as partial:
        trained = fit(load(folder), recipe, run=replace(run, checkpoint=partial))
        trained.bundle().save(target)
    emit(_as_json(trained, target), as_json, lambda: _show(trained, target))


def _recipe(written: dict[str, Any], given: dict[str, Any], settings: dict[str, Any]) -> Recipe:
    from palate.bundle import Recipe

    fields = {**written, **{key: value for key, value in given.items() if value is not None}}
    if "model" not in fields:
        raise ConfigError("no model was named: give --model, one of those that 'palate models' lists")
    return Recipe.of(shared_out(fields, settings))


def _places(recipe: Recipe) -> tuple[Path, Path]:
    if recipe.out is None:
        raise ConfigError("no place for the bundle was named: give --out, as in --out shop.palate")
    if recipe.data is None:
        raise ConfigError('the recipe names no dataset: add a line such as data = "shop"')
    return Path(recipe.out), Path(recipe.data)


def _as_json(trained: Trained, target: Path) -> dict[str, Any]:
    return {
        "out": str(target),
        "model": trained.model.name,
        "how": trained.recipe.how,
        "protocol": trained.recipe.protocol,
        "seed": trained.recipe.seed,
        "positive": trained.data.positive.rule,
        "users": len(trained.data.users),
        "items": len(trained.data.items),
        "interactions": _sizes(trained),
        "validation": None if trained.validation is None else trained.validation.to_json(),
        "completed": trained.estimates.to_json(),
        "standardised": None if trained.standardiser is None else list(trained.standardiser.parts),
        "pseudo_labels": trained.pseudo_labels,
        "seconds": {"fit": trained.seconds},
    }


def _sizes(trained: Trained) -> dict[str, int]:
    cut = trained.split
    return {
        name: len(part.interactions) for name, part in (("train", cut.train), ("valid", cut.valid), ("test", cut.test))
    }


def _show(trained: Trained, target: Path) -> None:
    data, recipe = trained.data, trained.recipe
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    sizes = ", ".join(f"{name} {count:,}" for name, count in _sizes(trained).items())
    some = len(data.interactions) > 0
    typer.echo(f"{data.name}: {len(data.users):,} users, {len(data.items):,} items; liked means {data.positive.rule}")
    typer.echo(f"split {recipe.how}, seed {recipe.seed}: {sizes}" if some else "no interactions: nothing to split")
    for name, told in (trained.estimates.to_json() or {}).items():
        if told["estimated"] or told["absent"]:
            say(_estimated(name, told, str(recipe.complete)))
    if trained.standardiser is not None:
        say(f"{', '.join(trained.standardiser.parts)}: standardised by {trained.standardiser.name}")
    if pseudo := trained.pseudo_labels:
        few = f"users with at most {recipe.pseudo_most_likes} likes"
        say(f"pseudo-labels by content: {pseudo['likes']:,}, of {pseudo['users']:,} {few}")
    typer.echo(f"fitted {trained.model.name} ({recipe.protocol}) in {trained.seconds:.2f} s")
    typer.echo(str(trained.validation) if trained.validation else "validation holds nothing to judge by")
    typer.echo(f"wrote {target} ({size / 1e6:.1f} MB)")
    ask: list[list[str | Path]] = [["similar", target, "--item", data.items.ids[0]]]
    if some:
        ask = [["evaluate", target], ["recommend", target, "--user", data.users.ids[0]]]
    say_next(*ask, ["refit", target, "--out", "live.palate"], told="to serve all that is known")


def _estimated(name: str, told: dict[str, Any], by: str) -> str:
    """Say what was done for the items that lack a part."""
    left = f", {told['absent']:,} stay without" if told["absent"] else ""
    if (error := told["error"]) is None:
        return f"{name}: {told['estimated']:,} items estimated by {by}{left}"
    return (
        f"{name}: {told['estimated']:,} items estimated by {by}{left}; known ones that were hidden come back with cosine "
        f"{error['cosine']:.2f}, and {error['rmse']:.2f} of the error of the mean"
    )
