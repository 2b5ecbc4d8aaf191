"""How fast a training step of lightgcn and freedom is beside a plain one, on one core, making graphs excluded.

    python benchmarks/speed/training.py [--seconds 10]

Both take steps of BPR on 2,048 likes over the same graphs with the same widths. The reference is `reference_training.py`. The
data are TikTok and Amazon Baby (likes alone, so only lightgcn) from PALATE_TEST_DATA, or where neither is there a generated log
of the size of TikTok. Printed are the middle step of each, the ratio, and where ours goes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
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


def real() -> Iterator[tuple[str, Dataset]]:
    """Yield what there is of the real data, by name."""
    for name in ("tiktok", "amazon-baby"):
        folder_of = Path(os.environ.get("PALATE_TEST_DATA", "")) / name
        if folder_of.is_dir():
            with tempfile.TemporaryDirectory() as place:
                sources.get("mmrec")().read(folder_of, Path(place) / "ds")
                yield name, split(folder.load(Path(place) / "ds"), "as-labelled").train


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
    for name, train in list(real()) or [("generated", generated())]:
        rows = list(compared(train, options.seconds))
        print(json.dumps({"data": name, "likes": int(train.liked.nnz), "rows": rows}, indent=1))


def compared(train: Dataset, seconds: float) -> Iterator[dict[str, object]]:
    """Yield how our steps and plain ones go on some data: of freedom too where there are parts."""
    graph, near = bipartite(train.liked), None
    models: list[LightGCN | FREEDOM] = [LightGCN()]
    if train.part_names():
        ready = prepared(train.item_parts(), train, 512)
        warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0
        near = sp.csr_array(likeness(ready, dict.fromkeys(ready, 0.5), warm, 10, None))
        models.append(FREEDOM(dropped=0.0, content=0.0))
    for model in models:
        config, items = model.config, near if isinstance(model, FREEDOM) else None
        plain = timed(Plain(train.liked, graph, items, config.dim, config.layers, config.batch_size).step, seconds)
        ours = Ours(model, train)
        mine = timed(ours.step, seconds)
        stages = {name: round(median(times), 2) for name, times in ours.stages.items()}
        yield {
            "model": model.name, "reference_ms": round(1e3 * plain, 1), "ours_ms": round(1e3 * mine, 1),
            "times_faster": round(plain / mine, 2), "stages_ms": stages,
        }  # fmt: skip


if __name__ == "__main__":
    main()
