"""How fast item-knn is beside plain scipy, on a million interactions.

    python benchmarks/speed/item_knn.py

The reference writes the formula down as one would: a sparse product, scaled, and one more for the scores. Both fit and
both score the same 2,000 users, and must agree. With `neighbours` the fit also cuts each row to its best, which the
reference does by a partition of each row. Processor time is what a busy machine does not blur.
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


def cut(gram, k):
    """The reference cut, in place: the k best of each row."""
    for row in range(gram.shape[0]):
        values = gram.data[gram.indptr[row] : gram.indptr[row + 1]]
        if len(values) > k:
            values[np.argpartition(values, len(values) - k)[:-k]] = 0
    gram.eliminate_zeros()
    return gram


def best_of(work, repeats=REPEATS):
    """Return the quickest of several runs by the clock and by the processor, the result, and the peak of the first."""
    seconds, processor, peak = [], [], 0.0
    for number in range(repeats):
        result = None
        with PeakMemory() as memory:
            start, begun = time.perf_counter(), time.process_time()
            result = work()
            seconds.append(time.perf_counter() - start)
            processor.append(time.process_time() - begun)
        peak = memory.peak_mb if number == 0 else peak
    return min(seconds), min(processor), result, round(peak)


def main() -> None:
    data = world()
    users = np.arange(0, USERS, USERS // ASKED, dtype=np.int32)
    queries = Queries.of_users(data, users)
    ItemKNN(neighbours=1).fit(data)  # compiles, where this machine has not yet
    rows = []
    for neighbours in (0, 100):
        slow = best_of(lambda n=neighbours: cut(by_formula(data.liked), n) if n else by_formula(data.liked))
        slow_score = best_of(lambda gram=slow[2]: (gram @ queries.history.T).T.toarray())
        fit = best_of(lambda n=neighbours: ItemKNN(shrink=SHRINK, user_power=POWER, neighbours=n).fit(data))
        score = best_of(lambda model=fit[2]: model.score(queries))
        known = ~np.isnan(score[2])
        assert np.allclose(score[2][known], slow_score[2][known], rtol=1e-3, atol=2e-3 if neighbours else 1e-5)
        rows.append({"neighbours": neighbours or "all"} | beside("fit", fit, slow) | beside("score", score, slow_score))
    print(json.dumps({"likes": data.liked.nnz, "rows": rows}, indent=2))


def beside(what, ours, slow):
    """Return our time and memory and the ratio to the reference's."""
    return {
        f"{what}_seconds": round(ours[0], 3), f"{what}_times_faster": round(slow[0] / ours[0], 2),
        f"{what}_times_less_processor": round(slow[1] / ours[1], 2),
        f"{what}_peak_mb": ours[3], f"{what}_peak_mb_of_scipy": slow[3],
    }  # fmt: skip


if __name__ == "__main__":
    main()
