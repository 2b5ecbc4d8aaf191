"""Standardisers on real data: what a model by content makes of parts on another scale, against the scale it has by itself.

    python benchmarks/quality/standardising.py --real FOLDER --out FOLDER [--publish docs/results]

A standardiser learns from the training part of the split. `umami` learns for a few epochs, the same for all. Each (data, model,
standardiser) leaves a JSON file in docs/results/standardising, so that a stopped run goes on where it was; `--publish` writes the page of
all that is there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deep_code import code_of, essence
from deep_settings import settings_of
from grounds import GROUNDS
from place import Place
from standardising_page import write_page

import palate.standardise
from palate.core.files import read_json, write_json
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.data.dataset import Dataset
from palate.data.split import Split
from palate.evaluation import evaluate
from palate.interfaces import Run
from palate.metrics.significance import paired_test
from palate.models import registry as models
from palate.standardise import registry as standardisers

NONE = "none"
"""Models standardise as they always do."""
WAYS: Mapping[str, tuple[str | None, Mapping[str, Any]]] = {
    NONE: (None, {}),
    "robust": ("robust", {}),
    "l2": ("l2", {}),
    "whitening": ("whitening", {}),
    "pca": ("pca", {}),
}
"""What is compared; `z-score` is what `none` does, bit for bit."""
EPOCHS = 2
MODELS: Mapping[str, Mapping[str, Any]] = {
    "content-knn": {},
    "umami": {"epochs": EPOCHS, "judge_every": EPOCHS, "late": 0.0},
}
ON = ("tiktok", "movielens-posters, cold-items")
METRICS = ("recall", "ndcg")
KEPT = Path(__file__).parents[2] / "docs" / "results" / "standardising"


def main() -> int:
    """Run what is asked for and is not there yet."""
    words = _words()
    for ground in words.grounds.split(";"):
        place = Place(GROUNDS[ground], words.real, words.out)
        for model in words.models.split(","):
            for way in WAYS:
                Cell(place, model, way).run()
    if words.publish:
        print(write_page(words.publish))
    return 0


@dataclass
class Cell:
    """A model on a ground, and a standardiser."""

    place: Place
    model: str
    way: str

    @property
    def file(self) -> Path:
        return KEPT / self.place.ground.name.replace(", ", "-") / f"{self.model}.{self.way}.json"

    def run(self) -> None:
        """Fit and judge, unless figures of the same code and data are there."""
        built = models.get(self.model)(**{**settings_of(self.model, self.place.ground.name), **MODELS[self.model]})
        made_of = fingerprint(self.place.fingerprint, built.spec(), code_of(built), self._code())
        if self.file.is_file() and read_json(self.file)["made_of"] == made_of:
            return
        began = time.perf_counter()
        made = self._made()
        ready = time.perf_counter() - began
        cut = self.place.cut
        train, valid, test = (part.with_features(**made) for part in (cut.train, cut.valid, cut.test))
        cut = Split(train, valid, test, cut.how)
        began = time.perf_counter()
        built.fit(cut.train, cut.valid, Run(threads=1))
        seconds = {"standardise": round(ready, 2), "fit": round(time.perf_counter() - began, 2)}
        found = {on: evaluate(built, cut, 20, METRICS, on=on, resamples=1) for on in ("valid", "test")}
        figures = {on: judged.metrics for on, judged in found.items()}
        write_json(
            self.file,
            {
                "made_of": made_of,
                "epochs": MODELS[self.model].get("epochs"),
                "seconds": seconds,
                **figures,
                "p": self._against(found["test"].per_user),
            },
        )
        print(
            f"{self.place.ground.name:30} {self.model:12} {self.way:12} {figures['test']['recall@20']:.4f}",
            seconds,
            flush=True,
        )

    def _against(self, people: Mapping[str, Any]) -> dict[str, float]:
        """Return by metric the p-value of the paired test, person by person, against no standardiser; of that itself keep the people."""
        folder = self.place.out / "standardising" / self.file.parent.name
        if self.way == NONE:
            State(people).save(folder, self.model)
            return {}
        usual = State.load(folder, self.model).arrays
        return {metric: paired_test(values, usual[metric]) for metric, values in people.items()}

    def _made(self) -> Mapping[str, Any]:
        name, settings = WAYS[self.way]
        if name is None:
            return {}
        train: Dataset = self.place.cut.train
        parts = train.item_parts()
        return standardisers.get(name)(**settings).fit(parts, train).standardise(parts)

    def _code(self) -> Any:
        name, settings = WAYS[self.way]
        if name is None:
            return None
        folder = Path(palate.standardise.__file__).parent
        files = [folder / "_base.py", folder / "_turned.py", folder / f"{name.replace('-', '_')}.py"]
        return [standardisers.get(name)(**settings).spec(), [essence(path) for path in files]]


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where imported data go")
    parser.add_argument("--models", default=",".join(MODELS), help="names")
    parser.add_argument("--grounds", default=";".join(ON), help="names, between semicolons")
    parser.add_argument("--publish", type=Path, help="write the page there")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
