"""What is done about scarce likes and unequal parts, each on and off: mixed parts, balanced draws, weights of parts, pseudo-labels.

    python benchmarks/quality/scarcity.py --real FOLDER --out FOLDER [--grounds tiktok] [--publish docs/results]

On short videos as they are, and on films where two thirds of the people keep one to three of their likes. Networks learn for few
epochs; validation picks the best of each method's strengths, the test compares it with the same model without, person by person. Each
ground leaves a JSON file in docs/results/scarcity, and what each person got in the folder of --out, so that a stopped run goes on;
`--publish` writes the page out of the files.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from deep_code import code_of, essence
from grounds import GROUNDS
from scarcity_table import file_of, write_page

import palate.training.pseudo_labels as labelling
from palate.core.files import read_json, write_json
from palate.core.fingerprint import fingerprint
from palate.data.dataset import Dataset
from palate.data.split import Split, split
from palate.evaluation import evaluate
from palate.interfaces import Run
from palate.metrics.significance import paired_test
from palate.models import registry

FEW = 3
"""Who has at most so many likes in training is looked at apart."""
ON = ("tiktok", "movielens-posters, random", "movielens-posters, cold-items")
OFF = "off"
_NETWORK = {"seconds": 120.0, "judge_every": 3, "patience": 4, "batch_size": 2048, "lr": 2e-3}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "umami": {**_NETWORK, "epochs": 30, "late": 0.0, "temperature": 0.2},
    "vbpr": {**_NETWORK, "epochs": 60, "lr": 5e-3},
    "lightgcn": {
        **_NETWORK,
        "epochs": 30,
        "loss": "sampled-softmax",
        "sampler": "in-batch",
        "cosine": True,
        "reg": 0.0,
    },
    "ease": {"reg": 100.0},
    "content-knn": {},
}
"""Short ones: they tell on from off, not what a model can do."""
MODELS = {
    "mixup": ("umami", "vbpr"),
    "balance_items": ("umami", "lightgcn"),
    "weights": ("content-knn", "umami"),
    "pseudo-labels": ("lightgcn", "ease", "umami"),
}
STRENGTHS: Mapping[str, Mapping[str, Any]] = {
    "mixup": {"0.2": 0.2, "1": 1.0},
    "balance_items": {"0.5": 0.5, "1": 1.0},
    "pseudo-labels": {"1": 1, "3": 3, "10": 10},
}
MEETS_NEW = {"umami", "vbpr", "content-knn"}
"""Models that can list items which nobody met; the others have nothing to say of films held out whole."""
METRICS = ("recall", "ndcg")


def main() -> int:
    """Run what is asked for and is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where imported data and what each person got go")
    parser.add_argument("--grounds", default=";".join(ON), help="names, between semicolons")
    parser.add_argument("--publish", type=Path, help="write the page there")
    words = parser.parse_args()
    for ground in words.grounds.split(";"):
        Bench(ground, words.real, words.out).run()
    if words.publish:
        print(write_page(words.publish))
    return 0


