"""How fast als and bpr are beside the library implicit, and whether their lists are as good.

    python benchmarks/speed/factors.py [--baby]

Both fit the same likes with the same settings on all cores, theirs with its BLAS on one thread, as it asks for; compiling
our loops and loading both libraries is done before, on a tiny matrix. Our evaluator judges both by the test part, implicit
by its exported factors. The data are a generated million; with --baby, Amazon Baby from PALATE_TEST_DATA, with the
settings that did best there on validation, chosen among a handful for each library.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from threadpoolctl import threadpool_limits

from palate.core.config import Config
from palate.core.cores import cores
from palate.core.ids import IdMap
from palate.data import folder
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.data.sources import registry as sources
from palate.data.split import Split, split
from palate.evaluation import evaluate
from palate.models import ALS, BPR, Model

USERS, ITEMS, EVENTS, KINDS, REPEATS = 30_000, 20_000, 1_000_000, 40, 2
SAME = {
    "als": {"dim": 64, "epochs": 10, "reg": 30.0, "alpha": 10.0},
    "bpr": {"dim": 64, "epochs": 30, "lr": 0.05, "reg": 0.01},
}
BEST_ON_BABY = {
    "ours": {
        "als": {"dim": 256, "epochs": 10, "reg": 200.0, "alpha": 40.0},
        "bpr": {"dim": 128, "epochs": 150, "lr": 0.05, "reg": 0.03},
    },
    "implicit": {
        "als": {"dim": 256, "epochs": 10, "reg": 300.0, "alpha": 100.0},
        "bpr": {"dim": 128, "epochs": 150, "lr": 0.05, "reg": 0.06},
    },
}


def million() -> Split:
    """People who mostly like one kind of thing, some people busy, some things famous."""
    rng = np.random.default_rng(0)
    user = (USERS * rng.random(EVENTS) ** 1.5).astype(np.int32)
    kind = np.where(rng.random(EVENTS) < 0.7, user % KINDS, rng.integers(KINDS, size=EVENTS))
    item = (KINDS * (ITEMS // KINDS * rng.random(EVENTS) ** 2).astype(np.int32) + kind).astype(np.int32)
    items = IdMap(f"i{n}" for n in range(ITEMS))
    log = Interactions(user, item, np.ones(EVENTS, np.float32))
    return split(Dataset(IdMap(f"u{n}" for n in range(USERS)), items, log, bare_catalogue(items)))


def baby() -> Split:
    with tempfile.TemporaryDirectory() as place:
        sources.get("mmrec")().read(Path(os.environ["PALATE_TEST_DATA"]) / "amazon-baby", Path(place) / "baby")
        return split(folder.load(Path(place) / "baby"), how="as-labelled")


class Theirs(Model[Config]):
    """A model of implicit, scored by its exported factors."""

    config_type = Config

    def __init__(self, name, settings):
        super().__init__()
        self.name, self.settings = name, settings

    def _fit(self, train, valid, run):
        said = {"factors": self.settings["dim"], "iterations": self.settings["epochs"],
                "regularization": self.settings["reg"], "num_threads": cores(), "random_state": 0}  # fmt: skip
        likes = sp.csr_matrix(train.liked)
        with threadpool_limits(1, "blas"):
            if self.name == "als":  # their confidence of a like is alpha, ours is 1 + alpha
                self.inner = AlternatingLeastSquares(**said, alpha=1 + self.settings["alpha"])
            else:
                self.inner = BayesianPersonalizedRanking(**said, learning_rate=self.settings["lr"])
            self.inner.fit(likes, show_progress=False)
        self.warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0

    def score(self, queries, items=None):
        scores = self.inner.user_factors[queries.user] @ self.inner.item_factors.T
        scores[:, ~self.warm] = np.nan
        return scores if items is None else scores[:, items]


def ours(name, settings):
    return (ALS if name == "als" else BPR)(**settings)


def measured(make, cut):
    """Return the quickest of several fits, and how its lists are."""
    seconds = []
    for _ in range(REPEATS):
        model = make()
        start = time.perf_counter()
        model.fit(cut.train)
        seconds.append(time.perf_counter() - start)
    found = evaluate(model, cut, k=20, metrics=("recall", "ndcg"), resamples=1).metrics
    return min(seconds), {name: round(value, 4) for name, value in found.items()}


def main() -> None:
    on_baby = "--baby" in sys.argv[1:]
    cut = baby() if on_baby else million()
    best = BEST_ON_BABY if on_baby else {"ours": SAME, "implicit": SAME}
    few = cut.train.with_interactions(cut.train.interactions.take(np.arange(2_000)))
    rows = []
    for name in SAME:
        for warm in (ours(name, {**SAME[name], "epochs": 1}), Theirs(name, {**SAME[name], "epochs": 1})):
            warm.fit(few)
        mine, my_lists = measured(lambda name=name: ours(name, best["ours"][name]), cut)
        yours, your_lists = measured(lambda name=name: Theirs(name, best["implicit"][name]), cut)
        rows.append({"model": name, "settings": best["ours"][name], "seconds": round(mine, 2), **my_lists,
                     "implicit": {"settings": best["implicit"][name], "seconds": round(yours, 2), **your_lists},
                     "ratio": round(mine / yours, 2)})  # fmt: skip
        assert on_baby or mine <= 1.5 * yours, f"{name} took {mine:.2f} s, implicit {yours:.2f} s"
    print(json.dumps({"data": cut.train.name, "likes": cut.train.liked.nnz, "cores": cores(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
