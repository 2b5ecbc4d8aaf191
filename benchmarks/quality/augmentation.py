"""Views of texts, pictures and sounds, each method on and off: what a model by content makes of vectors that are means over views.

    python benchmarks/quality/augmentation.py --real FOLDER --out FOLDER [--scenes films-text-use,music-sound] [--publish docs/results]

Films and people of MovieLens, some films drawn from those that somebody liked; and a generated world of music, since no real sounds with
behaviour are at hand. A tenth of the things are met in the test alone, and `content-knn` ranks what training never met. Vectors are made
once a row; ten splits are drawn, a user's figure is the mean over those that judge them, and the test against the row without views is
paired over users. Each row leaves a JSON file in --out, so that a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from grounds import GROUNDS

import palate
from palate.augment import Views
from palate.core.files import read_json, write_json, write_text
from palate.core.fingerprint import fingerprint
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.split import split
from palate.data.worlds import make
from palate.data.worlds import registry as worlds
from palate.encoders import registry as encoders
from palate.encoders.pipeline.inputs import read_inputs
from palate.encoders.pipeline.views import taught
from palate.evaluation import evaluate
from palate.metrics import holm, paired_test
from palate.models import ContentKNN

METRICS = ("recall@20", "ndcg@20")
OFF = "off"
LEARNED = "learned from, not averaged"
EVENTS = {"all likes": None, "at most 3 likes each": 3}
"""What a user's training holds."""
COUNT, SPLITS = 4, 10
TEXT, PICTURE, SOUND = (
    ("word-dropout", "word-swap", "crop-text"),
    ("flip", "crop", "colour-jitter"),
    ("gain", "noise", "shift", "crop-sound", "time-mask"),
)


@dataclass(frozen=True)
class Scene:
    """One column, one encoder, and the methods that act on it."""

    name: str
    ground: str
    column: str
    encoder: str
    methods: tuple[str, ...]
    size: int
    """How many items there are."""

    def rows(self) -> Iterator[tuple[str, Views | None]]:
        """Return what is compared, by name: nothing, each method, and all of them."""
        yield OFF, None
        for method in self.methods:
            yield method, Views.named([method], 2 if method == "flip" else COUNT)
        yield "all", Views.named(self.methods, COUNT)
        if encoders.get(self.encoder).learns:
            yield f"all, {LEARNED}", Views.named(self.methods, COUNT)


SCENES = {
    scene.name: scene
    for scene in (
        Scene("films-text-tf-idf", "films", "about", "tf-idf", TEXT, 2_000),
        Scene("films-text-use", "films", "about", "use", TEXT, 2_000),
        Scene("films-picture", "films", "poster", "efficientnet-lite0", PICTURE, 400),
        Scene("music-sound", "music", "sound", "mel", SOUND, 200),
    )
}


@cache
def films(real: Path, out: Path, size: int) -> Dataset:
    """Return some of the films, with title, genres and tags as one text, and those who liked them."""
    ground = replace(GROUNDS["movielens-posters, cold-items"], encode={})
    whole = ground.data(real, out)
    table, events = whole.catalogue.table, whole.interactions
    able = np.flatnonzero(
        (np.bincount(events.item[whole.liked_rows], minlength=len(table)) > 0)
        & table["poster"].is_not_null().to_numpy()
    )
    chosen = np.sort(generator(0, "films").choice(able, size, replace=False))
    about = pl.concat_str("title", "genres", "tags", separator=". ", ignore_nulls=True).alias("about")
    rows = np.isin(events.item, chosen) & whole.liked_rows
    log = {
        "user_id": np.array(list(whole.users))[events.user[rows]],
        "item_id": np.array(list(whole.items))[events.item[rows]],
    }
    items = table[chosen].select("item_id", about, "poster")
    types = {"about": "text", "poster": "image"}
    return palate.from_frames(pl.DataFrame(log), items, types=types, media_root=whole.catalogue.root)


@cache
def music(real: Path, out: Path, size: int) -> Dataset:
    """Return a generated world of tracks."""
    place = out / f"music-{size}"
    if not (place / "dataset.toml").is_file():
        make(worlds.get("music")(n_items=size, n_users=600, n_events=12_000, cover_size=32, seed=0), place)
    whole = palate.load(place)
    return replace(whole, root=None, features={})


GROUND = {"films": films, "music": music}


def vectors(scene: Scene, data: Dataset, row: str, views: Views | None) -> FeatureTable:
    """Encode the column as the row says."""
    encoder = encoders.get(scene.encoder)()
    if views is not None:
        encoder = encoder.with_views(views)
    if LEARNED in row:
        encoder.fit(taught(encoder, read_inputs(data.catalogue, scene.column, encoder).raw))
        encoder.views = None
    return palate.encode(data, **{scene.column: encoder}).features[scene.column]


def figures(data: Dataset, part: FeatureTable, limit: int | None) -> dict[str, list[float | None]]:
    """Return the figures of each user, mean over the splits that judge them."""
    sums, counts = np.zeros((len(METRICS), len(data.users))), np.zeros(len(data.users))
    for seed in range(SPLITS):
        cut = split(data, "cold-items", seed)
        if limit is not None:
            cut = replace(cut, train=scarce(cut.train, limit, seed))
        cut = replace(cut, **{name: getattr(cut, name).with_features(part=part) for name in ("train", "valid", "test")})
        found = evaluate(
            ContentKNN(parts=["part"]).fit(cut.train), cut, 20, ("recall", "ndcg"), candidates="cold", resamples=1
        )
        counts[found.user_codes] += 1
        sums[:, found.user_codes] += [found.per_user[metric] for metric in METRICS]
    means = sums / np.where(counts > 0, counts, np.nan)
    return {
        metric: [None if np.isnan(value) else float(value) for value in row]
        for metric, row in zip(METRICS, means, strict=True)
    }


