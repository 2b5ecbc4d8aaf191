"""What is in a dataset, what is missing, broken, suspicious, leaking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from palate.clean._bots import of_bots
from palate.clean._files import of_files
from palate.clean._languages import languages
from palate.clean._leaks import of_split
from palate.clean._mismatch import of_mismatches
from palate.clean._near import of_near_duplicates
from palate.clean._outliers import of_outliers
from palate.clean._problem import Problem
from palate.clean._tables import of_catalogue, of_interactions
from palate.clean._texts import of_texts
from palate.core.errors import DataError, MissingExtraError
from palate.data import quarantine
from palate.data.dataset import Dataset
from palate.data.features import OF, Of, part_name
from palate.data.media import told_addresses, unfetched
from palate.data.split import split as cut
from palate.data.split._base import Split


@dataclass(frozen=True)
class CheckReport:
    """What `check` found."""

    name: str
    users: int
    items: int
    interactions: int
    liked: int
    positive: str
    density: float
    """Share of all pairs of user and item that met."""
    weights: Mapping[str, float]
    """min, mean and max."""
    times: Mapping[str, str]
    """first and last, as ISO 8601 in UTC; empty without times."""
    splits: Mapping[str, int]
    """Rows in train, valid and test; empty where the data bring no split."""
    coverage: Mapping[str, float]
    """Part, or column of text or media -> share of the items (users, interactions) that have it."""
    coverage_of: Mapping[str, str]
    """Whose each of them is: items, users or interactions."""
    languages: Mapping[str, Mapping[str, float]]
    """Column of text -> language (ISO 639-1, "?" where it cannot be told) -> share of a sample of its texts."""
    problems: tuple[Problem, ...]
    set_aside: Mapping[str, int]
    """Reason -> rows and files in the quarantine."""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain = {key: value for key, value in vars(self).items() if key not in ("problems", "notes")}
        plain = {key: dict(value) if isinstance(value, Mapping) else value for key, value in plain.items()}
        return {**plain, "problems": [found.as_dict() for found in self.problems], "notes": list(self.notes)}


def check(data: Dataset, split: Split | None = None, media: bool = True, noise: bool = True) -> CheckReport:
    """Look a dataset over.

    Args:
        data: what to look at.
        split: how it is cut; None takes the split column, where there is one.
        media: whether to open every media file.
        noise: whether to look for bots, near-duplicates, outliers, and vectors that do not go with the item's others.
    """
    notes = _addresses(data)
    if split is None and data.interactions.column("split") is not None:
        try:
            split = cut(data, "as-labelled")
        except DataError as error:
            notes.append(str(error))
    problems = of_interactions(data) + of_catalogue(data)
    spoilt = of_texts(data)
    if noise:
        twice, uncompared = _near(data, media)
        problems += of_bots(data) + twice
        spoilt += [*of_outliers(data), *of_mismatches(data)]
        notes += uncompared
    if media:
        broken, unseen = of_files(data)
        spoilt = broken + spoilt
        notes += unseen
    problems += [each for found in spoilt for each in found.problems(data)]
    if split is not None:
        leaks, told = of_split(split, media)
        problems += leaks
        notes += told
    events = data.interactions
    pairs = len(data.users) * len(data.items)
    return CheckReport(
        data.name,
        len(data.users),
        len(data.items),
        len(events),
        int(data.liked_rows.sum()),
        data.positive.rule,
        data.seen.nnz / pairs if pairs else 0.0,
        _weights(data),
        _times(data),
        {} if split is None else {part: len(getattr(split, part).interactions) for part in ("train", "valid", "test")},
        coverage(data),
        {**{name: of for name, (of, _) in _columns(data).items()}, **{n: t.of for n, t in data.features.items()}},
        languages(data),
        tuple(problems),
        {} if data.root is None else quarantine.reasons(quarantine.read(data.root)),
        tuple(notes),
    )


def _near(data: Dataset, media: bool) -> tuple[list[Problem], list[str]]:
    """Find near-duplicates; where files cannot be compared, a note says so."""
    try:
        return of_near_duplicates(data, media), []
    except MissingExtraError as error:
        return [], [f"near-duplicates were not looked for: {error}"]


def coverage(data: Dataset) -> dict[str, float]:
    """Return for each part, and each column of text or media, the share of the items that have it.

    Of columns and parts of users and interactions it is the share of these. A part that is called like the column it
    was made from tells the share that could be encoded. An address whose file was not fetched is not the file.
    """
    shares = {name: 1 - column.null_count() / max(len(column), 1) for name, (_, column) in _columns(data).items()}
    return shares | {name: part.coverage for name, part in sorted(data.features.items())}


def _columns(data: Dataset) -> dict[str, tuple[Of, pl.Series]]:
    """Return each column of text or media by the name of its part, and whose it is; without addresses not fetched."""
    found: dict[str, tuple[Of, pl.Series]] = {}
    for of in OF:
        table = data.table_of(of)
        for name in table.content_columns:
            away = unfetched(table.paths(name), table.root)
            found[part_name(name, of)] = of, pl.select(pl.when(~away).then(table.table[name])).to_series()
    return found


def _addresses(data: Dataset) -> list[str]:
    """Tell how many values of each column of media are addresses that were not fetched."""
    notes = []
    for of in OF:
        table = data.table_of(of)
        for name in table.file_columns:
            n = int(unfetched(table.paths(name), table.root).sum())
            if n:
                told = told_addresses(n, part_name(name, of))
                notes.append(f"{told}, whose files are not here: 'palate data fetch' brings them")
    return notes


def _weights(data: Dataset) -> dict[str, float]:
    weight = data.interactions.weight
    if not len(weight):
        return {}
    return {"min": float(weight.min()), "mean": float(weight.mean(dtype=np.float64)), "max": float(weight.max())}


def _times(data: Dataset) -> dict[str, str]:
    time = data.interactions.time
    return {} if time is None or not len(time) else {"first": _iso(int(time.min())), "last": _iso(int(time.max()))}


def _iso(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s"
