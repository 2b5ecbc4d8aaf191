"""umami where half of every part is hidden: what it loses of what content gives it, with and without modality dropout.

    python benchmarks/quality/modality_dropout.py --real FOLDER --out FOLDER [--publish docs/results]

What content gives is the whole parts' figure over that of parts dealt out anew among the items. umami is trained for a short time with
nothing beside it, as in `completion.py`; three seeds. A run whose figures are there, of the same code, is not made again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from completion import settings
from deep_code import code_of
from grounds import GROUNDS

from palate.complete._advice import DEFAULT
from palate.complete.graph import Graph
from palate.core.files import read_json, write_json, write_text
from palate.core.fingerprint import fingerprint
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.missing import with_missing
from palate.data.split import Split, split
from palate.evaluation import evaluate
from palate.interfaces import Run
from palate.models.umami import Umami

SHARE = 0.5
GROUNDS_HERE = ("tiktok", "movielens-posters, random")
SEEDS = (0, 1, 2)
DROPOUT = (0.0, 0.3, 0.5)
WHOLE, SHUFFLED = "whole", "shuffled"
"""With all parts, and with parts dealt out anew, so that they say nothing."""
FILE = "modality-dropout"


def main() -> int:
    """Run what is not there yet."""
    words = _words()
    place = words.publish / f"{FILE}.json"
    kept = read_json(place) if place.is_file() else {}
    for ground in words.grounds.split(";") if words.grounds else GROUNDS_HERE:
        cut = split(GROUNDS[ground].data(words.real, words.out), GROUNDS[ground].how, 0)
        for seed in SEEDS:
            for name, train, hidden in _cases(cut.train):
                model = Umami(**settings("umami", ground), hidden=hidden)
                made_of = fingerprint(model.spec(), code_of(model), cut.train.fingerprint, name, SHARE)
                key = f"{ground}|{name}|{seed}"
                if kept.get(key, {}).get("made_of") == made_of:
                    continue
                began = time.perf_counter()
                model.fit(train, cut.valid.with_features(**dict(train.features)), Run(seed=seed, threads=1))
                shown = Split(train, cut.valid, cut.test.with_features(**dict(train.features)), cut.how)
                found = evaluate(model, shown, 20, ["recall", "ndcg"], on="test", resamples=1).metrics
                kept[key] = {"made_of": made_of, "seconds": round(time.perf_counter() - began, 1), **found}
                write_json(place, dict(sorted(kept.items())))
                print(f"{key:50} {found['recall@20']:.4f} {found['ndcg@20']:.4f}", flush=True)
    write_text(words.publish / f"{FILE}.md", "\n".join(_page(kept)) + "\n")
    return 0


def _cases(train: Dataset) -> Iterator[tuple[str, Dataset, float]]:
    yield WHOLE, train, 0.0
    order = generator(0, "shuffled").permutation(len(train.items)).astype(np.int32)
    yield SHUFFLED, train.with_features(**{name: train.part(name).take(order) for name in train.part_names()}), 0.0
    holed = with_missing(train, train.part_names(), SHARE)
    for hidden in DROPOUT:
        yield f"half, hidden={hidden:g}", holed, hidden
    parts = holed.item_parts()
    filled = Graph(held_out=0).fit(parts, holed, generator(0, "complete", DEFAULT)).complete(parts)
    for hidden in DROPOUT[:2]:
        yield f"half, completed by {DEFAULT}, hidden={hidden:g}", holed.with_features(**filled), hidden


def _page(kept: dict[str, Any]) -> Iterator[str]:
    yield "# Modality dropout: half of every part hidden"
    yield ""
    yield "Made by `python benchmarks/quality/modality_dropout.py`; nothing here was typed. umami, trained for a short time with nothing beside it, on parts of"
    yield "which half the rows are hidden, each part for itself; Recall@20 on test, mean of three seeds. *Gain* is what whole parts give over parts dealt"
    yield "out anew among the items; *lost* the share of it that is gone. `hidden` is the share of parts that each step of the training hides;"
    yield f"*completed* are parts that `{DEFAULT}`, which is recommended, estimated before."
    yield ""
    yield "| data | parts | Recall@20 | seeds | lost of the gain |"
    yield "|---|---|---:|---|---:|"
    for ground in dict.fromkeys(key.split("|")[0] for key in kept):
        names = dict.fromkeys(key.split("|")[1] for key in kept if key.startswith(f"{ground}|"))
        values = {
            name: [kept[f"{ground}|{name}|{s}"]["recall@20"] for s in SEEDS if f"{ground}|{name}|{s}" in kept]
            for name in names
        }
        means = {name: float(np.mean(found)) for name, found in values.items()}
        if not {WHOLE, SHUFFLED} <= set(means):
            continue
        for name in [WHOLE, SHUFFLED, *sorted(set(names) - {WHOLE, SHUFFLED})]:
            lost = (means[WHOLE] - means[name]) / (means[WHOLE] - means[SHUFFLED])
            told = "–" if name in (WHOLE, SHUFFLED) else f"{lost:.0%}"
            seeds = ", ".join(f"{value:.4f}" for value in values[name])
            yield f"| {ground} | {name} | {means[name]:.4f} | {seeds} | {told} |"


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where imported data go")
    parser.add_argument("--grounds", default="", help="names, between semicolons; all by default")
    parser.add_argument("--publish", type=Path, default=Path(__file__).parents[2] / "docs" / "results")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
