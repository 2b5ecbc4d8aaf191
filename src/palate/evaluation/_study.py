"""Every method of a comparison fitted and judged, what is done kept in a folder as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
from filelock import Timeout

from palate.core.errors import ConfigError, PalateError, StoreError
from palate.core.files import locked, read_json, write_json
from palate.core.fingerprint import fingerprint
from palate.core.progress import Advance, progress
from palate.data.split._base import Split
from palate.evaluation._drops import Drop
from palate.evaluation._kept import POINTS, RUNS, Keeper, file_name
from palate.evaluation._trial import Plan, Trial, _deviation, _mean, _Run, _run_once, _same
from palate.evaluation.missing import Point, _Judge, _point
from palate.evaluation.result import Evaluation
from palate.models import Model

T = TypeVar("T")
Kind: TypeAlias = Literal["early", "aligned", "late", "alone", "floor"]
"""early: one vector of the parts; aligned: the same, after the parts were brought into one space; late: one model a part,
their scores joined; alone: one part and no other; floor: no part at all."""
Key: TypeAlias = tuple[str, str]
"""Model and method."""
SHARES = (0.3, 0.6, 0.9)
_MARK, _LOCK = "study.json", ".lock"
_WHAT = "palate compare-fusion"


@dataclass(frozen=True)
class Method:
    """A way to join parts, in one model."""

    label: str
    """In the table."""
    kind: Kind
    build: Callable[[], Model[Any]]
    """To the model, not yet fitted; it may raise what is wrong."""
    parts: tuple[str, ...] | None = None
    """Those that it reads; None means all parts of items."""


@dataclass(frozen=True)
class Missing:
    """How parts go missing: so large a share of the rows of all parts, drawn so many times."""

    shares: tuple[float, ...] = SHARES
    draws: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", Drop((), self.shares).shares)
        if self.draws < 1:
            raise ConfigError(f"given {self.draws} draws of what goes missing: give at least one")


@dataclass(frozen=True, eq=False)
class Study:
    """Fits and judges on one split; `keeper` knows what is done."""

    split: Split
    plan: Plan
    by: str
    missing: Missing | None
    keeper: Keeper
    trials: dict[Key, Trial] = field(default_factory=dict)
    firsts: dict[Key, Evaluation] = field(default_factory=dict)
    """The test of each method's first seed."""
    failures: dict[Key, str] = field(default_factory=dict)
    curves: dict[Key, tuple[Point, ...]] = field(default_factory=dict)

    def run(self, methods: Mapping[str, Sequence[Method]]) -> None:
        """Go through all methods of all models; what one raises is noted, and the others go on."""
        pairs = [(model, method) for model, each in methods.items() for method in each]
        steps = 1 + len(self.missing.shares if self.missing else ())
        with progress("comparing fusions", len(pairs) * steps, "steps") as advance:
            for model, method in pairs:
                trial = _tried(partial(self._trial, model, method))
                if isinstance(trial, str):
                    self.failures[model, method.label] = trial
                else:
                    self.trials[model, method.label] = trial
                advance(1)
            for model, method in pairs if self.missing else ():
                if (model, method.label) in self.trials and method.kind != "floor":
                    self.curves[model, method.label] = self._curve(model, method, advance)
                else:
                    advance(steps - 1)

    def _trial(self, model: str, method: Method) -> Trial:
        runs: list[_Run] = []
        for seed in range(self.plan.seeds):
            runs.append(self._once(model, method, seed))
            if seed == 1 and _same(runs[0].test, runs[1].test):
                break
        self.firsts[model, method.label] = runs[0].test
        test = _mean([run.test for run in runs], self.plan)
        valids = [run.valid for run in runs if run.valid is not None]
        return Trial(
            model=runs[0].model,
            test=test,
            valid=_mean(valids, self.plan) if valids else None,
            std=_deviation([run.test for run in runs]),
            runs=len(runs),
            deterministic=_same(runs[0].test, runs[1].test) if len(runs) > 1 else None,
            seconds={"fit": float(np.mean([run.fit for run in runs])), "evaluate": test.seconds["evaluate"]},
            peak_mb=max(run.peak_mb for run in runs),
        )

    def _once(self, model: str, method: Method, seed: int) -> _Run:
        built = method.build()
        made_of = self._made_of(built, [seed])
        name = file_name(model, method.label, seed)
        kept = self.keeper.run(name, made_of, built)
        if kept is None:
            kept = replace(_run_once(lambda _: method.build(), seed, self.split, self.plan), model=built)
            self.keeper.keep_run(name, made_of, {"model": model, "method": method.label, "seed": seed}, kept)
        # of validation the means are enough
        valid = None if kept.valid is None else replace(kept.valid, per_user={}, weights={})
        return replace(kept, valid=valid)

    def _curve(self, model: str, method: Method, advance: Advance) -> tuple[Point, ...]:
        """Return what is left at each share, with the first seed; the first point has everything."""
        assert self.missing is not None
        whole = _mean([self.firsts[model, method.label]], self.plan)
        coverage = {part: table.coverage for part, table in self.split.train.item_parts(method.parts).items()}
        first = Point(0.0, coverage, dict(whole.metrics), {}, dict(whole.intervals), unscored=whole.unscored)
        points = [first]
        for share in self.missing.shares:
            found = _tried(partial(self._left, model, method, whole, tuple(coverage), share))
            points.append(Point(share, {}, error=found) if isinstance(found, str) else found)
            advance(1)
        return tuple(points)

    def _left(self, model: str, method: Method, whole: Evaluation, parts: tuple[str, ...], share: float) -> Point:
        assert self.missing is not None
        plan, draws = self.plan, self.missing.draws
        made_of = self._made_of(method.build(), [parts, share, draws, plan.resamples])
        name = file_name(model, method.label, f"{100 * share:g}")
        kept = self.keeper.point(name, made_of)
        if kept is None:
            judge = _Judge(
                lambda _: method.build(),
                self.split,
                plan.ks,
                plan.metrics,
                plan.protocol,
                0,
                plan.memory_mb,
                plan.threads,
            )
            kept = _point(judge, judge.fitted, whole, parts, share, draws, plan.resamples, lambda _: None)
            if kept.error is None:
                self.keeper.keep_point(name, made_of, {"model": model, "method": method.label}, kept)
        return kept

    def _made_of(self, built: Model[Any], more: Sequence[Any]) -> dict[str, str]:
        plan = self.plan
        return {
            "data": self.split.fingerprint,
            "settings": fingerprint(built.spec(), plan.ks, plan.metrics, plan.protocol, plan.threads, more),
            "palate": version("palate"),
        }


