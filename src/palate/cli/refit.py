"""`palate refit`: a bundle's recipe on everything that is known, for serving."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._next import say_next
from palate.cli._training import Device, going_on, run_of
from palate.core.errors import missing_extra
from palate.core.wording import some

if TYPE_CHECKING:
    from palate.bundle import Bundle
    from palate.bundle.renewal import Renewal, Verdict
    from palate.data.store import Store
    from palate.interfaces import Run


@app.command()
def refit(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Where the new bundle goes; give the old place to replace it.")],
    ds: Annotated[
        Path | None, typer.Argument(metavar="[DS]", help="Its dataset folder, where it is no longer in its place.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL",
            help="Learn from what a service took in too: its store, or none; default OUT.live/events.db or BUNDLE.live/events.db.",
        ),
    ] = None,
    judge: Annotated[
        bool, typer.Option(help="Keep the old bundle where the new one foretells the newest events worse.")
    ] = True,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Fit a bundle again on all its data, held-back parts and new events too, to serve it.

    A service that serves the place of the new bundle takes it up by itself.
    """
    from palate.bundle import Bundle
    from palate.bundle import refit as fit_again

    Bundle.refuse_foreign(out)
    opened = Bundle.open(bundle)
    run = run_of(opened.model, device=device, before=opened.completer)
    kept = _kept(store, out, bundle)
    with going_on(out) as partial, nullcontext() if kept is None else closing(kept):
        run = replace(run, checkpoint=partial)
        renewal = None if kept is None else _renewed(opened, kept, ds, run, judge)
        made = fit_again(opened, ds, run) if renewal is None else renewal.bundle
        if made is not None:
            made.save(out)
        if made is not None and renewal is not None and kept is not None:
            _settle(out, renewal, kept)
    told = _told(made, renewal, out)
    emit(told, as_json, lambda: _show(told, made, renewal, out, judge))
    if made is None:
        raise typer.Exit(1)


def _kept(url: str | None, *bundles: Path) -> Store | None:
    """Return the store to learn from: the one that is named, or that of the first bundle that has one; None where there is none."""
    if url == "none":
        return None
    live = next(
        (bundle for bundle in bundles if bundle.resolve().with_name(f"{bundle.resolve().name}.live").is_dir()), None
    )
    if url is None and live is None:
        return None
    try:
        from palate.data.store import Store, store_of
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "sqlalchemy", "serve", "what a service took in") from error
    return Store(url or store_of(bundles[0] if live is None else live))


def _renewed(bundle: Bundle, store: Store, ds: Path | None, run: Run, judge: bool) -> Renewal:
    from palate.bundle.renewal import renewed
    from palate.serving.decoding import Decoding

    with Decoding() as decoding:  # the files come from strangers
        return renewed(bundle, store, ds, run, judge=judge, decode=decoding.decode)


def _settle(out: Path, renewal: Renewal, store: Store) -> None:
    from palate.bundle.renewal import settle

    settle(out, renewal, store)


def _told(made: Bundle | None, renewal: Renewal | None, out: Path) -> dict[str, Any]:
    told: dict[str, Any] = {"out": None, "kept": True} if made is None else {
        "out": str(out), "model": made.model.name, "interactions": len(made.data.interactions),
        "seconds": {"fit": made.manifest.metrics["seconds"]["fit"]},
    }  # fmt: skip
    if renewal is not None:
        verdict = renewal.verdict
        told["store"] = {
            "events": int((renewal.grown.cursors > 0).sum()), "items": renewal.grown.items,
            "forgotten": renewal.grown.forgotten,
        }  # fmt: skip
        told["judged"] = None if verdict is None else {
            "old": verdict.old, "new": verdict.new, "p_value": verdict.p_value, "users": verdict.users,
            "events": verdict.events,
        }  # fmt: skip
    return told


def _show(told: dict[str, Any], made: Bundle | None, renewal: Renewal | None, out: Path, judge: bool) -> None:
    if renewal is not None:
        taken = told["store"]
        added = f"{some(taken['events'], 'event', 'events')} and {some(taken['items'], 'item', 'items')}"
        typer.echo(f"the store adds {added}")
        typer.echo(_judgement(renewal.verdict) if judge else "not judged")
    if made is None:
        typer.echo(f"the new bundle is worse: nothing was written to {out}")
        return
    typer.echo(
        f"fitted {made.model.name} on all {told['interactions']:,} interactions in {told['seconds']['fit']:.2f} s"
    )
    typer.echo(f"wrote {out}; nothing was held back, so it cannot be evaluated")
    say_next(["serve", out])


def _judgement(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not judged: too few people liked anything new since the last time"
    return (
        f"ndcg@10 on the newest {verdict.events:,} events: {verdict.old:.4f} before,\n"
        f"{verdict.new:.4f} now ({verdict.users:,} users, p {verdict.p_value:.3f})"
    )
