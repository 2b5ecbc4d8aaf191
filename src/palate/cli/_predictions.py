"""How `palate evaluate --task click|rating` judges a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from palate.cli._app import emit
from palate.cli._next import say_next
from palate.core.errors import RequestError, did_you_mean

TASKS = ("ranking", "click", "rating")


def refuse_words(task: str, negatives: int | None, **ranking: tuple[Any, Any]) -> None:
    """Refuse an unknown task, and options that it does not know: each of `ranking` is given and usual.

    Raises:
        RequestError: which options, and what to do.
    """
    if task not in TASKS:
        raise RequestError(f"--task was '{task}': {did_you_mean(task, TASKS)}")
    if negatives is not None and task != "click":
        raise RequestError(f"--negatives was {negatives}, and only --task click samples any: leave it out")
    odd = [f"--{name.replace('_', '-')}" for name, (given, usual) in ranking.items() if given != usual]
    if odd and task != "ranking":
        raise RequestError(f"--task {task} judges pairs, not lists, by all its metrics: leave out {', '.join(odd)}")


def judge_pairs(path: Path, ds: Path | None, task: str, on: Any, negatives: int | None, as_json: bool) -> None:
    """Judge the predictions of a bundle and print what was found."""
    from palate.bundle import Bundle
    from palate.evaluation import evaluate_clicks, evaluate_ratings

    opened = Bundle.open(path)
    protocol = opened.recipe.protocol
    if task == "click":
        found = evaluate_clicks(opened.model, opened.split(ds), protocol, on, negatives=negatives)
    else:
        found = evaluate_ratings(opened.model, opened.split(ds), protocol, on)
    fit = opened.manifest.metrics.get("seconds", {}).get("fit")
    found = replace(found, seconds={**({} if fit is None else {"fit": float(fit)}), **found.seconds})

    def show() -> None:
        typer.echo(str(found))
        say_next(["recommend", path, "--user", opened.data.users.ids[0]])

    emit(found.to_json(), as_json, show)
