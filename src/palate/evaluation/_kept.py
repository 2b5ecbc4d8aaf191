"""Runs that a folder keeps, each with fingerprints of what made it, so that none is made twice."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from palate.core.errors import StoreError
from palate.core.files import read_json, write_json
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.evaluation._trial import _Run
from palate.evaluation.missing import Point
from palate.evaluation.result import Evaluation
from palate.interfaces import Recommender

_WORDS = ("model", "on", "protocol", "how", "unscored", "seconds", "candidates", "cold", "compat", "notes")
_LACKING = (KeyError, TypeError, AttributeError)
"""What it raises to read words that lack something, or hold something else."""
_PLAIN = re.compile(r"[\w.-]+( \+ [\w.-]+| alone)?|late [\w.-]+")
"""Names of what Palate compares, of parts with ordinary names."""
RUNS, POINTS = "runs", "missing"
"""The folders of a study that hold what is kept."""


@dataclass(frozen=True)
class Keeper:
    """A folder of runs and points of curves; none is kept where there is no folder.

    A run is `<model>.<method>.<seed>.json` and a safetensors file of the same name with the figures of each user; what
    was made of something else, or is damaged, counts as not there.
    """

    folder: Path | None

    def run(self, name: str, made_of: Mapping[str, str], model: Recommender) -> _Run | None:
        """Return a run if it is there and made of the same; `model` stands in for the fitted one, which is not kept."""
        meta = self._meta(RUNS, name, made_of)
        if meta is None or self.folder is None:
            return None
        try:
            state = State.load(self.folder / RUNS, name)
            if State(state.arrays).fingerprint != meta["per_user"]:
                return None
            valid = None if meta["valid"] is None else _evaluation(meta["valid"], state.nested("valid"))
            return _Run(model, _evaluation(meta["test"], state.nested("test")), valid, meta["fit"], meta["peak_mb"])
        except (StoreError, *_LACKING):
            return None

    def keep_run(self, name: str, made_of: Mapping[str, str], about: Mapping[str, Any], run: _Run) -> None:
        """Write a run down; `about` says for people what it is of."""
        if self.folder is None:
            return
        arrays = State().joined("test", _arrays(run.test))
        valid = run.valid
        if valid is not None:  # of validation the means are enough
            arrays = arrays.joined("valid", State({"users": valid.user_codes}))
        meta = {
            **about,
            "test": _told(run.test),
            "valid": None if valid is None else _told(valid),
            "fit": run.fit,
            "peak_mb": run.peak_mb,
            "per_user": State(arrays.arrays).fingerprint,
            "made_of": dict(made_of),
        }
        State(arrays.arrays, meta).save(self.folder / RUNS, name)

    def point(self, name: str, made_of: Mapping[str, str]) -> Point | None:
        """Return a point of a curve if it is there and made of the same."""
        meta = self._meta(POINTS, name, made_of)
        try:
            return None if meta is None else Point(**_back(meta["point"]))
        except _LACKING:
            return None

    def keep_point(self, name: str, made_of: Mapping[str, str], about: Mapping[str, Any], point: Point) -> None:
        """Write a point of a curve down."""
        if self.folder is not None:
            told = {**about, "point": plain(vars(point)), "made_of": dict(made_of)}
            write_json(self.folder / POINTS / f"{name}.json", told)

    def _meta(self, kind: str, name: str, made_of: Mapping[str, str]) -> dict[str, Any] | None:
        if self.folder is None:
            return None
        file = self.folder / kind / f"{name}.json"
        try:
            meta = read_json(file)
        except StoreError:
            return None
        return meta if isinstance(meta, dict) and meta.get("made_of") == dict(made_of) else None


def file_name(*words: object) -> str:
    """Return words as a file is named; one that others could be taken for ends in a fingerprint of it.

    Example:
        >>> file_name("content-knn", "cca + mean", 0)
        'content-knn.cca-mean.0'
        >>> file_name("a-b alone"), file_name("a b alone")
        ('a-b-alone', 'a-b-alone-27fb3a3f')
    """
    return ".".join(map(_file_word, map(str, words)))


def _file_word(word: str) -> str:
    told = re.sub(r"[^\w.-]+", "-", word)
    return told if _PLAIN.fullmatch(word) else f"{told}-{fingerprint(word)[:8]}"


def _told(found: Evaluation) -> dict[str, Any]:
    words = {word: getattr(found, word) for word in _WORDS}
    return {**words, "metrics": plain(found.metrics), "notes": list(found.notes), "seconds": dict(found.seconds)}


def _arrays(found: Evaluation) -> State:
    state = State({"users": found.user_codes})
    return state.joined("of", State(dict(found.per_user))).joined("weight", State(dict(found.weights)))


def _evaluation(told: Mapping[str, Any], state: State) -> Evaluation:
    found = Evaluation(
        metrics=_back(told["metrics"]), intervals={}, per_user=dict(state.nested("of").arrays),
        user_codes=state.arrays["users"], weights=dict(state.nested("weight").arrays),
        **{word: told[word] for word in _WORDS},
    )  # fmt: skip
    return replace(found, notes=tuple(found.notes))


def plain(value: Any) -> Any:
    """Return a value as JSON has it, which knows no NaN."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _back(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures with their NaN, and intervals as pairs."""
    return {key: _figure(value, key) for key, value in told.items()}


def _figure(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return _back(value)
    if isinstance(value, list):
        return tuple(_figure(each, key) for each in value)
    return float("nan") if value is None and key != "error" else value
