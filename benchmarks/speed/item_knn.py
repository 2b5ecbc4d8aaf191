"""How fast item-knn is beside plain scipy, on a million interactions.

    python benchmarks/speed/item_knn.py

The reference writes the formula down as one would: a sparse product, scaled, and one more for the scores. Both fit and
both score the same 2,000 users, and must agree.
"""

from __future__ import annotations

import json
import time

import numpy as np
import scipy.sparse as sp

from palate.core.ids import IdMap
from palate.core.memory import PeakMemory
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import ItemKNN

USERS, ITEMS, EVENTS, ASKED, REPEATS = 30_000, 20_000, 1_000_000, 2_000, 2
SHRINK, POWER = 100.0, 0.25


def world() -> Dataset:
    """People of uneven diligence, things of uneven fame."""
    rng = np.random.default_rng(0)
    user = (USERS * rng.random(EVENTS) ** 1.5).astype(np.int32)
    item = (ITEMS * rng.random(EVENTS) ** 2).astype(np.int32)
    items = IdMap(f"i{n}" for n in range(ITEMS))
    log = Interactions(user, item, np.ones(EVENTS, np.float32))
    return Dataset(IdMap(f"u{n}" for n in range(USERS)), items, log, bare_catalogue(items))


def by_formula(liked):
    """The reference fit."""
    degree = np.maximum(np.asarray(liked.sum(axis=1)), 1)
    scaled = sp.diags_array(degree.astype(np.float32) ** np.float32(-POWER)) @ liked
    gram = (scaled.T.tocsr() @ scaled).tocsr()
    length = np.sqrt(np.asarray(scaled.power(2).sum(axis=0)))
    row = np.repeat(np.arange(gram.shape[0]), np.diff(gram.indptr))
    gram.data /= length[row] * length[gram.indices] + SHRINK
    gram.data[row == gram.indices] = 0
    return gram


def best_of(work, repeats=REPEATS):
    """Return the quickest of several runs, the result, and the peak of the first."""
    seconds, peak = [], 0.0
    for number in range(repeats):
        result = None
        with PeakMemory() as memory:
            start = time.perf_counter()
            result = work()
            seconds.append(time.perf_counter() - start)
        peak = memory.peak_mb if number == 0 else peak
    return min(seconds), result, round(peak)


def main() -> None:
    data = world()
    users = np.arange(0, USERS, USERS // ASKED, dtype=np.int32)
    queries = Queries.of_users(data, users)
    slow_fit, gram, slow_peak = best_of(lambda: by_formula(data.liked))
    slow_score, expected, _ = best_of(lambda: (queries.history @ gram).toarray())
    rows = []
    for neighbours in (0, 100):
        fit, model, peak = best_of(
            lambda n=neighbours: ItemKNN(shrink=SHRINK, user_power=POWER, neighbours=n).fit(data)
        )
        score, found, _ = best_of(lambda model=model: model.score(queries))
        if neighbours == 0:
            known = ~np.isnan(found)
            assert np.allclose(found[known], expected[known], rtol=1e-3, atol=1e-5)
        rows.append({"neighbours": neighbours or "all", "fit_seconds": round(fit, 3), "fit_peak_mb": peak,
                     "fit_times_faster": round(slow_fit / fit, 2), "score_seconds": round(score, 3),
                     "score_times_faster": round(slow_score / score, 2)})  # fmt: skip
    print(json.dumps({
        "likes": data.liked.nnz, "pairs": gram.nnz,
        "scipy": {"fit_seconds": round(slow_fit, 3), "fit_peak_mb": slow_peak, "score_seconds": round(slow_score, 3)},
        "rows": rows,
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
