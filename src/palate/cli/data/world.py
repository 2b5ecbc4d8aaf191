"""`palate data world SCENARIO DST`: a generated dataset whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from palate.cli._app import AsJson, emit
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._print import figures, say
from palate.core.config import parse_settings
from palate.data.worlds import Made, make, registry


@data_app.command()
def world(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="One of shop, music, short-video.")],
    dst: Annotated[Path, typer.Argument(metavar="DST", help="Dataset folder to write.")],
    n_items: Annotated[
        int | None, typer.Option("--n-items", help="How many items; each scenario has its own default.")
    ] = None,
    n_users: Annotated[int | None, typer.Option("--n-users", help="How many users.")] = None,
    n_events: Annotated[int | None, typer.Option("--n-events", help="How many events.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Another seed gives another world.")] = None,
    language: Annotated[str | None, typer.Option("--language", help="Of the texts: en, zh or mixed.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting, as in missing=0.1 or sound_taste=0.")
    ] = None,
    raw: Annotated[Path | None, typer.Option("--raw", help="Keep the plain files in this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Generate a dataset whose truth is known: people, goods, and why they liked them."""
    given = {"n_items": n_items, "n_users": n_users, "n_events": n_events, "seed": seed, "language": language}
    named = {name: value for name, value in given.items() if value is not None}
    made = make(registry.get(scenario)(**parse_settings(settings or []), **named), dst, raw)
    emit(_as_dict(made), as_json, lambda: _show(made))


def _as_dict(made: Made) -> dict[str, Any]:
    report = {} if made.report is None else made.report.as_dict()
    keys = ("users", "items", "interactions", "columns", "media", "rejected")
    return {
        "path": str(made.path),
        "raw": None if made.raw is None else str(made.raw),
        "scenario": made.truth.scenario,
        "settings": dict(made.truth.settings),
        **{key: report[key] for key in keys},
        "worth": dict(made.truth.worth),
        "faults": _faults(made),
        "seconds": round(made.seconds, 2),
    }


def _faults(made: Made) -> dict[str, int]:
    counts = {}
    for fault, where in made.truth.faults.items():
        columns = where if fault not in ("duplicates", "bots") else {"": where}
        for column, ids in columns.items():
            if ids:
                counts[f"{fault} {column}".strip()] = len(ids)
    return counts


def _show(made: Made) -> None:
    told = _as_dict(made)
    say(f"generated the world '{made.truth.scenario}' into {made.path} in {made.seconds:.1f} s")
    rows = {name: f"{told[name]:,}" for name in ("users", "items", "interactions")}
    for column, count in told["media"].items():
        rows[column] = f"{count:,} of {told['items']:,} items"
    figures(rows)
    if told["faults"]:
        say("planted faults, listed in world.json:")
        figures({name: f"{count:,}" for name, count in told["faults"].items()})
    if told["rejected"]:
        say(f"set aside by the import, listed in {made.path / 'quarantine.parquet'}:")
        figures({f"{count:,}": reason for reason, count in told["rejected"].items()})
    say("the truth is in world.json; Recall@20 of one who knew the tastes for:")
    figures({name: f"{share:.3f}" for name, share in made.truth.worth.items()})
    if made.raw is not None:
        say(f"the plain files are in {made.raw}")
    say_next(["data", "check", made.path])
