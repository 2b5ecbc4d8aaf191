"""`palate compare-fusion`: every way to join the parts of items, under one protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, Stopped, app, emit
from palate.cli._next import say_next
from palate.cli._words import cut_offs, words
from palate.core.config import parse_settings
from palate.core.errors import ConfigError

if TYPE_CHECKING:
    from palate.bundle import Recipe
    from palate.bundle.fusions import Ways
    from palate.data.dataset import Dataset
    from palate.data.split import Split
    from palate.evaluation.fusions import FusionComparison, Missing

_EARLY = "Fusions of vectors, as in concat,mean; all, the default where neither these nor --late are named."
_ALIGN = "Also after these aligners, as in cca,pca or all; each is followed by the named --fusions, else by mean."
_MODELS = "In which models; default content-knn, vector-space and two-tower, as far as they are there."


@app.command(name="compare-fusion")
def compare_fusion(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="A dataset folder with encoded parts.")],
    fusions: Annotated[str | None, typer.Option("--fusions", help=_EARLY)] = None,
    late: Annotated[
        str | None, typer.Option("--late", help="Fusions of scores, of one model a part: borda, or all; as above.")
    ] = None,
    align: Annotated[str | None, typer.Option("--align", help=_ALIGN)] = None,
    models: Annotated[str | None, typer.Option("--models", help=_MODELS)] = None,
    parts: Annotated[str | None, typer.Option("--parts", help="Parts to read, as in title,photo; default all.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Of a model, fusion or aligner, as in content-knn.neighbours=30.")
    ] = None,
    how: Annotated[str, typer.Option("--how", help="The split.")] = "random-per-user",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds for what is random.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the split.")] = 0,
    positive: Annotated[str | None, typer.Option("--positive", help="What counts as liked, as in weight>=4.")] = None,
    k: Annotated[str, typer.Option("--k", "-k", help="The length of the lists, or several, as in 10,20.")] = "20",
    metrics: Annotated[str, typer.Option("--metrics", help="As in recall,ndcg@10.")] = "recall,ndcg",
    by: Annotated[
        str | None,
        typer.Option("--by", help="What chooses on validation and is tested; default ndcg at the largest k."),
    ] = None,
    missing: Annotated[bool, typer.Option("--missing", help="Also fit again with parts of the items gone.")] = False,
    shares: Annotated[
        str, typer.Option("--shares", help="With --missing: how much goes, as in 0.5 or 0.1..0.9.")
    ] = "0.3,0.6,0.9",
    draws: Annotated[int, typer.Option("--draws", help="With --missing: how many draws of what goes.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder that keeps runs, tables and plot; default DS.fusions.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit each way to join parts, choose by validation, judge each once by test, and hold all against concat.

    Each part alone and popularity stand beside them. What is done is kept in OUT: the same command again goes on where it
    stopped, and makes only what is new or changed.
    """
    from palate.bundle.fusions import Ways
    from palate.evaluation._study import kept_in, refuse_other
    from palate.evaluation.fusions import compare_fusions
    from palate.evaluation.fusions_report import write_fusions

    cuts = cut_offs(k)
    ways = Ways.of(
        models=_words(models), early=_words(fusions), late=_words(late), align=_words(align) or (), parts=_words(parts),
        settings=parse_settings(settings or []),
    )  # fmt: skip
    gone = _missing(missing, shares, draws)
    place = out or Path(f"{ds.resolve().name}.fusions")
    refuse_other(place)
    if ways.trains:
        from palate.nn.device import device_for

        device_for()  # a PALATE_DEVICE that is not here is refused before anything is read
    data, cut = _cut(ds, ways, how, seed, positive)
    there = data.part_names()
    try:
        found = compare_fusions(
            cut, ways.methods(there), seeds, cuts, metrics=words(metrics), by=by, missing=gone, out=place
        )
    except KeyboardInterrupt:
        count = kept_in(place)
        if not count:
            raise Stopped("stopped before a run was done: nothing is kept") from None
        raise Stopped(
            f"stopped; the {count} runs that are done are kept in {place}, and the same command goes on"
        ) from None
    files = write_fusions(place, data, found)
    value = {**found.to_json(), "positive": data.positive.rule, "out": str(place)}
    emit(value, as_json, lambda: _show(ds, data, cut, found, ways, files))


def _words(text: str | None) -> list[str] | None:
    return None if text is None else words(text)


def _missing(asked: bool, shares: str, draws: int) -> Missing | None:
    from palate.evaluation._drops import Drop
    from palate.evaluation.fusions import Missing

    if not asked:
        if (shares, draws) != ("0.3,0.6,0.9", 1):
            raise ConfigError("--shares and --draws say how parts go missing: add --missing")
        return None
    some = [word for word in words(shares) if word.strip("0.") or ".." in word]  # nothing missing is always there
    return Missing(Drop.parse(f"all={','.join(some)}").shares, draws)


def _cut(ds: Path, ways: Ways, how: str, seed: int, positive: str | None) -> tuple[Dataset, Split]:
    """Read the data, make sure that the parts are there, and split."""
    from palate.bundle import Recipe
    from palate.data.folder import load
    from palate.data.split import registry

    registry.get(how)
    recipe = Recipe.of({"model": ways.models[0], "how": how, "seed": seed, "positive": positive})
    data = recipe.prepared(load(ds))
    data.item_parts(ways.parts)
    return data, recipe.split(data)


def _show(ds: Path, data: Dataset, cut: Split, found: FusionComparison, ways: Ways, files: list[Path]) -> None:
    from palate.cli._answers import console
    from palate.cli.data._print import say
    from palate.evaluation._fusions_show import shown

    sizes = ", ".join(
        f"{name} {len(part.interactions):,}"
        for name, part in (("train", cut.train), ("valid", cut.valid), ("test", cut.test))
    )
    typer.echo(f"{data.name}: {len(data.users):,} users, {len(data.items):,} items; liked means {data.positive.rule}")
    typer.echo(f"split {cut.how}, seed {cut.seed}: {sizes}")
    say(f"parts {', '.join(ways.parts or data.part_names())}")
    for model in ways.models:
        for setting, labels in sorted(ways.idle(model, data.part_names()).items()):
            say(f"{model}.{setting} does nothing with {', '.join(labels)}: these go without it")
    typer.echo("")
    out = console()
    for thing in shown(found, out.width):
        out.print(thing)
    typer.echo("")
    typer.echo(f"wrote {', '.join(file.name for file in files)} to {files[0].parent}")
    if (chosen := _chosen(found, ways, data.part_names())) is not None:
        words = _options(chosen.model_copy(update={"how": cut.how, "seed": cut.seed, "positive": None}))
        rule = ["--positive", data.positive.rule] if data.positive.rule != "weight>0" else []
        say_next(["train", ds, *words, *rule, "--out", f"{chosen.model}.palate"])


def _chosen(found: FusionComparison, ways: Ways, parts: list[str]) -> Recipe | None:
    """Return the recipe of what does best on validation, of all models."""
    from palate.evaluation.comparison import _merit

    best = [
        (_merit(trial.valid, found.by), block.model, block.best)
        for block in found.blocks
        if block.best is not None and (trial := block.trials[block.best]).valid is not None
    ]
    if not best:
        return None
    _, model, method = max(best)
    return ways.recipes(model, parts)[method][1]


def _options(recipe: Any) -> list[str]:
    from palate.cli.compare import _options as told

    return told(recipe)
