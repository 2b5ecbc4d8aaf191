"""How fast slim is beside scikit-learn's elastic net, item by item.

    python benchmarks/speed/slim.py

The reference solves some of the items, each over all others (its coordinate descent is compiled too, and reads the sparse
matrix); ours solves all of them. Weights must agree.
"""

from __future__ import annotations

import json
import time
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import ElasticNet

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.models import SLIM

USERS, ITEMS, EVENTS, ASKED = 6_000, 3_000, 200_000, 30
L1, REG = 1.0, 20.0


def world() -> Dataset:
    """People of ten tastes, things of uneven fame."""
    rng = np.random.default_rng(0)
    user = rng.integers(0, USERS, EVENTS)
    item = (ITEMS * rng.random(EVENTS) ** 2).astype(np.int64)
    item = np.where(rng.random(EVENTS) < 0.7, item - item % 10 + user % 10, item).clip(0, ITEMS - 1)
    items = IdMap(f"i{n}" for n in range(ITEMS))
    log = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(EVENTS, np.float32))
    return Dataset(IdMap(f"u{n}" for n in range(USERS)), items, log, bare_catalogue(items))


def by_scikit_learn(liked, item):
    """The reference; its loss is divided by the number of users."""
    matrix = sp.csc_matrix(liked.astype(np.float64))
    target = matrix[:, [item]].toarray().ravel()
    matrix.data[matrix.indptr[item] : matrix.indptr[item + 1]] = 0
    model = ElasticNet((L1 + REG) / USERS, l1_ratio=L1 / (L1 + REG), fit_intercept=False, positive=True, tol=1e-6)
    return model.fit(matrix, target).coef_


def main() -> None:
    data = world()
    asked = np.linspace(0, ITEMS - 1, ASKED).astype(int)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it has not quite converged, the comparison below says so
        expected = np.array([by_scikit_learn(data.liked, item) for item in asked])
    slow = (time.process_time() - start) / ASKED
    SLIM(neighbours=1).fit(data)  # compiles, where this machine has not yet
    begun, start = time.perf_counter(), time.process_time()
    model = SLIM(l1=L1, reg=REG).fit(data)
    seconds, processor = time.perf_counter() - begun, time.process_time() - start
    print(json.dumps({
        "likes": data.liked.nnz, "items": ITEMS, "weights": model.graph.nnz, "fit_seconds": round(seconds, 2),
        "processor_ms_per_item": {"scikit-learn": round(1e3 * slow, 2), "slim": round(1e3 * processor / ITEMS, 3)},
        "times_less_processor": round(slow / (processor / ITEMS), 1),
        "largest_difference_of_weights": float(np.abs(model.into[asked].toarray() - expected).max()),
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
