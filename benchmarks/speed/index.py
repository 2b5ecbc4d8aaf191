"""How fast near vectors are found by the graph beside comparing all of them, and how many of them it finds.

    python benchmarks/speed/index.py [--vectors 100000] [--dim 128]

Vectors lie in clusters, as those of real media do. Both indexes answer the same queries in the same run, one query at a
time (as a service does) and a thousand at once; `times_faster` is the exact index's time over the graph's.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from palate.retrieval.indexes.exact import ExactIndex
from palate.retrieval.indexes.hnsw import HnswIndex

K, QUERIES, ALONE = 10, 1000, 100


def clustered(n, dim, centres, rng):
    values = centres[rng.integers(0, len(centres), n)] + 0.6 * rng.normal(size=(n, dim)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def recall(found, truth):
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found.items, truth.items, strict=True)]))


def asked_of(index, queries):
    """Return the seconds of a query, alone and among a thousand, and what was found."""
    index.search(queries[:1], K)
    alone, _ = timed(lambda: [index.search(queries[row : row + 1], K) for row in range(ALONE)])
    batch, found = timed(lambda: index.search(queries, K))
    return {"one at a time": alone / ALONE, "a thousand at once": batch / len(queries)}, found


def rates(seconds):
    return {how: round(1 / value) for how, value in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(1000, asked.dim)).astype(np.float32)
    vectors, queries = (clustered(n, asked.dim, centres, rng) for n in (asked.vectors, QUERIES))
    codes = np.arange(asked.vectors, dtype=np.int32)
    exact, graph = ExactIndex(), HnswIndex()
    build, _ = timed(lambda: graph.add(codes, vectors))
    exact_build, _ = timed(lambda: exact.add(codes, vectors))
    whole, truth = asked_of(exact, queries)
    rows = []
    for width in (64, 256):
        seconds, found = asked_of(HnswIndex(search_width=width).load_state(graph.state()), queries)
        faster = {how: round(whole[how] / seconds[how], 1) for how in whole}
        rows.append({"search_width": width, "recall@10": round(recall(found, truth), 4),
                     "queries_per_second": rates(seconds), "times_faster": faster})  # fmt: skip
    print(json.dumps({
        "vectors": asked.vectors, "dim": asked.dim, "k": K,
        "build_seconds": {"exact": round(exact_build, 2), "hnsw": round(build, 1)},
        "exact_queries_per_second": rates(whole), "hnsw": rows,
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
