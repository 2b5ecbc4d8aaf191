"""Completers on real data: how near estimates come to what was hidden, and what models make of them.

    python benchmarks/quality/completion.py --real FOLDER --out FOLDER [--models content-knn,ease] [--completers ridge,graph]
        [--publish docs/results]

Of one part, and of all parts, 10 to 90 % are hidden: the same for all, and what is hidden at a share is hidden at every larger one.
Completers learn from the training part of the split. Each (data, what is hidden, completer) leaves a JSON file in
docs/results/completion, so that a stopped run goes on where it was; `--publish` writes the table and the plot of all that is there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from completion_table import write_page
from deep_code import code_of, essence
from deep_settings import settings_of
from grounds import GROUNDS
from place import Place

import palate.complete
from palate.complete import hidden_error
from palate.complete import registry as completers
from palate.complete._advice import DEFAULT
from palate.core.files import read_json, write_json
from palate.core.fingerprint import fingerprint
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.missing import with_missing
from palate.data.split import Split
from palate.evaluation import evaluate
from palate.interfaces import Run
from palate.linalg.standard import Standard, trained_rows
from palate.metrics.significance import holm, paired_test
from palate.models import registry as models

ON = {"tiktok": "image_feat", "movielens-posters, random": "poster", "movielens-posters, cold-items": "poster"}
"""The part that is hidden where one is."""
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
NONE = "none"
"""Nothing is estimated."""
SHORT = {"late": 0.0, "patience": 0, "dim": 32, "batch_size": 4096, "lr": 1e-2, "epochs": 30}
"""umami is trained for so long everywhere, with nothing beside it: a quarter of a minute, for 90 runs on each data set."""
SHORTER = {"movielens-posters": {"dim": 64, "epochs": 8}}
"""On films, where a step sees more."""
MEASURE = "recall@20"
"""What completers are held against each other by, user by user."""
KEPT = Path(__file__).parents[2] / "docs" / "results" / "completion"


def main() -> int:
    """Run what is asked for and is not there yet."""
    words = _words()
    names = words.completers.split(",") if words.completers else [NONE, *completers.names()]
    for ground in words.grounds.split(";") if words.grounds else list(ON):
        place = Place(GROUNDS[ground], words.real, words.out)
        for what in words.what.split(","):
            for share in [float(word) for word in words.shares.split(",")]:
                cells = [Cell(place, what, share, name) for name in names]
                for cell in cells:
                    cell.run(words.models.split(","))
                pair(cells, words.models.split(","))
    if words.publish:
        for path in write_page(words.publish):
            print(path)
    return 0


@dataclass
class Cell:
    """A share of one part, or of all, that is hidden, and a completer."""

    place: Place
    what: str
    share: float
    completer: str

    @property
    def file(self) -> Path:
        ground = self.place.ground.name.replace(", ", "-").replace(" ", "-")
        return KEPT / ground / f"{self.what}.{self.completer}.json"

    def run(self, names: list[str]) -> None:
        """Complete once, and judge the models of which no figures of the same code and data are there."""
        kept = read_json(self.file) if self.file.is_file() else {}
        mine = kept.get(f"{self.share:g}", {})
        if mine.get("made_of") != self.made_of:
            mine = {"made_of": self.made_of, "models": {}}
        built = {name: models.get(name)(**settings(name, self.place.ground.name)) for name in names}
        made_of = {name: fingerprint(model.spec(), code_of(model)) for name, model in built.items()}
        left = [
            name
            for name in built
            if mine["models"].get(name, {}).get("made_of") != made_of[name]
            or (_reads_parts(name) and not self.values(name).is_file())
        ]
        if not left and "errors" in mine:
            return
        holed = with_missing(self.place.cut.train, self.hidden, self.share)
        began = time.perf_counter()
        train = self.completed(holed)
        mine |= {"seconds": round(time.perf_counter() - began, 2), "errors": self.errors(holed, train)}
        cut = Split(
            train, _alike(self.place.cut.valid, train), _alike(self.place.cut.test, train), self.place.ground.how
        )
        for name in left:
            began = time.perf_counter()
            built[name].fit(cut.train, cut.valid, Run(threads=1))
            seconds = round(time.perf_counter() - began, 2)
            judged = {
                on: evaluate(built[name], cut, 20, ["recall", "ndcg"], on=on, resamples=1) for on in ("valid", "test")
            }
            metrics = {on: found.metrics for on, found in judged.items()}
            mine["models"][name] = {"made_of": made_of[name], "seconds": seconds, **metrics}
            if _reads_parts(name):
                self.values(name).parent.mkdir(parents=True, exist_ok=True)
                np.save(self.values(name), judged["test"].per_user[MEASURE])
            kept[f"{self.share:g}"] = mine
            write_json(self.file, dict(sorted(kept.items())))
            shown = metrics["test"]["recall@20"]
            print(
                f"{self.place.ground.name:30} {self.what} {self.share:.0%} {self.completer:12} {name:12} {shown:.4f}",
                flush=True,
            )

    def values(self, model: str) -> Path:
        """Where a model's figures of each user lie, for tests user by user."""
        folder = self.place.out / "completion" / self.file.parent.name
        return folder / f"{self.what}.{self.share:g}.{self.completer}.{model}.npy"

    @property
    def hidden(self) -> list[str]:
        return [ON[self.place.ground.name]] if self.what == "one" else self.place.cut.train.part_names()

    @cached_property
    def made_of(self) -> str:
        folder = Path(palate.complete.__file__).parent
        own = [folder / "_base.py", *sorted(folder.glob(f"{self.completer.replace('-', '_')}.py"))]
        helpers = {"nearest": ["_alike"], "graph": ["_alike"], "boosting": ["_trees"], "generative": ["_autoencoder"]}
        own += [folder / f"{name}.py" for name in helpers.get(self.completer, [])]
        return fingerprint(self.place.fingerprint, self.what, self.share, [essence(path) for path in own])

    def completed(self, holed: Dataset) -> Dataset:
        """Return the training data with estimates."""
        if self.completer == NONE:
            return holed
        parts = holed.item_parts()
        completer = completers.get(self.completer)(held_out=0, only=tuple(self.hidden))
        return holed.with_features(
            **completer.fit(parts, holed, generator(0, "complete", self.completer)).complete(parts)
        )

    def errors(self, holed: Dataset, made: Dataset) -> dict[str, Any]:
        """Return of each part what estimates are off by, over what the mean is, where rows were hidden; and their mean cosine."""
        found = {}
        whole = self.place.cut.train
        trained = trained_rows(whole, "items")
        for name in self.hidden:
            true, given, guess = whole.part(name), holed.part(name), made.part(name)
            codes = np.flatnonzero(true.present & ~given.present)
            error = hidden_error(true, guess, codes, Standard.of(given, trained))
            cosine = error.cosine * error.reached
            found[name] = {"rows": error.rows, "reached": error.reached, "rmse": error.rmse, "cosine": cosine}
        return found


