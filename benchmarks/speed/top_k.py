"""How fast the k best of each row are found beside a full stable sort of the row.

    python benchmarks/speed/top_k.py

Both must agree to the last tie. The rows are of scores that never tie, of scores that are nearly all zero (as those of
a neighbourhood model), and of scores of which a third cannot be given.
"""

from __future__ import annotations

import json
import time

import numpy as np

from palate.linalg.topk import top_k

ROWS, ITEMS, REPEATS = 1_000, 20_000, 5


def best_of(work, repeats=REPEATS):
    """Return the quickest of several runs, and the result."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def by_sorting(scores, k):
    """The reference: NaN last, the whole row sorted."""
    return np.argsort(np.where(np.isnan(scores), np.inf, -scores), axis=1, kind="stable")[:, :k]


def main() -> None:
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(ROWS, ITEMS)).astype(np.float32)
    kinds = {
        "no ties": plain,
        "99.95 % zero": np.where(rng.random(plain.shape) < 0.9995, np.float32(0), np.abs(plain)),
        "a third NaN": np.where(rng.random(plain.shape) < 1 / 3, np.float32(np.nan), plain),
    }
    rows = []
    for kind, scores in kinds.items():
        for k in (10, 100):
            slow, expected = best_of(lambda scores=scores, k=k: by_sorting(scores, k), 1)
            quick, found = best_of(lambda scores=scores, k=k: top_k(scores, k))
            assert np.array_equal(found.items, expected)
            rows.append({"scores": kind, "k": k, "seconds": round(quick, 4), "sort_seconds": round(slow, 3),
                         "times_faster": round(slow / quick, 1)})  # fmt: skip
    print(json.dumps({"rows": ROWS, "items": ITEMS, "results": rows}, indent=2))


if __name__ == "__main__":
    main()