@contextmanager
def opened(split: Split, plan: Plan, by: str, missing: Missing | None, out: Path | None) -> Iterator[Study]:
    """Yield a study of this split, in a folder of its own where one is given.

    Raises:
        ConfigError: the folder is something else, a study of another split, or in use.
    """
    if out is None:
        yield Study(split, plan, by, missing, Keeper(None))
        return
    refuse_other(out)
    try:
        with locked(out / _LOCK, timeout=0):
            mark = {"what": _WHAT, "split": split.fingerprint, "how": split.how, "seed": split.seed}
            there = read_json(out / _MARK) if (out / _MARK).is_file() else mark
            if there != mark and kept_in(out):  # else a kill in the first run left it
                raise ConfigError(
                    f"{out} is a study of other data, or of another split, seed or rule for likes: give another --out, or "
                    "remove it"
                )
            write_json(out / _MARK, mark)
            try:
                yield Study(split, plan, by, missing, Keeper(out))
            finally:
                if not kept_in(out):
                    (out / _MARK).unlink(missing_ok=True)
    except Timeout as error:
        raise ConfigError(f"the study {out} is in use: wait for the other run, or give another --out") from error
    finally:
        with suppress(OSError):  # of a folder that is not empty, or not there
            out.rmdir()


def refuse_other(out: Path) -> None:
    """Refuse a place where something stands that is no study of fusions.

    Raises:
        ConfigError: a file, or a folder of something else.
    """
    if not out.exists():
        return
    if out.is_file() or ((out / _MARK).exists() and not _is_ours(out / _MARK)):
        raise ConfigError(f"{out} is no study of fusions, and is left as it is: give another --out")
    if not (out / _MARK).exists() and any(file.name != _LOCK for file in out.iterdir()):
        raise ConfigError(f"{out} is no study of fusions, and is left as it is: give another --out")


def kept_in(out: Path) -> int:
    """Return how many runs a folder keeps."""
    return sum(1 for kind in (RUNS, POINTS) for _ in (out / kind).glob("*.json"))


def _is_ours(mark: Path) -> bool:
    try:
        told = read_json(mark)
    except StoreError:
        return False
    return isinstance(told, dict) and told.get("what") == _WHAT


def _tried(make: Callable[[], T]) -> T | str:
    """Return what is made, or in one sentence why it cannot be."""
    try:
        return make()
    except StoreError:  # what is done could not be kept
        raise
    except (PalateError, MemoryError) as error:
        return " ".join(str(error).split()) or "not enough memory"
    except Exception as error:  # noqa: BLE001  one method's fault must not cost the others' figures
        return f"a fault in the method: {type(error).__name__}: {' '.join(str(error).split())}"
