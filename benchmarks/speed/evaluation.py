"""How fast an evaluation of 35,000 users and 18,000 items is beside the loops that one would write first.

    python benchmarks/speed/evaluation.py

The loops take a user at a time: one sorts each row, the other partitions it and sorts the best. They run on a sample of
the users, and their time is scaled up to all of them. All judge by recall@20 and ndcg@20 and must agree user by user.
peak_mb is how much the process grew: the first row counts what
the later ones find ready. The machine may be loaded: processor seconds are printed beside the wall clock's.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import psutil

from palate.core.config import Config
from palate.core.ids import IdMap
from palate.core.memory import PeakMemory
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.evaluation import Evaluation, evaluate
from palate.models import Model

USERS, ITEMS, EVENTS, K, SAMPLE = 35_000, 18_000, 280_000, 20, 400
BEYOND = ["coverage", "gini", "novelty", "popularity-bias"]


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


def sorted_best(scores: np.ndarray) -> np.ndarray:
    return np.argsort(-scores, kind="stable")[:K]


def partitioned_best(scores: np.ndarray) -> np.ndarray:
    best = np.argpartition(-scores, K)[:K]
    return best[np.argsort(-scores[best], kind="stable")]


def by_user(
    model: LowRank, cut: Split, users: np.ndarray, best: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The reference: plain numpy, one user after the other."""
    seen, liked = cut.train.seen, cut.test.liked
    recalls, gains = [], []
    for user in users:
        met = seen.indices[seen.indptr[user] : seen.indptr[user + 1]]
        wanted = np.setdiff1d(liked.indices[liked.indptr[user] : liked.indptr[user + 1]], met)
        scores = model.left[user] @ model.right
        scores[met] = -np.inf
        found = np.isin(best(scores), wanted)
        ideal = (1 / np.log2(np.arange(2, min(len(wanted), K) + 2))).sum()
        recalls.append(found.sum() / len(wanted))
        gains.append((found / np.log2(np.arange(2, K + 2))).sum() / ideal)
    return np.array(recalls), np.array(gains)


def timed(task: Callable[[], object]) -> tuple[object, dict[str, float]]:
    with PeakMemory() as peak:
        start, busy = time.perf_counter(), time.process_time()
        result = task()
        spent = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - busy}
    return result, {**{key: round(value, 2) for key, value in spent.items()}, "peak_mb": round(peak.peak_mb)}


def profiled(model: LowRank, cut: Split) -> list[str]:
    """Where the time goes on one core, the largest shares first."""
    profile = cProfile.Profile()
    with patch("palate.linalg.parallel.cores", return_value=1):
        profile.runcall(evaluate, model, cut, K)
    stats = pstats.Stats(profile).stats
    total = sum(each[2] for each in stats.values())
    rows = sorted(((each[2], name) for name, each in stats.items()), reverse=True)[:6]
    return [f"{100 * spent / total:.0f} % {Path(file).name}:{name}" for spent, (file, _, name) in rows]


def main() -> None:
    cut = world()
    model = LowRank().fit(cut.train)
    tasks = {"recall, ndcg": ["recall", "ndcg"], "accuracy": ["accuracy"], "accuracy, beyond": ["accuracy", *BEYOND]}
    rows = []
    found: Evaluation | None = None
    for label, metrics in tasks.items():
        result, spent = timed(lambda metrics=metrics: evaluate(model, cut, K, metrics))
        assert isinstance(result, Evaluation)
        found = found or result
        rows.append({"metrics": label, **spent})
    process_mb = psutil.Process().memory_info().rss / (1 << 20)
    assert found is not None
    users = found.user_codes[:: max(1, found.users // SAMPLE)]
    loops = {}
    for label, best in (("sort", sorted_best), ("partition", partitioned_best)):
        values, spent = timed(lambda best=best: by_user(model, cut, users, best))
        for name, mine in zip(("recall@20", "ndcg@20"), values, strict=True):
            assert np.allclose(mine, found.per_user[name][:: max(1, found.users // SAMPLE)], atol=1e-9)
        scale = found.users / len(users)
        loops[label] = {key: round(scale * spent[key], 1) for key in ("seconds", "processor_seconds")}
    for row in rows:
        for label, loop in loops.items():
            row[f"times_faster_than_{label}"] = round(loop["seconds"] / row["seconds"], 1)
    about = {
        "users": found.users,
        "items": ITEMS,
        "process_mb": round(process_mb),
        "loops_timed_on_users": len(users),
        "loops_scaled": loops,
    }
    print(json.dumps({**about, "rows": rows, "profile_of_accuracy": profiled(model, cut)}, indent=2))


if __name__ == "__main__":
    main()
