"""How the time of lightgcn and umami grows with the number of interactions, on one core.

    OMP_NUM_THREADS=1 python benchmarks/speed/scaling.py [--sizes 10000,100000,1000000] [--epochs 2] [--out out/scaling.svg]

The likes are those of the generated world `shop`, drawn without its media: what people like by their tastes, with the traits of
the goods as parts. Each person has ten likes, so people grow with the likes; items grow with the root of their number. Measured are
an epoch (the middle one), a whole fit of so many epochs with its graphs, and an evaluation of the lists of all users by a tenth of the
likes held back. The exponent is the slope of the line through the logarithms: 1 means twice the likes take twice the time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.data.worlds._crowd import Crowd
from palate.data.worlds.shop import Goods, ShopConfig
from palate.evaluation import evaluate
from palate.evaluation._report_lines import Line, Plot, Spot
from palate.interfaces import Run
from palate.models import registry

EACH = 10
"""Likes of a person."""
MODELS = {"lightgcn": {}, "umami": {"late": 0.3}}
WHAT = ("epoch", "fit", "evaluate")


def world(likes: int) -> Split:
    """Return a shop of so many likes, split at random by user."""
    users, items = max(likes // EACH, 2), max(round(10 * likes**0.5), 40)
    config = ShopConfig(n_users=users, n_items=items, n_events=likes)
    goods = Goods(config)
    crowd = Crowd(config, goods)
    ids = IdMap(f"i{n}" for n in range(items))
    log = Interactions(crowd.user.astype(np.int32), crowd.item.astype(np.int32), np.ones(len(crowd.user), np.float32))
    parts = {name: features_of(values) for name, values in goods.traits().items() if name != "hidden"}
    data = Dataset(IdMap(f"u{n}" for n in range(users)), ids, log, bare_catalogue(ids), features=parts)
    return split(data, "random-per-user", 0)


def measured(name: str, cut: Split, epochs: int) -> dict[str, float]:
    """Return the seconds of an epoch, of a fit and of an evaluation."""
    model = registry.get(name)(epochs=epochs, **MODELS[name])
    start = time.perf_counter()
    model.fit(cut.train, None, Run(seed=0, threads=1))
    fit = time.perf_counter() - start
    epoch = median(figures["seconds"] for figures in model.history.figures)
    judged = evaluate(model, cut, 20, ["recall", "ndcg"], resamples=1).seconds["evaluate"]
    return {"epoch": epoch, "fit": fit, "evaluate": judged}


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return the slope of the logarithms.

    Example:
        >>> round(exponent([10, 100, 1000], [2, 20, 200]), 6)
        1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def plot(found: dict[str, dict[str, list[float]]], sizes: list[int], epochs: int) -> str:
    """Draw all times over all sizes, both by their logarithms."""
    across, upward = (
        np.log10(sizes),
        np.log10([s for kinds in found.values() for times in kinds.values() for s in times]),
    )
    left, right = np.floor(across.min()), max(np.ceil(across.max()), np.floor(across.min()) + 1)
    low, high = np.floor(upward.min()), max(np.ceil(upward.max()), np.floor(upward.min()) + 1)
    lines = []
    for name, kinds in found.items():
        for kind, seconds in kinds.items():
            spots = [
                Spot((x - left) / (right - left), y, y, y, f"{size:,} likes: {10**y:.3g} s")
                for x, y, size in zip(across, np.log10(seconds), sizes, strict=True)
            ]
            lines.append(Line(f"{name} {kind}: ^{exponent(sizes, seconds):.2f}", spots))
    powers = np.arange(left, right + 1)
    return Plot(
        title="Seconds by the number of likes, on one core",
        under=(
            f"epoch: one of {epochs}; fit: all of them, with the graphs; evaluate: lists of 20 for all users",
            f"a generated shop, {EACH} likes a person, items growing with the root of the likes; ^ is the fitted exponent",
        ),
        across="likes, by logarithm",
        upward="seconds, by logarithm",
        lines=lines,
        across_at=[(float((p - left) / (right - left)), f"{10**p:,.0f}") for p in powers],
        upward_at=[(float(p), f"{10.0**p:g}") for p in np.arange(low, high + 1)],
    ).svg(alone=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000", help="numbers of likes")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("out/scaling.svg"))
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    torch.set_num_threads(1)
    found = {name: {kind: [] for kind in WHAT} for name in MODELS}
    for name in MODELS:
        measured(name, world(min(sizes)), 1)  # compiles, where this machine has not yet
    for size in sizes:
        cut = world(size)
        for name in MODELS:
            for kind, seconds in measured(name, cut, options.epochs).items():
                found[name][kind].append(seconds)
            told = ", ".join(f"{kind} {seconds[-1]:.3g} s" for kind, seconds in found[name].items())
            print(
                f"{size:,} likes, {len(cut.train.users):,} people, {len(cut.train.items):,} items, {name}: {told}",
                flush=True,
            )
    slopes = {name: {kind: round(exponent(sizes, s), 3) for kind, s in kinds.items()} for name, kinds in found.items()}
    print(json.dumps({"sizes": sizes, "seconds": found, "exponents": slopes}, indent=1))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(plot(found, sizes, options.epochs), encoding="utf-8")
    print(options.out)


if __name__ == "__main__":
    main()
