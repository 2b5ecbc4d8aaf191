"""How fast a training step of lightgcn and freedom is beside a plain one, on one core, making graphs excluded.

    python benchmarks/speed/training.py [--seconds 10]

Both take steps of BPR on 2,048 likes over the same graphs with the same widths. The reference is `reference_training.py`. The
data are those of TikTok from PALATE_TEST_DATA where they are there, else a generated log of that size. Printed are the
middle step of each, the ratio, and where ours goes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import scipy.sparse as sp
import torch
from reference_training import Plain

from palate.core.ids import IdMap
from palate.data import folder
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions
from palate.data.sources import registry as sources
from palate.data.split import split
from palate.models import FREEDOM, LightGCN
from palate.models._deep_parts import likeness, prepared
from palate.nn.graph import bipartite
from palate.training.batches import Batches
from palate.training.samplers import registry as samplers

USERS, ITEMS, LIKES = 9_308, 6_710, 59_541


def generated() -> Dataset:
    """People and things as many as TikTok's, some things famous, with two parts of 128 numbers."""
    rng = np.random.default_rng(0)
    user = rng.integers(USERS, size=LIKES).astype(np.int32)
    item = (ITEMS * rng.random(LIKES) ** 2).astype(np.int32)
    ids = IdMap(f"i{n}" for n in range(ITEMS))
    parts = {
        name: FeatureTable(rng.normal(size=(ITEMS, 128)).astype(np.float32), np.ones(ITEMS, bool), name)
        for name in ("audio", "image")
    }
    log = Interactions(user, item, np.ones(LIKES, np.float32))
    return Dataset(IdMap(f"u{n}" for n in range(USERS)), ids, log, bare_catalogue(ids), features=parts)


def tiktok() -> Dataset | None:
    real = Path(os.environ.get("PALATE_TEST_DATA", "")) / "tiktok"
    if not real.is_dir():
        return None
    with tempfile.TemporaryDirectory() as place:
        sources.get("mmrec")().read(real, Path(place) / "ds")
        return split(folder.load(Path(place) / "ds"), "as-labelled").train


def timed(step: Callable[[], object], seconds: float) -> float:
    """Return the middle of the seconds that a step took, after three to warm up."""
    for _ in range(3):
        step()
    found, began = [], time.perf_counter()
    while time.perf_counter() - began < seconds or len(found) < 5:
        start = time.perf_counter()
        step()
        found.append(time.perf_counter() - start)
    return median(found)


class Ours:
    """Steps of a model as the loop takes them, and what each stage of them takes."""

    def __init__(self, model: LightGCN | FREEDOM, train: Dataset) -> None:
        self.network = model._network(train, np.random.default_rng(0))
        self.batches = Batches(train.liked, samplers.get("uniform")(), model.config.batch_size)
        self.optimizer = torch.optim.Adam(self.network.weights.parameters(), lr=1e-3, fused=True)
        self.rng, self.stages = np.random.default_rng(1), dict[str, list[float]]()
        self.left = self.batches.epoch(self.rng)

    def step(self) -> None:
        laps = [time.perf_counter()]
        batch = next(self.left, None)
        while batch is None or len(batch) < self.batches.size:
            self.left = self.batches.epoch(self.rng)
            batch = next(self.left)
        laps.append(time.perf_counter())
        total = sum(self.network.losses(batch, None).values())
        laps.append(time.perf_counter())
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        laps.append(time.perf_counter())
        self.optimizer.step()
        laps.append(time.perf_counter())
        for name, start, stop in zip(("draw", "forward", "backward", "adam"), laps, laps[1:], strict=False):
            self.stages.setdefault(name, []).append(1e3 * (stop - start))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    real = tiktok()
    train = generated() if real is None else real
    graph = bipartite(train.liked)
    ready = prepared(train.item_parts(), train, 512)
    warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0
    near = likeness(ready, dict.fromkeys(ready, 0.5), warm, 10, None)
    rows = []
    for model, items in ((LightGCN(), None), (FREEDOM(dropped=0.0, content=0.0), sp.csr_array(near))):
        config = model.config
        plain = timed(
            Plain(train.liked, graph, items, config.dim, config.layers, config.batch_size).step, options.seconds
        )
        ours = Ours(model, train)
        mine = timed(ours.step, options.seconds)
        stages = {name: round(median(times), 2) for name, times in ours.stages.items()}
        rows.append(
            {"model": model.name, "reference_ms": round(1e3 * plain, 1), "ours_ms": round(1e3 * mine, 1),
             "times_faster": round(plain / mine, 2), "stages_ms": stages}
        )  # fmt: skip
    print(
        json.dumps(
            {"data": "generated" if real is None else "tiktok", "likes": int(train.liked.nnz), "rows": rows}, indent=1
        )
    )


if __name__ == "__main__":
    main()