def pair(cells: Sequence[Cell], names: Sequence[str]) -> None:
    """Write into each cell how its models differ from those with the completer that is recommended, user by user."""
    for name in filter(_reads_parts, names):
        values = {cell.completer: np.load(cell.values(name)) for cell in cells if cell.values(name).is_file()}
        if DEFAULT not in values:
            continue
        others = [cell for cell in cells if cell.completer in values and cell.completer != DEFAULT]
        p_values = holm([paired_test(values[DEFAULT], values[cell.completer]) for cell in others])
        for cell, p in zip(others, p_values, strict=True):
            kept = read_json(cell.file)
            apart = np.nanmean(values[cell.completer] - values[DEFAULT])
            kept[f"{cell.share:g}"]["models"][name][f"over {DEFAULT}"] = {
                "difference": float(apart),
                "p_holm": float(p),
            }
            write_json(cell.file, kept)


def _reads_parts(model: str) -> bool:
    return "parts" in models.get(model).config_type.model_fields


def _alike(part: Dataset, train: Dataset) -> Dataset:
    return part.with_features(**dict(train.features))


def settings(name: str, ground: str) -> dict[str, Any]:
    """Return the settings that `make eval-deep` gives a model, umami for a short time; content-knn has its defaults."""
    settings = {} if name == "content-knn" else dict(settings_of(name, ground, ""))
    return {**settings, **SHORT, **SHORTER.get(ground.split(",")[0], {})} if name == "umami" else settings


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where imported data go")
    parser.add_argument("--models", default="content-knn,ease,umami", help="names")
    parser.add_argument("--completers", default="", help="names, none for no estimates; all by default")
    parser.add_argument("--grounds", default="", help="names, between semicolons; all by default")
    parser.add_argument("--what", default="one,all", help="hide one part, all, or both in turn")
    parser.add_argument("--shares", default=",".join(f"{share:g}" for share in SHARES), help="how much")
    parser.add_argument("--publish", type=Path, help="write the table and the plot there")
    words = parser.parse_args()
    if wrong := set(words.what.split(",")) - {"one", "all"}:
        parser.error(f"--what was {', '.join(map(repr, sorted(wrong)))}: allowed are one, all, and one,all")
    return words


if __name__ == "__main__":
    raise SystemExit(main())