def scarce(train: Dataset, limit: int, seed: int) -> Dataset:
    """Return the training with at most so many likes of each user, drawn at random."""
    user = train.interactions.user
    order = generator(seed, "scarce").permutation(len(user))
    order = order[np.argsort(user[order], kind="stable")]
    rank = np.arange(len(user)) - np.searchsorted(user[order], user[order])
    return train.take_interactions(np.sort(order[rank < limit]))


def run(scene: Scene, real: Path, out: Path) -> dict[str, Any]:
    """Return "row" -> what was found, from files where they are there."""
    found = {}
    for row, views in scene.rows():
        made_by = fingerprint(encoders.get(scene.encoder)().fingerprint, None if views is None else views.fingerprint)
        file = out / "augmentation" / f"{scene.name}, {row}, {made_by[:8]}.json"
        if not file.is_file():
            data = GROUND[scene.ground](real, out, scene.size)
            part = vectors(scene, data, row, views)
            told = {name: figures(data, part, limit) for name, limit in EVENTS.items()}
            file.parent.mkdir(parents=True, exist_ok=True)
            write_json(file, {"present": int(part.present.sum()), "figures": told})
            print(f"{scene.name}: {row}", flush=True)
        found[row] = read_json(file)
    return found


def compared(found: Mapping[str, Any], events: str, metric: str) -> dict[str, tuple[float, float, float, int]]:
    """Return for each row the mean, the change from the row without views, the p-value of that, and the users that judge."""
    arrays = {row: np.array(told["figures"][events][metric], float) for row, told in found.items()}
    off, compared = arrays[OFF], {}
    for row, values in arrays.items():
        there = np.isfinite(values) & np.isfinite(off)
        p = 1.0 if row == OFF else paired_test(values[there], off[there])
        change = float((values[there] - off[there]).mean())
        compared[row] = (float(values[there].mean()), change, p, int(there.sum()))
    return compared


def report(found: Mapping[str, Mapping[str, Any]], head: str) -> str:
    """Return the page."""
    tables = {
        (scene, events, metric): compared(found[scene], events, metric)
        for scene in found for events in EVENTS for metric in METRICS
    }  # fmt: skip
    places = [(key, row) for key, table in tables.items() for row in table if row != OFF]
    corrected = dict(zip(places, holm([tables[key][row][2] for key, row in places]), strict=True))
    better = [place for place in places if corrected[place] < 0.05 and tables[place[0]][place[1]][1] > 0]
    worse = [place for place in places if corrected[place] < 0.05 and tables[place[0]][place[1]][1] < 0]
    told = [
        f"Of {len(places)} comparisons, {len(better)} are better than without views and {len(worse)} worse, at p < 0.05 after Holm's "
        "correction for all of them; the others show no difference that chance would not."
    ]
    for name, some in (("Better", better), ("Worse", worse)):
        if some:
            told.append(f"{name}: {_places(some)}.")
    lines = ["# Augmentation: each method on and off", "", head, "", "\n\n".join(told)]
    for scene in found:
        about, n = SCENES[scene], next(iter(tables[scene, next(iter(EVENTS)), METRICS[0]].values()))[3]
        lines += [
            "",
            f"## {about.ground}: `{about.column}` by `{about.encoder}`",
            "",
            f"{about.size:,} items; {n:,} users judge.",
            "",
        ]
        lines += ["| views | training | " + " | ".join(f"{metric} | change | p" for metric in METRICS) + " |"]
        lines += ["|---|---|" + "---:|" * (3 * len(METRICS))]
        for events in EVENTS:
            for row in found[scene]:
                cells = [
                    _cells(tables[scene, events, metric][row], corrected.get(((scene, events, metric), row)))
                    for metric in METRICS
                ]
                lines.append(f"| {row} | {events} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _places(some: Sequence[tuple[tuple[str, str, str], str]]) -> str:
    """Return rows by scene, with how many of their comparisons are among these."""
    counts = Counter((key[0], row) for key, row in some)
    whole = len(EVENTS) * len(METRICS)
    return "; ".join(f"`{row}` of {scene} in {count} of {whole}" for (scene, row), count in counts.items())


def _cells(told: tuple[float, float, float, int], p: float | None) -> str:
    mean, change, _, _ = told
    return f"{mean:.4f} | – | –" if p is None else f"{mean:.4f} | {change:+.4f} | {p:.3f}"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", default=",".join(SCENES))
    parser.add_argument("--publish", type=Path)
    asked = parser.parse_args(words)
    found = {name: run(SCENES[name], asked.real, asked.out) for name in asked.scenes.split(",")}
    head = (
        "`python benchmarks/quality/augmentation.py`: films of MovieLens, and tracks of a generated world, ranked by "
        f"`content-knn` among those that training never met (`cold-items`, {SPLITS} splits). A row's vectors are the means over {COUNT} views, "
        "the value itself among them (of `flip` over 2); `all` puts every view through every method. p is of the paired sign-flip test over "
        "users against `off`, corrected by Holm for all comparisons of the page."
    )
    page = report(found, head)
    print(page)
    if asked.publish is not None:
        write_text(asked.publish / "augmentation.md", page)


if __name__ == "__main__":
    main()
