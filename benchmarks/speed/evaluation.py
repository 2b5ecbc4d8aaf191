"""How fast an evaluation is beside the loop that one would write first: a user at a time, a full sort each.

    python benchmarks/speed/evaluation.py

Both judge the same ready scores by recall@20 and ndcg@20, and must agree.
"""

from __future__ import annotations

import json
import time

import numpy as np

from palate.core.config import Config
from palate.core.ids import IdMap
from palate.core.memory import PeakMemory
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.evaluation import evaluate
from palate.models import Model

USERS, ITEMS, EVENTS, K = 5_000, 8_000, 100_000, 20


class LowRank(Model[Config]):
    """Scores by the product of random vectors: cheap, so that the evaluation itself is what is measured."""

    name = "low-rank"
    config_type = Config

    def _fit(self, train, valid, run):
        rng = np.random.default_rng(run.seed)
        self.left = rng.normal(size=(len(train.users), 16)).astype(np.float32)
        self.right = rng.normal(size=(16, len(train.items))).astype(np.float32)

    def score(self, queries, items=None):
        return self.left[queries.user] @ self.right


def world() -> Split:
    rng = np.random.default_rng(0)
    user = rng.integers(USERS, size=EVENTS).astype(np.int32)
    item = np.minimum(rng.exponential(ITEMS / 8, size=EVENTS), ITEMS - 1).astype(np.int32)
    items = IdMap(f"i{n}" for n in range(ITEMS))
    log = Interactions(user, item, np.ones(EVENTS, np.float32))
    return split(Dataset(IdMap(f"u{n}" for n in range(USERS)), items, log, bare_catalogue(items)))


def by_user(model: LowRank, cut: Split) -> dict[str, float]:
    """The reference: plain numpy, one user after the other, the whole row sorted."""
    seen, liked = cut.train.seen, cut.test.liked
    recalls, gains = [], []
    for user in range(USERS):
        met = seen.indices[seen.indptr[user] : seen.indptr[user + 1]]
        wanted = np.setdiff1d(liked.indices[liked.indptr[user] : liked.indptr[user + 1]], met)
        if not len(wanted):
            continue
        scores = model.left[user] @ model.right
        scores[met] = -np.inf
        found = np.isin(np.argsort(-scores, kind="stable")[:K], wanted)
        ideal = (1 / np.log2(np.arange(2, min(len(wanted), K) + 2))).sum()
        recalls.append(found.sum() / len(wanted))
        gains.append((found / np.log2(np.arange(2, K + 2))).sum() / ideal)
    return {"recall@20": float(np.mean(recalls)), "ndcg@20": float(np.mean(gains))}


def main() -> None:
    cut = world()
    model = LowRank().fit(cut.train)
    names = ["recall", "ndcg"]
    evaluate(model, cut, k=K, metrics=names)
    start = time.perf_counter()
    reference = by_user(model, cut)
    slow = time.perf_counter() - start
    rows = []
    for label, metrics in (
        ("recall, ndcg", names),
        ("all metrics", [*names, "precision", "map", "mrr", "auc", "coverage"]),
    ):
        for memory in (32, 128):
            with PeakMemory() as peak:
                start = time.perf_counter()
                found = evaluate(model, cut, k=K, metrics=metrics, memory_mb=memory)
                quick = time.perf_counter() - start
            assert all(abs(found.metrics[name] - value) < 1e-9 for name, value in reference.items())
            rows.append({"metrics": label, "memory_mb": memory, "seconds": round(quick, 3),
                         "peak_mb": round(peak.peak_mb), "times_faster": round(slow / quick, 1)})  # fmt: skip
    print(json.dumps({"users": found.users, "items": ITEMS, "loop_seconds": round(slow, 3), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
