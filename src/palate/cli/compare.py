"""`palate compare`: several recommenders under one protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._next import say_next
from palate.cli._training import by_epochs
from palate.cli._words import cut_offs, words
from palate.core.config import parse_settings
from palate.core.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from palate.bundle import Recipe
    from palate.data.dataset import Dataset
    from palate.data.split import Split
    from palate.evaluation import Comparison
    from palate.evaluation.comparison import Pairs
    from palate.evaluation.protocol import Protocol


@app.command()
def compare(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="A dataset folder.")],
    models: Annotated[
        str,
        typer.Option(
            "--models", help="As in popularity,item-knn, or wide=item-knn to give one a name; see 'palate models'."
        ),
    ],
    seeds: Annotated[int, typer.Option("--seeds", help="How many seeds for models that are random.")] = 1,
    how: Annotated[str | None, typer.Option("--how", help="The split; default random-per-user.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the split.")] = 0,
    k: Annotated[str, typer.Option("--k", "-k", help="The length of the lists, or several, as in 10,20.")] = "20",
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="As in recall,ndcg@10; default the usual ones.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="What chooses on validation, as in ndcg@10; default the first metric.")
    ] = None,
    tests: Annotated[str, typer.Option("--tests", help="best: it against each other model; all: every pair.")] = "best",
    positive: Annotated[str | None, typer.Option("--positive", help="What counts as liked, as in weight>=4.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="As in item-knn.shrink=30.")] = None,
    parts: Annotated[str | None, typer.Option("--parts", help="Parts to read, as in title,photo; default all.")] = None,
    align: Annotated[
        str | None, typer.Option("--align", help="What brings the parts into one space before they are fused.")
    ] = None,
    fuse: Annotated[str | None, typer.Option("--fuse", help="Fusion of the parts' vectors.")] = None,
    protocol: Annotated[str, typer.Option("--protocol", help="strict, or refit: a name of its own.")] = "strict",
    report: Annotated[Path | None, typer.Option("--report", help="Write a report there, .html or .md.")] = None,
    compat: Annotated[
        str | None, typer.Option("--compat", help="Define metrics as implicit, lenskit or ranx does.")
    ] = None,
    candidates: Annotated[
        str, typer.Option("--candidates", help="Rank all items, or those warm or cold in training.")
    ] = "all",
    categories: Annotated[str | None, typer.Option("--categories", help="The column of the items' categories.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fit recommenders, choose by validation, judge each once by test."""
    from palate.data.folder import load
    from palate.evaluation import compare as judge
    from palate.evaluation.protocol import DEFAULT_METRICS

    cuts, pairs = cut_offs(k), _pairs(tests)
    recipes = _recipes(
        _aliases(models), parse_settings(settings or []), None if parts is None else words(parts), {"align": align, "fuse": fuse},
        {"how": how or "random-per-user", "seed": seed, "positive": positive, "protocol": protocol},
    )  # fmt: skip
    if report is not None:
        _free(report)
    recipe = next(iter(recipes.values()))
    checked = [each.build(["any"]) for each in recipes.values()]
    if any(map(by_epochs, checked)):
        from palate.nn.device import device_for

        device_for()  # a PALATE_DEVICE that is not here is refused before anything is read
    data = recipe.prepared(load(ds))
    cut = recipe.split(data)
    there = data.part_names()
    factories = {name: (lambda _, made=each: made.build(there)) for name, each in recipes.items()}
    wanted = DEFAULT_METRICS if metrics is None else words(metrics)
    found = judge(
        cut, factories, seeds, cuts, _protocol(recipe), metrics=wanted, by=by, pairs=pairs,
        compat=compat, candidates=candidates, categories=categories,
    )  # fmt: skip
    if report is not None:
        _write_report(report, data, cut, found)
    value = {**found.to_json(), "positive": data.positive.rule, "notes": found.notes()}
    emit(value, as_json, lambda: _show(ds, data, cut, found, how is None, report, recipes))


