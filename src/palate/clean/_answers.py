"""Columns and parts that tell what the test holds: counted after the split was, in all likelihood, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.clean._problem import Problem, problem
from palate.core.progress import track
from palate.core.rng import generator
from palate.core.types import Codes, Mask
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.data.lazy import LazyRows
from palate.data.split._base import Split

_EXACT = 0.95
"""A column that equals a count over all parts for this share of those that test has, where training alone differs."""
_PARTIAL, _ERRORS = 0.4, 5
"""Partial rank correlation with the counts of test, given those of training, from which a column is told; and at least
so many standard errors, since the strongest of many columns is looked at."""
_FEWEST, _MOST = 50, 2_000
"""Items to correlate over: fewer say nothing, of more a sample."""
Doubles = npt.NDArray[np.float64]


def of_answers(split: Split, held_out: Codes | None = None) -> list[Problem]:
    """Find number columns of items and users, and parts of items, that follow the test part itself.

    Args:
        split: what to look at.
        held_out: the items of test that training never met, where the split is one that holds items out.
    """
    data, found = split.train, []
    sides: list[tuple[str, Catalogue | None, int]] = [
        ("item", data.catalogue, len(data.items)),
        ("user", data.people, len(data.users)),
    ]
    for side, table, n in sides:
        if table is None:
            continue
        for column in table.of_type("number"):
            values = table.table[column].cast(float).fill_null(float("nan")).to_numpy()
            found += _counted(split, side, n, column, values)
    told = {each.column for each in found}
    return found + [each for each in _following(split, held_out) if each.column not in told]


def _counted(split: Split, side: str, n: int, column: str, values: Doubles) -> list[Problem]:
    """Tell a column that equals something counted over the whole log, test included."""
    parts = (split.train, split.valid, split.test)
    whole = _statistics([part.interactions for part in parts], side, n)
    trained = _statistics([split.train.interactions], side, n)
    tested = np.zeros(n, dtype=bool)
    tested[getattr(split.test.interactions, side)] = True
    for name, all_of_it in whole.items():
        differs = tested & np.isfinite(values) & ~_equal(all_of_it, trained[name])
        if differs.sum() < 10 or len(np.unique(values[differs])) < 3:
            continue
        same = _equal(values, all_of_it) & differs
        if same.sum() >= _EXACT * differs.sum():
            ids = split.train.items if side == "item" else split.train.users
            what = f"'{column}' of {{n}} {side}s is their {name} in all of the log, test included"
            return problem("split-answer", what, ids.decode(np.flatnonzero(same)), column)
    return []


def _statistics(logs: list[Interactions], side: str, n: int) -> dict[str, Doubles]:
    code = np.concatenate([getattr(log, side) for log in logs])
    weight = np.concatenate([log.weight for log in logs]).astype(np.float64)
    count = np.bincount(code, minlength=n).astype(np.float64)
    total = np.bincount(code, weight, minlength=n)
    mean = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    found = {"number of interactions": count, "sum of weights": total, "mean weight": mean}
    times = [log.time for log in logs if log.time is not None]
    if len(times) == len(logs):
        last = np.full(n, np.nan)
        np.fmax.at(last, code, np.concatenate(times).astype(np.float64))
        found["last time"] = last
    return found


def _equal(one: Doubles, other: Doubles) -> Mask:
    """Return where two columns are the same to two decimal places, as a rounded mean would be."""
    return np.isclose(one, other, rtol=1e-6, atol=0.0051)


def _following(split: Split, held_out: Codes | None) -> list[Problem]:
    """Tell columns and parts that follow the test's counts where training's do not explain it.

    Of held-out items training counts nothing. A column that is honestly popular follows the counts of trained items as
    well; one that follows those of held-out items far better does not.
    """
    data = split.train
    n = len(data.items)
    train, test = (_counts(part, n) for part in (split.train, split.test))
    warm = _some(np.flatnonzero(train > 0) if held_out is not None else np.flatnonzero((train > 0) | (test > 0)))
    cold = _some(np.empty(0) if held_out is None else held_out)
    if len(warm) < _FEWEST or (held_out is not None and len(cold) < _FEWEST):
        return []
    found = []
    columns = list(data.catalogue.of_type("number")) + list(data.features)
    for column, what, values, present in track(_columns(data), "looking for answers", len(columns), "columns"):
        here, there = warm[present[warm]], cold[present[cold]]
        if held_out is None and len(here) >= _FEWEST:
            strongest = _strongest(_partial(values(here), test[here], train[here]))
            enough = _ERRORS / np.sqrt(len(here))
            how = f"beyond what training explains, partial rank correlation {strongest:.2f}"
        elif min(len(here), len(there)) >= _FEWEST:
            cold_ones = np.abs(_correlation(values(there), test[there]))
            strongest = _strongest(cold_ones - np.abs(_correlation(values(here), train[here])))
            enough = _ERRORS / np.sqrt(len(there))
            how = f"far better than training, rank correlations {strongest:.2f} apart"
        else:
            continue
        if abs(strongest) >= max(_PARTIAL, enough):
            told = f"{what} follows what test holds {how}: was it counted after the split?"
            found += problem("split-answer", told, [column], column)
    return found


def _some(rows: npt.NDArray[Any]) -> Codes:
    if len(rows) > _MOST:
        rows = np.sort(generator(0, "check", "answers").choice(rows, _MOST, replace=False))
    return rows.astype(np.int32)


def _columns(data: Dataset) -> Iterator[tuple[str, str, Callable[[Codes], Doubles], Mask]]:
    """Yield for each column and part its name, what to call it, its numbers of some rows, and which rows have any."""
    for name in data.catalogue.of_type("number"):
        whole = data.catalogue.table[name].cast(float).fill_null(float("nan")).to_numpy()
        yield name, f"'{name}'", partial(_read, whole[:, None]), np.isfinite(whole)
    for name, part in sorted(data.features.items()):
        if part.of == "items" and not isinstance(part.values, LazyRows):
            told = f"one of the numbers of the part '{name}'"
            yield name, told, partial(_read, part.values), part.present


def _read(values: npt.NDArray[Any], rows: Codes) -> Doubles:
    return values[rows].astype(np.float64)


def _strongest(values: Doubles) -> float:
    return float(values[np.argmax(np.abs(values))])


def _correlation(values: Doubles, counts: Doubles) -> Doubles:
    """Return Spearman's correlation of each column with counts; 0 where either never varies.

    Shapes:
        values: float64[n, d]; counts: float64[n] -> float64[d].
    """
    from scipy.stats import rankdata

    x, y = (_standard(rankdata(side, axis=0)) for side in (values, counts[:, None]))
    return np.asarray((x.T @ y)[:, 0] / len(x))


def _partial(values: Doubles, test: Doubles, train: Doubles) -> Doubles:
    """Return the partial Spearman correlation of each column with `test`, given `train`; 0 where there is none."""
    xy, xz = _correlation(values, test), _correlation(values, train)
    yz = float(_correlation(test[:, None], train)[0])
    rest = np.sqrt(np.maximum((1 - xz**2) * (1 - yz**2), 0))
    return np.asarray(np.divide(xy - xz * yz, rest, out=np.zeros_like(xy), where=rest > 1e-6))


def _standard(ranks: Doubles) -> Doubles:
    spread = ranks.std(axis=0)
    centred: Doubles = ranks - ranks.mean(axis=0)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))


def _counts(data: Dataset, n: int) -> Doubles:
    return np.bincount(data.interactions.item, minlength=n).astype(np.float64)
