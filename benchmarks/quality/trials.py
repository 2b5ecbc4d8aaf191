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

import palate
from palate.bundle import Recipe
from palate.core.errors import PalateError
from palate.core.files import write_json
from palate.core.fingerprint import file_fingerprint, fingerprint
from palate.core.memory import PeakMemory
from palate.data.split import split
from palate.data.split._base import Split
from palate.evaluation import compare, evaluate
from palate.interfaces import Run
from palate.models import Model

CHOSEN_BY = "ndcg@20"
SEEDS = 5
_SCRIPTS = ("grounds.py", "rivals.py", "spaces.py", "trials.py")
"""What decides a figure, beside the package."""


def tune(cut: Split, drawn: list[Fields], seconds: float) -> dict[str, Any]:
    """Return what did best on validation among the draws that the budget allowed, and what was tried.

    The budget is a number of trials and processor seconds to spend on them, the same for every model whatever else the
    machine does; the trial that runs when they are spent is finished.
    """
    tried: list[dict[str, Any]] = []
    start = time.process_time()
    for fields in drawn:
        if tried and time.process_time() - start > seconds:
            break
        begun = time.perf_counter()
        trial: dict[str, Any] = {"fields": fields}
        try:
            fitted = build(fields, cut).fit(cut.train, cut.valid, Run(seed=0))
            trial[CHOSEN_BY] = evaluate(fitted, cut, 20, ["ndcg"], on="valid", resamples=1).metrics[CHOSEN_BY]
        except PalateError as error:
            trial["error"] = str(error)
        tried.append({**trial, "seconds": time.perf_counter() - begun})
    best = max(tried, key=lambda trial: trial.get(CHOSEN_BY, -1.0))
    return {"fields": best["fields"], "trials": tried}


def judge(cut: Split, model: str, fields: Fields) -> dict[str, Any]:
    """Fit with the chosen settings and each seed, judge by test; say why where that cannot be done."""
    metrics = ("recall", "ndcg", "coverage")
    try:
        found = compare(cut, {model: lambda _: build(fields, cut)}, SEEDS, (10, 20), metrics=metrics, by=CHOSEN_BY)
    except PalateError as error:
        return {"model": model, "error": str(error), "fields": fields}
    return {**found.rows[0], "fields": fields}


def cost(cut: Split, fields: Fields) -> dict[str, float]:
    """Return the seconds of one fit and of one evaluation of all test users, and how much the process grew in MiB."""
    with PeakMemory() as memory:
        start = time.perf_counter()
        try:
            fitted = build(fields, cut).fit(cut.train, cut.valid, Run(seed=0))
        except PalateError:
            return {}
        fit = time.perf_counter() - start
        judged = evaluate(fitted, cut, 20, ["recall", "ndcg"], resamples=1).seconds["evaluate"]
    return {"fit": fit, "evaluate": judged, "peak_mb": memory.peak_mb}


def build(fields: Fields, cut: Split) -> Model[Any]:
    """Return the model, not yet fitted."""
    if fields["model"] in RIVALS:
        return RIVALS[fields["model"]](**fields["settings"])
    return Recipe.of(fields).build(cut.train.features)


def run(
    ground: Ground, model: str, real: Path, out: Path, trials: int, seconds: float, stage: str, again: bool
) -> None:
    """Do one stage unless the same has been done; they run in processes of their own, so that memory is told apart.

    Args:
        ground: where.
        model: its name.
        real: the folder of real data.
        out: where the files go.
        trials: the budget of tuning.
        seconds: the same.
        stage: "tune", "judge" or "cost".
        again: judge anew.
    """
    data = ground.data(real, out)
    cut = split(data, ground.how, 0)
    place = out / ground.name.replace(", ", "-")
    place.mkdir(parents=True, exist_ok=True)
    drawn = draws(model, trials, _tuned(place) if model == "ensemble" else {})
    specs = [build(fields, cut).spec() for fields in drawn]  # with the settings that are left at their defaults
    made_of = fingerprint(cut.fingerprint, _code(), json.dumps([drawn, specs, seconds], sort_keys=True, default=str))
    chosen, judged, spent = (place / f"{model}{suffix}.json" for suffix in (".tuned", "", ".cost"))
    if stage == "tune":
        if _made_of(chosen) != made_of:
            write_json(chosen, {**tune(cut, drawn, seconds), "made_of": made_of})
        return
    fields = json.loads(chosen.read_text())["fields"]
    made_of = fingerprint(made_of, json.dumps(fields, sort_keys=True))
    if stage == "judge" and (again or _made_of(judged) != made_of):
        write_json(judged, {**judge(cut, model, fields), "made_of": made_of})
    if stage == "cost" and (again or _made_of(spent) != made_of):
        write_json(spent, {**cost(cut, fields), "made_of": made_of})


def _code() -> str:
    """Return a fingerprint of the package and of these scripts: what other code made is made again."""
    scripts = Path(__file__).parent
    files = [*sorted(Path(palate.__file__).parent.rglob("*.py")), *(scripts / name for name in _SCRIPTS)]
    return fingerprint(*(file_fingerprint(file) for file in files))


def _made_of(file: Path) -> str | None:
    found: str | None = json.loads(file.read_text()).get("made_of") if file.is_file() else None
    return found


def _tuned(place: Path) -> Mapping[str, Fields]:
    """Return what was chosen for each model that can be fitted here."""
    suffix = ".tuned.json"
    found = {path.name.removesuffix(suffix): json.loads(path.read_text()) for path in sorted(place.glob(f"*{suffix}"))}
    return {
        name: each["fields"]
        for name, each in found.items()
        if name not in ("ensemble", *RIVALS) and any(CHOSEN_BY in trial for trial in each["trials"])
    }
