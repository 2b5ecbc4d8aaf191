"""`palate fine-tune`: an encoder's vectors, taught by what people liked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._next import say_next
from palate.cli._training import Device, Track, going_on, run_of
from palate.core.config import parse_settings

if TYPE_CHECKING:
    from palate.data.dataset import Dataset
    from palate.finetune import FineTuned


@app.command()
def fine_tune(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="A dataset folder.")],
    part: Annotated[str, typer.Option("--part", help="The part of items whose vectors are changed, as in title.")],
    out: Annotated[
        Path, typer.Option("--out", help="The folder that the encoder goes to; tuned:FOLDER names it then.")
    ],
    method: Annotated[
        str, typer.Option("--method", help="adapter reads vectors, side the hidden states of a hub model.")
    ] = "adapter",
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="The new part; default PART.tuned.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of the method, as in hidden=32.")
    ] = None,
    how: Annotated[
        str, typer.Option("--how", help="The split, of which the training part teaches.")
    ] = "random-per-user",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the split and the learning.")] = 0,
    positive: Annotated[str | None, typer.Option("--positive", help="What counts as liked, as in weight>=4.")] = None,
    track: Track = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Teach the encoder of a part what people like, and write a new part and an encoder.

    Learned from the training part of the split, stopped by its validation; models trained on the new part must be split alike. What is
    needed to go on after a break is left in OUT.partial: the same command again goes on from there.
    """
    from palate.data.folder import load
    from palate.data.positive import Positive
    from palate.finetune import fine_tune as teach
    from palate.finetune import registry
    from palate.finetune._road import refuse_foreign

    tuner = registry.get(method)(**parse_settings(settings or []))
    run = run_of(tuner, track, device)
    refuse_foreign(out)
    data = load(ds)
    if positive is not None:
        data = replace(data, positive=Positive(rule=positive))
    with going_on(out) as partial:
        found = teach(data, part, tuner, how, seed, name=name, run=replace(run, checkpoint=partial))
        found.save(out)
        found.keep(data)
    emit(_as_json(found, out), as_json, lambda: _show(data, found, ds, out))


def _as_json(found: FineTuned, out: Path) -> dict[str, Any]:
    return {
        **found.card(),
        "out": str(out),
        "name": found.name,
        "dim": found.table.dim,
        "present": int(found.table.present.sum()),
        "seconds": round(found.seconds, 3),
    }


def _show(data: Dataset, found: FineTuned, ds: Path, out: Path) -> None:
    cut, method = found.split, found.method["name"]
    sizes = f"train {len(cut.train.interactions):,}, valid {len(cut.valid.interactions):,}; test is not looked at"
    typer.echo(f"{data.name}: {len(data.users):,} users, {len(data.items):,} items; liked means {data.positive.rule}")
    typer.echo(f"split {cut.how}, seed {cut.seed}: {sizes}")
    typer.echo(
        f"learned {method} for {found.part} in {found.seconds:.1f} s, the best after {found.history.best_epoch} epochs"
    )
    if found.before is None or found.after is None:
        typer.echo("validation holds nothing to judge by")
    else:
        typer.echo(f"\n{'content-knn on validation':<28}{'recall@20':>10}{'ndcg@20':>10}")
        for label, figures in ((found.part, found.before.metrics), (found.name, found.after.metrics)):
            typer.echo(f"{label:<28}{figures['recall@20']:>10.4f}{figures['ndcg@20']:>10.4f}")
        if found.after.metrics["ndcg@20"] <= found.before.metrics["ndcg@20"]:
            typer.echo(f"nothing was gained: go on with {found.part}")
    typer.echo(f"\nwrote the part {found.name} into {ds / 'features'}, the encoder to {out}")
    if found.tuning.encoder is None:
        ref = data.features[found.part].encoder
        why = f"no encoder made {found.part}" if ref is None else f"{ref.name} cannot be fine-tuned with its vectors"
        typer.echo(f"{why}: new items need ready-made vectors, and nothing can be searched by {found.name}")
    given = {"--how": cut.how, "--seed": str(cut.seed), "--positive": data.positive.rule}
    usual = {"--how": "random-per-user", "--seed": "0", "--positive": type(data.positive)().rule}
    alike = [word for name, value in given.items() if value != usual[name] for word in (name, value)]
    say_next(["train", ds, "--model", "content-knn", "--parts", found.name, *alike, "--out", f"{ds.name}.palate"])
