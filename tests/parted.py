"""Parts of chance with holes, and a shop that they belong to: what aligners and fusions are held to."""

from __future__ import annotations

import numpy as np

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable, features_of
from palate.data.interactions import Interactions

WIDTHS = {"equal": {"b": 6, "a": 6, "c": 6}, "unequal": {"b": 6, "a": 9, "c": 3}}


def shop(n, trained=None):
    item = np.arange(n if trained is None else trained, dtype=np.int32)
    user, item = np.concatenate([item % 5, (item // 5) % 5]), np.concatenate([item, item])
    ids = IdMap(f"i{code}" for code in range(n))
    rows = Interactions(user.astype(np.int32), item, np.ones(len(item), np.float32))
    return Dataset(IdMap(f"u{code}" for code in range(5)), ids, rows, bare_catalogue(ids))


def some_parts(widths, n=50, seed=0, rubbish=0.0):
    parts = {}
    for name, width in widths.items():
        rng = np.random.default_rng([seed, ord(name)])
        values = (3 + 5 * rng.normal(size=(n, width))).astype(np.float32)
        present = rng.random(n) < 0.7
        values[~present] = rubbish
        parts[name] = FeatureTable(values, present, f"{name} {seed}")
    return parts


def standardised(rows):
    """Rows whose columns have mean 0 and deviation 1, each of length one then."""
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def lonely():
    """A part with a dimension that never varies, and one that a single thing has."""
    values = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    values[:, 2] = 0.1
    alone = np.full((20, 4), np.nan)
    alone[3] = 5
    return {"a": features_of(values), "b": features_of(alone)}


def changed_later(parts, row, factor):
    """The same parts with other numbers from a row on."""
    other = {name: FeatureTable(table.values.copy(), table.present, table.source) for name, table in parts.items()}
    for table in other.values():
        table.values[row:] *= factor
    return other


WRONG = (
    (lambda parts: {}, "at least one part"),
    (lambda parts: {"z": parts["a"]}, r"'z'.*allowed: a, b, c"),
    (lambda parts: some_parts({"a": 5}), "5 dimensions"),
    (lambda parts: {**parts, "a": parts["a"].take(np.arange(3))}, "same rows"),
)
"""What cannot be read by one who was fitted on the parts a, b and c, and a piece of the reason."""


def same(left, right):
    """Tell whether two sets of parts are equal to the bit: names in their order, what is there, what of it is known, values."""
    return list(left) == list(right) and all(
        np.array_equal(left[name].present, right[name].present)
        and np.array_equal(left[name].known, right[name].known)
        and np.array_equal(left[name].values, right[name].values)
        for name in left
    )