@dataclass
class Bench:
    """A ground, and what was found on it."""

    ground: str
    real: Path
    out: Path

    @cached_property
    def cut(self) -> Split:
        ground = GROUNDS[self.ground]
        cut = split(ground.data(self.real, self.out), ground.how, 0)
        return cut if self.ground == "tiktok" else replace(cut, train=thinned(cut.train))

    @cached_property
    def made_of(self) -> str:
        cut = self.cut
        parts = {name: table.source for name, table in cut.train.features.items()}
        return fingerprint([part.interactions.fingerprint for part in (cut.train, cut.valid, cut.test)], parts)

    @cached_property
    def tail(self) -> Split:
        """The split with a test of the items that training likes least, those with half of its likes together."""
        counts = np.bincount(self.cut.train.liked.indices, minlength=len(self.cut.train.items))
        order = np.argsort(counts, kind="stable")
        rare = np.zeros(len(counts), bool)
        rare[order[np.cumsum(counts[order]) <= counts.sum() / 2]] = True
        test = self.cut.test
        return replace(self.cut, test=test.take_interactions(rare[test.interactions.item]))

    def run(self) -> None:
        """Fit and judge what is not there yet."""
        file = file_of(self.ground)
        kept = read_json(file) if file.is_file() else {}
        cells = kept.get("cells", {})
        strengths = {**STRENGTHS, "weights": self.weights()}
        for method, names in MODELS.items():
            for name in names:
                if self.ground.endswith("cold-items") and name not in MEETS_NEW:
                    continue
                self.cell(cells, name, OFF, OFF, None)
                for strength, value in strengths[method].items():
                    self.cell(cells, name, method, strength, value)
                write_json(file, {"about": self.about(), "cells": dict(sorted(cells.items()))})

    def about(self) -> dict[str, Any]:
        """Return what the ground holds."""
        counts = np.diff(self.cut.train.liked.indptr)
        few = int(((counts > 0) & (counts <= FEW)).sum())
        return {
            "users": int((counts > 0).sum()),
            "few": few,
            "items": len(self.cut.train.items),
            "likes": int(counts.sum()),
        }

    def weights(self) -> dict[str, dict[str, float]]:
        """Return for each part the weights in which it counts four times as much as any other."""
        names = self.cut.train.part_names()
        return {f"4 x {name}": {other: 4.0 if other == name else 1.0 for other in names} for name in names}

    def cell(self, cells: dict[str, Any], name: str, method: str, strength: str, value: Any) -> None:
        """Fit a model in one way, judge it, and hold it against the same model without."""
        key = f"{name}|{method}|{strength}"
        given = {} if method in (OFF, "pseudo-labels") else {method: value}
        model = registry.get(name)(**{**SETTINGS[name], **given})
        labels = value if method == "pseudo-labels" else 0
        made_of = fingerprint(model.spec(), code_of(model), self.made_of, labels, essence(Path(labelling.__file__)))
        place = self.out / "scarcity" / file_of(self.ground).stem / f"{key.replace('|', '.').replace(' ', '-')}.npz"
        if cells.get(key, {}).get("made_of") == made_of and place.is_file():
            return
        began = time.process_time()
        train = labelling.pseudo_labels(self.cut.train, labels, most_likes=FEW) if labels else self.cut.train
        model.fit(train, self.cut.valid, Run(threads=1))
        seconds = time.process_time() - began
        found, each = self.judged(model)
        place.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(place, **each)
        against = {} if method == OFF else self.against(each, np.load(place.with_name(f"{name}.{OFF}.{OFF}.npz")))
        cells[key] = {"made_of": made_of, "seconds": round(seconds, 1), **found, "against": against}
        print(f"{self.ground:30} {key:40} {found['recall@20']:.4f} {seconds:.0f} s", flush=True)

    def judged(self, model: Any) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return figures of a fitted model, and what each person got."""
        valid = evaluate(model, self.cut, 20, METRICS, on="valid", resamples=1).metrics
        test = evaluate(model, self.cut, 20, (*METRICS, "coverage"), resamples=1)
        tail = evaluate(model, self.tail, 20, ("recall",), resamples=1)
        few = np.diff(self.cut.train.liked.indptr)[test.user_codes] <= FEW
        each = {"users": test.user_codes, "few": few, "tail users": tail.user_codes, "tail": tail.per_user["recall@20"]}
        each |= {metric: test.per_user[f"{metric}@20"] for metric in METRICS}
        figures = {f"{metric}@20": float(test.metrics[f"{metric}@20"]) for metric in METRICS}
        figures |= {f"few {metric}@20": float(each[metric][few].mean()) for metric in METRICS}
        figures |= {
            "coverage@20": float(test.metrics["coverage@20"]),
            "tail recall@20": float(tail.metrics["recall@20"]),
        }
        counts = {"users": test.users, "few users": int(few.sum()), "tail users": tail.users}
        return {"valid": float(valid["ndcg@20"]), **figures, "counts": counts}, each

    def against(self, mine: Mapping[str, Any], off: Mapping[str, Any]) -> dict[str, float]:
        """Return the p-values of paired tests against the same model without the method."""
        few = mine["few"]
        found = {f"{metric}@20": paired_test(mine[metric], off[metric]) for metric in METRICS}
        found |= {f"few {metric}@20": paired_test(mine[metric][few], off[metric][few]) for metric in METRICS}
        return {**found, "tail recall@20": paired_test(mine["tail"], off["tail"])}


def thinned(train: Dataset) -> Dataset:
    """Return training in which two users of three keep one to three of their likes, by chance, and nothing else that they did."""
    rng = np.random.default_rng(0)
    rows = train.interactions
    left = np.where(np.arange(len(train.users)) % 3 == 0, len(rows), rng.integers(1, FEW + 1, len(train.users)))
    order = rng.permutation(np.flatnonzero(train.liked_rows))
    order = order[np.argsort(rows.user[order], kind="stable")]
    _, starts, counts = np.unique(rows.user[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, counts)
    keeps = order[place < left[rows.user[order]]]
    whole = np.flatnonzero(left[rows.user] == len(rows))
    return train.take_interactions(np.union1d(keeps, whole))


if __name__ == "__main__":
    raise SystemExit(main())
