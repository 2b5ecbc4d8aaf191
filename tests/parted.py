"""Parts of chance with holes, and a shop that they belong to: what aligners and fusions are held to."""

from __future__ import annotations

import numpy as np

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
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
