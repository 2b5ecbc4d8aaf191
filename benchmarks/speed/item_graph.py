"""The graph of nearest items by content: time beside plain chunked products, and the memory it takes.

    python benchmarks/speed/item_graph.py [--items 100000] [--dim 384] [--neighbours 10]

Three make the same graph of random unit vectors that lie in clusters, each in a process of its own, one after the other: `likeness`,
as the networks make it (uncached); plain numpy, blocks of products and argpartition; plain torch, blocks and topk. Blocks of the plain
ones are as large as ours (64 MiB). All must find the same neighbours. Memory is how much a process grew while it worked, the
vectors themselves (items x dim x 4 bytes) not counted. The target is below 2 GB for 100,000 x 384.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time

import numpy as np

from palate.core.memory import PeakMemory

BLOCK = 64 << 20
TARGET_MB = 2048


def vectors(items: int, dim: int) -> np.ndarray:
    """Return unit rows in clusters of some fifty."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(max(items // 50, 1), dim)).astype(np.float32)[rng.integers(max(items // 50, 1), size=items)]
    rows += rng.normal(size=(items, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ours(rows, k):
    from palate.models import _deep_parts

    _deep_parts._DEAR = float("inf")  # nothing is kept
    there = np.ones(len(rows), bool)
    graph = _deep_parts.likeness({"part": _deep_parts.Prepared(rows, there)}, {"part": 1.0}, there, k, None)
    return graph.indices.reshape(len(rows), k)


def by_numpy(rows, k):
    found = np.empty((len(rows), k), np.int32)
    step = BLOCK // (4 * len(rows))
    for start in range(0, len(rows), step):
        cosines = rows[start : start + step] @ rows.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -np.inf
        found[start : start + step] = np.argpartition(-cosines, k, axis=1)[:, :k]
    return found


def by_torch(rows, k):
    import torch

    whole, found = torch.from_numpy(rows), torch.empty((len(rows), k), dtype=torch.int64)
    step = BLOCK // (4 * len(rows))
    for start in range(0, len(rows), step):
        cosines = whole[start : start + step] @ whole.T
        cosines[torch.arange(len(cosines)), torch.arange(start, start + len(cosines))] = -torch.inf
        found[start : start + step] = cosines.topk(k, dim=1).indices
    return found.numpy()


KINDS = {"likeness": ours, "numpy": by_numpy, "torch": by_torch}


def measured(kind: str, items: int, dim: int, k: int) -> tuple[float, float, float, np.ndarray]:
    """Return seconds by the clock and by the processor, MiB, and the neighbours in order of their codes."""
    KINDS[kind](vectors(200, dim), k)  # loads what it needs
    rows = vectors(items, dim)
    with PeakMemory() as memory:
        start, begun = time.perf_counter(), time.process_time()
        found = KINDS[kind](rows, k)
        seconds, processor = time.perf_counter() - start, time.process_time() - begun
    return seconds, processor, memory.peak_mb, np.sort(found, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--neighbours", type=int, default=10)
    options = parser.parse_args()
    rows, graphs = [], {}
    for kind in KINDS:
        with multiprocessing.get_context("spawn").Pool(1) as alone:
            asked = (kind, options.items, options.dim, options.neighbours)
            seconds, processor, memory, graphs[kind] = alone.apply(measured, asked)
        rows.append(
            {
                "kind": kind,
                "seconds": round(seconds, 2),
                "processor_seconds": round(processor, 2),
                "peak_mb": round(memory),
            }
        )
    first = rows[0]
    for row in rows[1:]:
        row["ours_times_faster"] = round(row["seconds"] / first["seconds"], 2)
        row["ours_times_less_processor"] = round(row["processor_seconds"] / first["processor_seconds"], 2)
        same = float((graphs[row["kind"]] == graphs["likeness"]).mean())
        assert same > 0.9999, f"{row['kind']} found other neighbours: {same:.4%} are the same"
    told = {
        "items": options.items,
        "dim": options.dim,
        "neighbours": options.neighbours,
        "cores": len(os.sched_getaffinity(0)),
    }
    print(json.dumps({**told, "target_mb": TARGET_MB, "rows": rows}, indent=1))
    assert first["peak_mb"] < TARGET_MB, "more memory than the target"


if __name__ == "__main__":
    main()
