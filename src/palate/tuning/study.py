"""Trials: each fits a model and is judged by validation, and those that are done lead the next."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import Timeout

from palate.bundle import Recipe
from palate.bundle.build import described
from palate.bundle.readying import readied
from palate.bundle.training import device_of
from palate.core.config import Config
from palate.core.errors import ConfigError, DataError, PalateError, missing_extra
from palate.core.files import locked
from palate.core.fingerprint import fingerprint
from palate.core.progress import progress
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.split import Split
from palate.evaluation import evaluate
from palate.fusion.concat import Concat
from palate.interfaces import Run
from palate.metrics import parse_measures
from palate.metrics.names import LOWER_IS_BETTER
from palate.training.trackers import Tracker
from palate.tuning.space import JOINS, Dimension, Space, space_of

_LOG, _BEST, _LOCK = "trials.log", "best.toml", ".lock"
_WAIT = 5
"""Trials, and epochs of a trial, before any is given up."""


@dataclass(frozen=True)
class Trial:
    """What was tried and what came of it."""

    fields: Mapping[str, Any]
    """Settings of the model, `align` and `fuse`."""
    state: Literal["done", "pruned", "failed"]
    value: float | None
    """By validation; of one that was given up, when it was."""
    seconds: float
    why: str | None = None
    """Of one that failed."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """What came of all trials."""

    recipe: Recipe
    """With the settings of the best."""
    best: Trial
    trials: tuple[Trial, ...]
    """In the order in which they were made; the first has the model's defaults, as far as they may be tried."""
    by: str
    split: Split


def tune(
    data: Dataset,
    recipe: Recipe,
    trials: int = 20,
    *,
    seconds: float | None = None,
    study: Path | None = None,
    words: Mapping[str, Dimension] | None = None,
    by: str = "ndcg@20",
    run: Run | None = None,
) -> Tuned:
    """Try settings of a recipe's model and keep those that do best on validation; the test part is not opened.

    The first trial has the defaults; where a range of `words` does not hold one, a number is drawn for it. Others are
    proposed by a tree of Parzen estimators (Bergstra et al. 2011) from what came of those before. A network whose validation
    falls behind the middle of the others at the same epoch is given up. The same seed makes the same trials, whether or not
    they were interrupted.

    Args:
        data: the whole dataset.
        recipe: the model and what is settled of it, the split, the seed.
        trials: how many there are to be, those of earlier runs counted.
        seconds: begin none after so long; the one that runs is finished.
        study: a folder that keeps them, from which a later run goes on; nothing is kept where none is given.
        words: settings to try beside, or in other ranges than, those that are listed for the model.
        by: the metric that chooses, more being better.
        run: cores, device; the seed is the recipe's.

    Raises:
        MissingExtraError: the library optuna is not installed.
        ConfigError: there is nothing to try, or the study is of something else.
        DataError: validation holds nothing to judge by.
    """
    optuna = _library()
    space = space_for(recipe, words, parts=bool(data.part_names()))
    measure = parse_measures([by], [20])[0]
    if measure.metric in LOWER_IS_BETTER:
        raise ConfigError(
            f"settings cannot be chosen by '{measure}', of which less is better: choose by recall or ndcg"
        )
    by = str(measure)
    cut = recipe.split(data)
    if not (cut.valid.liked.nnz - cut.valid.liked.multiply(cut.train.seen).nnz):
        raise DataError(
            f"validation holds nothing to judge by in a split by {recipe.how}: choose another, or give it more"
        )
    made_of = fingerprint(
        cut.train.fingerprint, cut.valid.fingerprint, by, recipe.model_copy(update={"data": None, "out": None}),
        {name: [type(dimension).__name__, asdict(dimension)] for name, dimension in space.items()},
    )  # fmt: skip
    run = replace(run or Run(), seed=recipe.seed)
    with device_of(run):
        ready = readied(recipe, cut.train)
    cut = replace(cut, train=ready.fill(cut.train), valid=ready.fill(cut.valid))
    fit = _Fit(optuna, recipe, space, cut, recipe.labelled(cut.train), by, run)
    began = time.monotonic()
    with _opened(optuna, study, made_of) as search, progress(f"tuning {recipe.model}", trials, "trials") as advance:
        advance(len(_counted(search)))
        while len(_counted(search)) < trials:
            if seconds is not None and _counted(search) and time.monotonic() - began >= seconds:
                break
            fit.next(search)
            advance(1)
            _keep_best(search, recipe, study)
        best = _keep_best(search, recipe, study)
        if best is None:
            raise PalateError(f"no trial of {recipe.model} came to an end: {_told(_counted(search)[-1]).why}")
        return Tuned(_with(recipe, best.fields), best, tuple(map(_told, _counted(search))), by, cut)


