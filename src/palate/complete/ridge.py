"""From the other parts, by ridge regression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import PositiveInt

from palate.complete._base import Completer, CompleterConfig, Known
from palate.core.types import Doubles, Floats, Mask
from palate.data.dataset import Dataset

_REGS = np.logspace(-4, 3, 22)
"""Tried strengths, times the number of rows."""
_SETS = 32
"""Sets of other parts that get a map of their own, for each part, at most; beside those of one part."""


class RidgeConfig(CompleterConfig):
    """How wide it looks."""

    dim: PositiveInt = 256
    """Main directions of each other part that are read."""


class _Map(NamedTuple):
    """One ridge map: of which other parts, y = (x - middle) weights + constant, and its error as cross-validation sees it."""

    parts: tuple[int, ...]
    middle: Floats
    weights: Floats
    constant: Floats
    error: float


class Ridge(Completer[RidgeConfig]):
    """Foretell what a thing lacks from its other parts, by the linear map that errs least.

    For each set O of other parts that occurs, and for each alone, W = (X_O' X_O + r n I)^-1 X_O' Y on the trained things that have
    all of O and the part, with X_O along the main directions of each; r by generalised cross-validation, the least of
    n |Y - X_O W|^2 / (n - tr H)^2 (Golub, Heath and Wahba 1979, equation 1.4). A thing is given what the map says that errs
    least among those whose parts it has.

    Missing data:
        A thing without any other part stays without. Fewer than three things to learn from make no map.
    """

    name = "ridge"
    config_type = RidgeConfig
    paper: ClassVar[str] = "Hoerl and Kennard 1970; Golub, Heath and Wahba 1979"
    cost: ClassVar[str] = "n w² + w³"

    directions: Mapping[str, Floats]
    maps: Mapping[str, list[_Map]]
    """By part, the best first."""

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        self.directions = {name: things.directions(name, self.config.dim) for name in self.known_parts}
        inputs = {name: things.rows[name] @ self.directions[name] for name in self.known_parts}
        self.maps = {name: self._maps(name, inputs, things) for name in self.known_parts}

    def _maps(self, name: str, inputs: Mapping[str, Floats], things: Known) -> list[_Map]:
        found = []
        for others in _sets(name, self.known_parts, things):
            both = things.present[name] & np.all([things.present[other] for other in others], axis=0)
            if both.sum() > 2:
                x = np.hstack([inputs[other][both] for other in others])
                numbers = tuple(self.known_parts.index(other) for other in others)
                found.append(_Map(numbers, *_ridge(x, things.rows[name][both])))
        return sorted(found, key=lambda one: (one.error, one.parts))

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        values, told = np.zeros_like(things.rows[name]), np.zeros(len(things.codes), bool)
        for one in self.maps[name]:
            others = [self.known_parts[number] for number in one.parts]
            mine = np.all([things.present[other] for other in others], axis=0) & ~told
            if mine.any():
                x = np.hstack([things.rows[other][mine] @ self.directions[other] for other in others])
                values[mine] = (x - one.middle) @ one.weights + one.constant
                told |= mine
        return values, told

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {}
        for number, name in enumerate(self.known_parts):
            found[f"directions.{number}"] = self.directions[name]
            for place, one in enumerate(self.maps[name]):
                key = f"map.{number}.{place}"
                found[f"{key}.parts"] = np.asarray(one.parts, np.int64)
                found[f"{key}.middle"], found[f"{key}.weights"], found[f"{key}.constant"] = one[1:4]
                found[f"{key}.error"] = np.asarray([one.error])
        return found

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.directions = {name: arrays[f"directions.{number}"] for number, name in enumerate(self.known_parts)}
        self.maps = {name: _loaded(number, arrays) for number, name in enumerate(self.known_parts)}


def _loaded(number: int, arrays: Mapping[str, npt.NDArray[Any]]) -> list[_Map]:
    maps: list[_Map] = []
    while (key := f"map.{number}.{len(maps)}") + ".parts" in arrays:
        middle, weights, constant = (arrays[f"{key}.{word}"] for word in ("middle", "weights", "constant"))
        parts = tuple(int(part) for part in arrays[f"{key}.parts"])
        maps.append(_Map(parts, middle, weights, constant, float(arrays[f"{key}.error"][0])))
    return maps


def _sets(name: str, names: list[str], things: Known) -> list[tuple[str, ...]]:
    """Return the sets of other parts that things have, each part alone among them; the most frequent ones where they are many."""
    others = [other for other in names if other != name]
    if not others:
        return []
    has = np.column_stack([things.present[other] for other in others])
    counts = Counter(map(tuple, has.tolist()))
    frequent = [tuple(o for o, there in zip(others, row, strict=True) if there) for row, _ in counts.most_common(_SETS)]
    return sorted({*((other,) for other in others), *(one for one in frequent if one)})


def _ridge(x: Floats, y: Floats) -> tuple[Floats, Floats, Floats, float]:
    """Return middle, weights and constant of the ridge map of least generalised cross-validation, and that error a number."""
    n = len(x)
    middle, constant = x.mean(axis=0), y.mean(axis=0)
    centred, rest = (x - middle).astype(np.float64), (y - constant).astype(np.float64)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    values = np.maximum(values, 0)
    turned: Doubles = vectors.T @ (centred.T @ rest)
    energy, whole = np.square(turned).sum(axis=1), float(np.square(rest).sum())
    best = (np.inf, _REGS[-1] * n)
    for reg in _REGS * n:
        kept = 1 / (values + reg)
        lost = whole - float((energy * kept * (2 - values * kept)).sum())
        free = n - 1 - float((values * kept).sum())
        best = min(best, (n * max(lost, 0) / free**2, reg)) if free > 0 else best
    weights = vectors @ (turned / (values + best[1])[:, None])
    error = best[0] / y.shape[1] if np.isfinite(best[0]) else whole
    return middle, weights.astype(np.float32), constant, float(error)
