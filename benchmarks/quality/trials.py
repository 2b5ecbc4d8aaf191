"""One model on one ground: tuned on validation within a budget, then judged by test."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grounds import Ground
from rivals import RIVALS
from spaces import Fields, draws

from palate.bundle import Recipe
from palate.core.errors import PalateError
from palate.core.files import write_json
from palate.core.fingerprint import fingerprint
from palate.data.split import split
from palate.data.split._base import Split
from palate.evaluation import compare, evaluate
from palate.interfaces import Run
from palate.models import Model

CHOSEN_BY = "ndcg@20"
SEEDS = 5


def tune(ground: Ground, cut: Split, model: str, place: Path, trials: int, seconds: float) -> Fields:
    """Return what did best on validation among the draws that the budget allowed; what was tried is kept.

    The budget is a number of trials and processor seconds to spend on them, the same for every model whatever else the
    machine does; the trial that runs when they are spent is finished.
    """
    tried: list[dict[str, Any]] = []
    tuned = _tuned(place) if model == "ensemble" else {}
    start = time.process_time()
    for fields in draws(model, trials, tuned):
        if tried and time.process_time() - start > seconds:
            break
        begun = time.perf_counter()
        try:
            fitted = build(fields, cut).fit(cut.train, cut.valid, Run(seed=0))
            found = evaluate(fitted, cut, 20, ["ndcg"], on="valid", resamples=1).metrics[CHOSEN_BY]
        except PalateError as error:
            found, why = None, str(error)
        else:
            why = None
        tried.append({"fields": fields, CHOSEN_BY: found, "error": why, "seconds": time.perf_counter() - begun})
    worked = [trial for trial in tried if trial[CHOSEN_BY] is not None]
    chosen = max(worked, key=lambda trial: trial[CHOSEN_BY])["fields"] if worked else tried[0]["fields"]
    write_json(place / f"{model}.tuned.json", {"fields": chosen, "trials": tried})
    return chosen


def judge(cut: Split, model: str, fields: Fields) -> dict[str, Any]:
    """Fit with the chosen settings and each seed, judge by test."""
    found = compare(
        cut,
        {model: lambda _: build(fields, cut)},
        SEEDS,
        (10, 20),
        metrics=("recall", "ndcg", "coverage"),
        by=CHOSEN_BY,
    )
    return {**found.rows[0], "fields": fields}


def build(fields: Fields, cut: Split) -> Model[Any]:
    """Return the model, not yet fitted."""
    if fields["model"] in RIVALS:
        return RIVALS[fields["model"]](**fields["settings"])
    return Recipe.of(fields).build(cut.train.features)


def run(ground: Ground, model: str, real: Path, out: Path, trials: int, seconds: float, again: bool) -> None:
    """Tune and judge, unless the same has been done; `again` judges anew."""
    data = ground.data(real, out)
    cut = split(data, ground.how, 0)
    place = out / ground.name.replace(", ", "-")
    place.mkdir(parents=True, exist_ok=True)
    plan = [model, trials, seconds, _tuned(place) if model == "ensemble" else draws(model, trials, {})]
    made_of = fingerprint(cut.fingerprint, json.dumps(plan, sort_keys=True))
    target = place / f"{model}.json"
    before = json.loads(target.read_text()) if target.is_file() else {}
    if before.get("made_of") == made_of and not again:
        return
    chosen = before["fields"] if before.get("made_of") == made_of else tune(ground, cut, model, place, trials, seconds)
    try:
        row = judge(cut, model, chosen)
    except PalateError as error:
        row = {"model": model, "error": str(error), "fields": chosen}
    write_json(target, {**row, "made_of": made_of})


def _tuned(place: Path) -> Mapping[str, Fields]:
    suffix = ".tuned.json"
    found = {
        path.name.removesuffix(suffix): json.loads(path.read_text())["fields"] for path in place.glob(f"*{suffix}")
    }
    return {name: fields for name, fields in sorted(found.items()) if name not in ("ensemble", *RIVALS)}
