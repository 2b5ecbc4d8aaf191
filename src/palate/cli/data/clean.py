"""`palate data clean DS OUT`: without repeated rows, impossible values, machines, users and items with too little."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from palate.clean._spoilt import SPOILT
from palate.clean.clean import CleanConfig, CleanReport
from palate.clean.clean import clean as mend
from palate.cli._app import AsJson, emit
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._print import counted, figures, say
from palate.data import folder
from palate.data.quarantine import FILE as QUARANTINE


class _Bots(StrEnum):
    """What becomes of the interactions of users who act like machines."""

    leave = "leave"
    thin = "thin"
    drop = "drop"


class _Near(StrEnum):
    """What becomes of items that are nearly the same."""

    leave = "leave"
    merge = "merge"


@data_app.command()
def clean(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="Dataset folder.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Dataset folder to write.")],
    duplicates: Annotated[bool, typer.Option(help="Of repeated rows keep the last.")] = True,
    times: Annotated[bool, typer.Option(help="Take out impossible times.")] = True,
    min_weight: Annotated[float | None, typer.Option(help="Take out what weighs less.")] = None,
    max_weight: Annotated[float | None, typer.Option(help="Take out what weighs more.")] = None,
    since: Annotated[str | None, typer.Option(help="Take out what is earlier, as in 2024-05-31.")] = None,
    until: Annotated[str | None, typer.Option(help="Take out what is not earlier.")] = None,
    core: Annotated[int, typer.Option(min=1, help="Users and items with at least so many interactions.")] = 1,
    user_core: Annotated[int | None, typer.Option(min=1, help="The same for users only.")] = None,
    item_core: Annotated[int | None, typer.Option(min=1, help="The same for items only.")] = None,
    absent: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS", help="Problems whose cells become missing, as in blank-picture,silent-sound; or all."
        ),
    ] = None,
    near_duplicates: Annotated[
        _Near, typer.Option(help="Leave items that are nearly the same, or make one of them.")
    ] = _Near.leave,
    bots: Annotated[
        _Bots, typer.Option(help="Of users who act like machines, keep a part of what they did, or nothing.")
    ] = _Bots.leave,
    seed: Annotated[int, typer.Option(min=0, help="Which part of it is kept.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a dataset without repeated rows, impossible values, machines and what has too few interactions."""
    config = CleanConfig(
        duplicates=duplicates, times=times, min_weight=min_weight, max_weight=max_weight, since=since, until=until,
        user_core=user_core or core, item_core=item_core or core, absent=_kinds(absent), bots=bots.value, seed=seed,
        near_duplicates=near_duplicates.value,
    )  # fmt: skip
    folder.refuse_foreign(out)
    fresh, report = mend(folder.load(ds), config)
    folder.save(fresh, out, {"clean": report.rejected})
    emit({"path": str(out), **report.as_dict()}, as_json, lambda: _show(report, out))


def _kinds(words: str | None) -> tuple[str, ...]:
    """Return the kinds of problems that an option names."""
    if words == "all":
        return tuple(SPOILT)
    return tuple(word.strip() for word in (words or "").split(",") if word.strip())


def _show(report: CleanReport, out: Path) -> None:
    say(f"cleaned into {out}")
    figures({name: f"{count:,} → {report.after[name]:,}" for name, count in report.before.items()})
    if report.steps:
        say(f"interactions taken out, listed in {out / QUARANTINE}:")
        counted(report.steps)
    if report.absent:
        say("marked absent, listed there too:" if report.steps else f"marked absent, listed in {out / QUARANTINE}:")
        told = {name: ", ".join(f"{n:,} {kind}" for kind, n in kinds.items()) for name, kinds in report.absent.items()}
        figures(told)
    if report.merged:
        say(f"{report.merged:,} items became part of another that is nearly the same, listed in {out / QUARANTINE}")
    if not report.steps and not report.absent and not report.merged:
        say("nothing was taken out")
    say_next(["data", "check", out])