def _pairs(text: str) -> Pairs:
    known: dict[str, Pairs] = {"best": "best", "all": "all"}
    if text not in known:
        raise ConfigError(
            f"the tests were '{text}': allowed are best (it against each other model) and all (every pair)"
        )
    return known[text]


def _aliases(text: str) -> dict[str, str]:
    """Return model names by the names in the table: `wide=item-knn,ease` gives one of them a name of its own."""
    named: dict[str, str] = {}
    for word in words(text):
        alias, equals, model = (part.strip() for part in word.partition("="))
        model = model if equals else alias
        if not alias or not model or "." in alias:
            raise ConfigError(f"'{word}' names no model: write a name, or NAME=MODEL as in wide=item-knn")
        if named.get(alias, model) != model:
            raise ConfigError(f"two models are called '{alias}': give each a name of its own")
        named[alias] = model
    return named


def _protocol(recipe: Recipe) -> Protocol:
    return recipe.protocol


def _recipes(
    named: dict[str, str],
    settings: dict[str, Any],
    parts: list[str] | None,
    joins: dict[str, str | None],
    common: dict[str, Any],
) -> dict[str, Recipe]:
    from palate.bundle import Recipe
    from palate.bundle.build import has_fusion, parts_read
    from palate.models import registry

    if not named:
        raise ConfigError("no model was named: give --models, as in popularity,item-knn")
    own: dict[str, dict[str, Any]] = {name: {} for name in named}
    for key, value in settings.items():
        name, dot, setting = key.partition(".")
        if not dot or not setting:
            taking = (name for name, kind in named.items() if key in registry.get(kind).config_type.model_fields)
            raise ConfigError(f"the setting '{key}' names no model: write {next(taking, 'MODEL')}.{key}={value}")
        if name not in own:
            raise ConfigError(f"the setting '{key}' is for '{name}', which is not compared: {did_you_mean(name, own)}")
        own[name][setting] = value
    plain = {name: Recipe.of({"model": named[name], "settings": own[name], **common}) for name in named}
    if parts is None and not any(joins.values()):
        return plain
    specs = {name: recipe.build(["any"]).spec() for name, recipe in plain.items()}
    content = {name for name, spec in specs.items() if parts_read(spec, ["any"])}
    if not content:
        raise ConfigError(
            f"none of {', '.join(named)} reads parts: leave out --parts, --align and --fuse, or add content-knn"
        )
    joining = {name for name in content if has_fusion(specs[name])}
    if any(joins.values()) and not joining:
        given = " and ".join(f"--{word}" for word, name in joins.items() if name)
        raise ConfigError(f"none of {', '.join(named)} takes a fusion: leave out {given}, or add content-knn")
    read = tuple(parts) if parts is not None else None
    return {
        name: recipe.model_copy(
            update={"parts": read if name in content else None, **(joins if name in joining else {})}
        )
        for name, recipe in plain.items()
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
    say_next(["train", ds, *_options(recipes[best]), "--out", f"{best}.palate"])


def _options(recipe: Recipe) -> list[str]:
    """Return the words that make `palate train` do the same."""
    words = ["--model", recipe.model]
    for key, value in recipe.settings.items():
        words += ["--set", f"{key}={json.dumps(value)}"]
    for joining in ("align", "fuse", "late"):
        for key, value in getattr(recipe, f"{joining}_settings").items():
            words += ["--set", f"{getattr(recipe, joining)}.{key}={json.dumps(value)}"]
    if recipe.parts is not None:
        words += ["--parts", ",".join(recipe.parts)]
    defaults = {
        "how": "random-per-user",
        "seed": 0,
        "positive": None,
        "protocol": "strict",
        "align": None,
        "fuse": None,
        "late": None,
    }
    given = {name: getattr(recipe, name) for name in defaults}
    for name, value in given.items():
        words += [f"--{name}", str(value)] if value != defaults[name] else []
    return words