def space_for(recipe: Recipe, words: Mapping[str, Dimension] | None = None, *, parts: bool = True) -> Space:
    """Return what to try of a recipe's model (see `space_of`), without what the recipe settles."""
    named = {"align": recipe.align, "fuse": recipe.fuse, "parts": recipe.parts}
    settled = {**recipe.settings, **{word: value for word, value in named.items() if value is not None}}
    return space_of(recipe.model, settled, words, parts=parts)


@dataclass(frozen=True)
class _Fit:
    """How a trial is made."""

    optuna: Any
    recipe: Recipe
    space: Space
    cut: Split
    taught: Dataset
    """The training part as models are fitted on it."""
    by: str
    run: Run

    def next(self, search: Any) -> None:
        """Make a trial: ask what to try, fit, judge, and tell."""
        number = len(_counted(search))
        seed = int(generator(self.run.seed, "tune", str(number)).integers(1 << 31))
        search.sampler = self.optuna.samplers.TPESampler(seed=seed)
        if number == 0 and not search.get_trials(states=[self.optuna.trial.TrialState.WAITING]):
            search.enqueue_trial(self._defaults())
        trial = search.ask()
        fields = {name: dimension.asked(trial, name) for name, dimension in self.space.items()}
        trial.set_user_attr("fields", fields)
        began, failed = time.monotonic(), self.optuna.trial.TrialState.FAIL
        try:
            value = self._value(trial, fields)
        except self.optuna.TrialPruned:
            trial.set_user_attr("seconds", time.monotonic() - began)
            search.tell(trial, state=self.optuna.trial.TrialState.PRUNED)
        except PalateError as error:
            if number == 0 and len(self._defaults()) == len(self.space):  # then the request is wrong
                raise
            trial.set_user_attr("seconds", time.monotonic() - began)
            trial.set_user_attr("why", str(error))
            search.tell(trial, state=failed)
        else:
            trial.set_user_attr("seconds", time.monotonic() - began)
            search.tell(trial, value)

    def _defaults(self) -> dict[str, Any]:
        """Return the settings that the model has by itself, of those that are tried and may be tried with them."""
        model = self.recipe.build(self.cut.train.part_names())
        joined = described(model)
        given = {**dict(model.config), "align": joined.get("align"), "fuse": joined.get("fuse", Concat.name)}
        return {name: given[name] for name, dimension in self.space.items() if dimension.holds(given[name])}

    def _value(self, trial: Any, fields: Mapping[str, Any]) -> float:
        model = _with(self.recipe, fields).build(self.cut.train.part_names())
        watch = _Watch(trial, self.optuna.TrialPruned)
        with device_of(self.run):
            model.fit(self.taught, self.cut.valid, replace(self.run, trackers=(*self.run.trackers, watch)))
        value = float(evaluate(model, self.cut, 20, [self.by], on="valid", resamples=1).metrics[self.by])
        if np.isnan(value):
            raise PalateError(f"{self.by} was no number on validation")
        return value


class _Nothing(Config):
    """Nothing to set."""


