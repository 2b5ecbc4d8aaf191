"""`palate compare`: several recommenders under one protocol."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, app, emit
from palate.core.config import parse_settings
from palate.core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from palate.bundle import Recipe
    from palate.data.dataset import Dataset
    from palate.data.split import Split
    from palate.evaluation import Comparison
    from palate.evaluation.protocol import Protocol


@app.command()
def compare(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="A dataset folder.")],
    models: Annotated[str, typer.Option("--models", help="Names, as in popularity,item-knn; see 'palate models'.")],
    seeds: Annotated[int, typer.Option("--seeds", help="How many seeds for models that are random.")] = 1,
    how: Annotated[str | None, typer.Option("--how", help="The split; default random-per-user.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the split.")] = 0,
    k: Annotated[int, typer.Option("--k", "-k", help="The length of the lists.")] = 20,
    positive: Annotated[str | None, typer.Option("--positive", help="What counts as liked, as in weight>=4.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="As in item-knn.shrink=30.")] = None,
    parts: Annotated[str | None, typer.Option("--parts", help="Parts to read, as in title,photo; default all.")] = None,
    fuse: Annotated[str | None, typer.Option("--fuse", help="Fusion of the parts' vectors.")] = None,
    protocol: Annotated[str, typer.Option("--protocol", help="strict, or refit: a name of its own.")] = "strict",
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML report there.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit recommenders, choose by validation, judge each once by test."""
    from palate.data.folder import load
    from palate.evaluation import compare as judge

    recipes = _recipes(
        _words(models), parse_settings(settings or []), None if parts is None else _words(parts), fuse,
        {"how": how or "random-per-user", "seed": seed, "positive": positive, "protocol": protocol},
    )  # fmt: skip
    if report is not None:
        _free(report)
    recipe = next(iter(recipes.values()))
    for each in recipes.values():
        each.build()
    data = recipe.prepared(load(ds))
    cut = recipe.split(data)
    factories = {name: (lambda _, made=each: made.build()) for name, each in recipes.items()}
    found = judge(cut, factories, seeds, k, _protocol(recipe))
    if report is not None:
        _write_report(report, data, cut, found)
    value = {**found.to_json(), "positive": data.positive.rule, "notes": found.notes()}
    emit(value, as_json, lambda: _show(ds, data, cut, found, how is None, report, recipes))


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _protocol(recipe: Recipe) -> Protocol:
    return recipe.protocol


def _recipes(
    names: Sequence[str], settings: dict[str, Any], parts: list[str] | None, fuse: str | None, common: dict[str, Any]
) -> dict[str, Recipe]:
    from palate.bundle import Recipe
    from palate.models import registry

    if not names:
        raise ConfigError("no model was named: give --models, as in popularity,item-knn")
    content = {name for name in names if "features" in registry.get(name).requires}
    if (parts is not None or fuse is not None) and not content:
        raise ConfigError(f"none of {', '.join(names)} reads parts: leave out --parts and --fuse, or add content-knn")
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in settings.items():
        name, dot, setting = key.partition(".")
        if not dot or not setting:
            raise ConfigError(f"the setting '{key}' names no model: write {names[0]}.{key}={value}")
        if name not in own:
            raise ConfigError(f"the setting '{key}' is for '{name}', which is not compared: {did_you_mean(name, own)}")
        own[name][setting] = value
    return {
        name: Recipe.of(
            {"model": name, "settings": own[name], **common}
            | ({"parts": parts, "fuse": fuse} if name in content else {})
        )
        for name in names
    }


def _free(report: Path) -> None:
    from palate.evaluation.report import refuse_foreign

    refuse_foreign(report)


def _write_report(path: Path, data: Dataset, cut: Split, found: Comparison) -> None:
    from palate.evaluation.report import write_report

    write_report(path, data, cut, found)


def _show(
    ds: Path, data: Dataset, cut: Split, found: Comparison, unnamed: bool, report: Path | None,
    recipes: dict[str, Recipe],
) -> None:  # fmt: skip
    from palate.cli._answers import console
    from palate.evaluation._table import leaderboard

    sizes = ", ".join(
        f"{name} {len(part.interactions):,}"
        for name, part in (("train", cut.train), ("valid", cut.valid), ("test", cut.test))
    )
    typer.echo(f"{data.name}: {len(data.users):,} users, {len(data.items):,} items; liked means {data.positive.rule}")
    typer.echo(f"split {cut.how}, seed {cut.seed}{' (none was named)' if unnamed else ''}: {sizes}")
    if cut.how != "as-labelled" and data.interactions.column("split") is not None:
        typer.echo("the data carry a split column of their own: --how as-labelled uses it")
    typer.echo("")
    out = console()
    for thing in leaderboard(found, out.width):
        out.print(thing)
    typer.echo("")
    if report is not None:
        typer.echo(f"wrote {report} ({report.stat().st_size / 1e6:.1f} MB)")
    best = (found.best or found.order[0]).removesuffix(" (refit)")
    typer.echo(f"next: palate train {ds} {_options(recipes[best])} --out {best}.palate")


def _options(recipe: Recipe) -> str:
    """Return the words that make `palate train` do the same."""
    words = ["--model", recipe.model]
    for key, value in recipe.settings.items():
        words += ["--set", f"{key}={json.dumps(value)}"]
    if recipe.parts is not None:
        words += ["--parts", ",".join(recipe.parts)]
    defaults = {"how": "random-per-user", "seed": 0, "positive": None, "protocol": "strict", "fuse": None}
    given = {name: getattr(recipe, name) for name in defaults}
    for name, value in given.items():
        words += [f"--{name}", str(value)] if value != defaults[name] else []
    return shlex.join(words)