class _Watch(Tracker[_Nothing]):
    """Reports how a network does on validation, and ends the training of one that falls behind."""

    name = "tuning"
    config_type = _Nothing

    def __init__(self, trial: Any, pruned: type[Exception]) -> None:
        super().__init__()
        self.trial, self.pruned = trial, pruned

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Take what validation says, where it was asked."""
        for name, value in figures.items():
            if name.startswith("valid "):
                self.trial.report(value, number)
                if self.trial.should_prune():
                    raise self.pruned


@contextmanager
def _opened(optuna: Any, study: Path | None, made_of: str) -> Iterator[Any]:
    """Yield the study that a folder keeps, or a new one; those of its trials that were broken off are done with."""
    pruner = optuna.pruners.MedianPruner(n_startup_trials=_WAIT, n_warmup_steps=_WAIT)
    common = {"study_name": "palate", "direction": "maximize", "load_if_exists": True, "pruner": pruner}
    if study is None:
        yield optuna.create_study(**common)
        return
    if study.exists() and not (study / _LOG).is_file() and (study.is_file() or any(_others(study))):
        raise ConfigError(f"{study} is no study, and is left as it is: give another --study")
    try:
        with locked(study / _LOCK, timeout=0):
            search = _going_on(optuna, study / _LOG, common)
            if search.user_attrs.get("made_of", made_of) != made_of:
                if _counted(search):
                    raise ConfigError(
                        f"the study {study} is of other data, settings, ranges, or another metric, split or seed: give "
                        "another --study, or remove it"
                    )
                (study / _LOG).unlink()  # a kill in its first trial left it
                search = _going_on(optuna, study / _LOG, common)
            search.set_user_attr("made_of", made_of)
            for trial in search.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
                search.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            try:
                yield search
            finally:
                if not _counted(search):
                    (study / _LOG).unlink()
    except Timeout as error:
        raise ConfigError(f"the study {study} is in use: wait for the other run, or give another --study") from error
    finally:
        with suppress(OSError):  # of a folder that is not empty, or not there
            study.rmdir()


def _going_on(optuna: Any, log: Path, common: Mapping[str, Any]) -> Any:
    """Return the study of a log, which may have been broken off or not be there yet."""
    _mend(log)
    backend = optuna.storages.journal.JournalFileBackend(str(log))
    return optuna.create_study(storage=optuna.storages.JournalStorage(backend), **common)


def _others(study: Path) -> Iterator[Path]:
    """Yield what lies in a folder beside our lock."""
    return (file for file in study.iterdir() if file.name != _LOCK)


def _mend(log: Path) -> None:
    """Put right what a kill, a full disk or a loss of power leaves: Optuna's own lock, and a last line without its end.

    Nobody else writes, since our lock is held; Optuna would wait for a lock that was left behind.
    """
    log.with_name(f"{log.name}.lock").unlink(missing_ok=True)
    if log.is_file() and not (content := log.read_bytes()).endswith(b"\n"):
        os.truncate(log, content.rfind(b"\n") + 1)


def _counted(search: Any) -> list[Any]:
    """Return the trials that came to an end, in order; those that were broken off failed for no reason, and are made again."""
    return [
        trial
        for trial in search.get_trials(deepcopy=False)
        if trial.state.name in ("COMPLETE", "PRUNED") or (trial.state.name == "FAIL" and "why" in trial.user_attrs)
    ]


def _told(trial: Any) -> Trial:
    state: Any = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed"}[trial.state.name]
    told = trial.user_attrs
    return Trial(told["fields"], state, trial.value, told["seconds"], told.get("why"))


def _best(search: Any) -> Trial | None:
    """Return the best trial that is done, of equals the first."""
    done = [trial for trial in map(_told, _counted(search)) if trial.state == "done"]
    return max(done, key=lambda trial: trial.value or 0.0) if done else None


def _keep_best(search: Any, recipe: Recipe, study: Path | None) -> Trial | None:
    """Return the best trial, written down as a recipe where there is a study to keep it."""
    best = _best(search)
    if study is not None and best is not None:
        _with(recipe, best.fields).save(study / _BEST)
    return best


def _with(recipe: Recipe, fields: Mapping[str, Any]) -> Recipe:
    """Return the recipe with settings that were tried."""
    settings = {**recipe.settings, **{name: value for name, value in fields.items() if name not in JOINS}}
    joined = {name: value for name, value in fields.items() if name in JOINS}
    return recipe.model_copy(update={"settings": settings, **joined})


def _library() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise missing_extra("optuna", "tune", "tuning") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
