"""What the finders of noise find in shops where it was planted, and what accuracy comes back when it is cleaned away.

    python benchmarks/quality/noise.py --out FOLDER [--seeds 5] [--items 240] [--users 400] [--events 8000] [--publish docs/results]

Each seed is another shop: 5 % of the users are bots (a third each in a hurry, steady, and copies of one another), 10 % of the items
another one once more, 10 % of the pictures wrong (half another item's, half of another world). The test, a tenth of what people
did, is the same for all, and asks for the original of a copy; only training and the catalogue are spoilt and cleaned. Networks learn with
and without settings against noise (`noise_training.py`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import noise_training
import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image
from scipy import stats

import palate
from palate.clean._bots import suspects
from palate.clean._merge import merged
from palate.clean._mismatch import of_mismatches
from palate.clean._near import Near, near_duplicates
from palate.clean._outliers import outliers
from palate.clean.clean import clean
from palate.core.files import read_json, write_json, write_text
from palate.core.types import Codes, Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.split import split
from palate.data.split._base import Split
from palate.data.worlds import make, registry
from palate.data.worlds._faults import shown_by
from palate.data.worlds._scenes import SCENES, set_scene
from palate.evaluation import evaluate

KINDS = ("nothing", "bots", "near-duplicates", "wrong pictures", "all three")
MODELS = ("content-knn", "item-knn", "als")
METRICS = ("recall@20", "ndcg@20")
SHARES = {"bots": 0.05, "duplicates": 0.1, "mismatched": 0.1}
CLEANING = {"bots": "drop", "absent": ("mismatch", "outlier")}
NOTES = (
    "- A copy whose picture is wrong differs from its original in that, and is no near-duplicate any more.",
    "- A picture of another item is like any other, so outlier factors cannot see it; what does not go with the text is told.",
    "- Recommending a copy is a miss, since the test asks for the original.",
    "- `als` and `item-knn` do not look at pictures.",
    "- Networks are stopped by validation, a tenth of the training and as spoilt, but for those that learn to the end.",
    "- Cleaning brings back most of what networks lose. No setting of training gains beyond its interval here, on what is spoilt.",
)
WAYS = ("hurried", "steady", "copied")
_DAY, _YEAR = 86_400, 365 * 86_400


@dataclass(frozen=True, eq=False)
class Shop:
    """A spoilt shop, and what is true of it.

    Shapes:
        bot: bool[users]; way: which of `WAYS` a bot goes; original: int32[items], itself for what is no copy;
        stranger, swapped: bool[items], whose picture is of another world, of another item.
    """

    data: Dataset
    right: FeatureTable
    bot: Mask
    way: npt.NDArray[np.int64]
    original: Codes
    stranger: Mask
    swapped: Mask


def shop(seed: int, folder: Path, sizes: dict[str, int]) -> Shop:
    """Make a shop, encode it, and spoil it further."""
    settings = {"agreement": 1, "clips": 0, "language": "en", "picture_size": 96, "sound_seconds": 0.2}
    made = make(registry.get("shop")(**sizes, **SHARES, **settings, seed=seed), folder / "shop")
    data = palate.encode(palate.load(made.path), title="use", picture="efficientnet-lite0")
    faults = made.truth.faults
    wrong = _mask(faults["mismatched"]["picture"], data.items)
    right, spoilt = data.features["picture"], data.features["picture"]
    unrolled = np.argsort(shown_by(wrong))
    right = replace(right, values=right.values[unrolled])
    stranger = np.zeros(len(wrong), dtype=bool)
    stranger[np.flatnonzero(wrong)[::2]] = True
    values = spoilt.values.copy()
    values[stranger] = _landscapes(int(stranger.sum()), folder / "landscapes", seed)
    original = np.arange(len(data.items), dtype=np.int32)
    for copy, source in faults["duplicates"].items():
        original[data.items.code(copy)] = data.items.code(source)
    bot = _mask(faults["bots"], data.users)
    way = np.where(bot, np.cumsum(bot) % len(WAYS), -1)
    data = _disguised(data.with_features(picture=replace(spoilt, values=values)), way, seed)
    return Shop(data, right, bot, way, original, stranger, wrong & ~stranger)


def _mask(names: Iterable[str], ids: palate.core.ids.IdMap) -> Mask:
    return np.isin(np.arange(len(ids)), [ids.code(name) for name in names])


def _landscapes(n: int, folder: Path, seed: int) -> npt.NDArray[np.float32]:
    """Return the vectors of n pictures of another world."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(n):
        look = {name: str(rng.choice(values)) for name, values in SCENES.items()}
        Image.fromarray(set_scene(look, rng, 96).ground).save(folder / f"{number}.jpg")
    items = pl.DataFrame(
        {"item": [f"{number}" for number in range(n)], "picture": [f"{number}.jpg" for number in range(n)]}
    )
    data = palate.from_frames(items=items, types={"picture": "image"}, media_root=folder)
    return palate.encode(data, picture="efficientnet-lite0").features["picture"].values


def _disguised(data: Dataset, way: npt.NDArray[np.int64], seed: int) -> Dataset:
    """Let a third of the bots act every twenty minutes, and a third do over the year what one of them did, in its order."""
    events, rng = data.interactions, np.random.default_rng(seed)
    item, moment = events.item.copy(), events.time.copy()
    first: npt.NDArray[np.int32] | None = None
    for user in np.flatnonzero(way > 0):
        rows = np.flatnonzero(events.user == user)
        begin = moment[rows].min()
        if WAYS[way[user]] == "steady":
            moment[rows] = begin - 20 * 60 * np.arange(len(rows))[::-1] + rng.integers(-5, 6, len(rows))
        else:
            first = item[rows].copy() if first is None else first
            n = min(len(rows), len(first))
            item[rows[:n]] = first[:n]
            moment[rows] = np.sort(begin - _YEAR + 30 * _DAY + rng.integers(0, 300 * _DAY, len(rows)))
    return replace(data, interactions=replace(events, item=item, time=moment))


def spoilt(made: Shop, kind: str) -> Dataset:
    """Return the shop with one kind of noise, or all, or none."""
    data = made.data
    if kind not in ("wrong pictures", "all three"):
        data = data.with_features(picture=made.right)
    if kind not in ("bots", "all three"):
        data = data.take_interactions(~made.bot[data.interactions.user])
    if kind not in ("near-duplicates", "all three"):
        data, _ = merged(data, made.original)
    return data


def tested(made: Shop, seed: int) -> tuple[npt.NDArray[np.str_], Dataset]:
    """Return the pairs of user and item of the clean shop that are held out, and those of them that are asked for."""
    data = spoilt(made, "nothing")
    events = data.interactions
    _, once = np.unique(events.user.astype(np.int64) * len(data.items) + events.item, return_index=True)
    cut = split(data.take_interactions(np.sort(once)), "random-per-user", seed)
    return _pairs(cut.valid.joined(cut.test), np.array(list(data.items))), cut.test


def _pairs(data: Dataset, names: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Return user and item of each interaction in words; `names` tells what each item is called."""
    users = np.array(list(data.users))[data.interactions.user]
    return np.char.add(np.char.add(users, " "), names[data.interactions.item])


Fits = Mapping[str, Callable[[Dataset, Dataset], Any]]
LINEAR: Fits = {name: palate.models.registry.get(name)().fit for name in MODELS}


def judged(
    train: Dataset, test: Dataset, stands_for: dict[str, str], fits: Fits = LINEAR, held: Mask | None = None
) -> dict[str, float]:
    """Fit each model and return "model, metric" -> figure; `stands_for` tells which item became part of which.

    Shapes:
        held: bool[interactions], which of the training validate; None for none.
    """
    held = np.zeros(len(train.interactions), bool) if held is None else held
    ids = [stands_for.get(name, name) for name in test.items]
    code = np.array([train.items.code(name) if name in train.items else -1 for name in ids], dtype=np.int32)
    asked = replace(test.interactions, item=code[test.interactions.item])
    cut = Split(
        train.take_interactions(~held),
        train.take_interactions(held),
        train.with_interactions(asked),
        "planted",
    )
    found = {}
    for name, fit in fits.items():
        figures = evaluate(fit(cut.train, cut.valid), cut, 20, ("recall", "ndcg"), resamples=1).metrics
        found |= {f"{name}, {metric}": float(figures[metric]) for metric in METRICS}
    return found


def accuracy(made: Shop, near: Near, seed: int) -> dict[str, float]:
    """Return "kind of noise, state, model, metric" -> figure; what is cleaned is the training alone."""
    held, test = tested(made, seed)
    names = np.array(list(made.data.items))
    networks = {str(way): partial(way.fitted, seed=seed) for way in noise_training.WAYS}
    found = {}
    for kind in KINDS:
        data = spoilt(made, kind)
        row = np.flatnonzero(np.isin(names, list(data.items)))
        train = data.take_interactions(~np.isin(_pairs(data, names[made.original[row]]), held))
        stays = replace(near, group=np.unique(near.group[row], return_inverse=True)[1].astype(np.int32)).kept(train)
        parts = dict(zip(train.items, names[row][stays], strict=True))
        cleaned, _ = clean(merged(train, stays)[0], **CLEANING)
        for state, trained, stands_for in (("spoilt", train, {}), ("cleaned", cleaned, parts)):
            for what, value in judged(trained, test, stands_for).items():
                found[f"{kind}, {state}, {what}"] = value
            if kind == "all three" or (kind, state) == ("nothing", "spoilt"):
                named = "clean" if kind == "nothing" else state
                validates = noise_training.validates(trained, seed)
                for what, value in judged(trained, test, stands_for, networks, validates).items():
                    found[f"training, {named}, {what}"] = value
    return found


def finders(made: Shop, near: Near) -> dict[str, tuple[int, int, int]]:
    """Return for each finder how many it tells, how many of these are right, and how many there are."""
    data = made.data
    told = suspects(data).told
    found = {"bots, all": _counts(told, made.bot)}
    for number, way in enumerate(WAYS):
        of = made.way == number
        found[f"bots, {way}"] = _counts(told & (of | ~made.bot), of)
    pairs, true = (
        {(i, j) for i in range(len(g)) for j in range(i + 1, len(g)) if g[i] == g[j]}
        for g in (near.group, made.original)
    )
    found["near-duplicates (pairs)"] = (len(pairs), len(pairs & true), len(true))
    wrong = made.stranger | made.swapped
    (mismatched,) = (each for each in of_mismatches(data) if each.name == "picture")
    methods = {
        "mismatch": np.isin(np.arange(len(wrong)), mismatched.codes),
        "outlier, local outlier factor": outliers(data.features["picture"]),
        "outlier, isolation forest": outliers(data.features["picture"], "isolation-forest"),
    }
    methods["mismatch or local outlier factor"] = methods["mismatch"] | methods["outlier, local outlier factor"]
    for method, of_method in methods.items():
        found[f"wrong pictures, {method}"] = _counts(of_method, wrong)
        for what, rows in (("another item's", made.swapped), ("of another world", made.stranger)):
            found[f"wrong pictures {what}, {method}"] = _counts(of_method & (rows | ~wrong), rows)
    return found


def _counts(told: Mask, true: Mask) -> tuple[int, int, int]:
    return int(told.sum()), int((told & true).sum()), int(true.sum())


def interval(values: Sequence[float]) -> str:
    """Return the mean and its 95 % interval over the seeds, by Student's t."""
    mean = float(np.mean(values))
    half = (
        float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
        if len(values) > 1
        else 0.0
    )
    return f"{mean:+.4f} [{mean - half:+.4f} {mean + half:+.4f}]"


def report(seeds: Sequence[Mapping[str, Any]], head: str) -> str:
    """Return the page."""
    found, figures = [each["found"] for each in seeds], [each["figures"] for each in seeds]
    lines = ["# Noise: what is found, and what comes back", "", head, "", "## What is found", ""]
    lines += ["All seeds together.", "", "| noise, finder | told | right | planted | precision | recall |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for name in found[0]:
        told, right, true = (sum(each[name][at] for each in found) for at in range(3))
        precision = f"{right / told:.2f}" if told else "–"
        lines.append(f"| {name} | {told:,} | {right:,} | {true:,} | {precision} | {right / max(true, 1):.2f} |")
    lines += ["", *NOTES]
    for metric in METRICS:
        lines += [
            "",
            f"## {metric}",
            "",
            "Means over the seeds; changes with their 95 % interval over the seeds (Student's t).",
            "",
        ]
        lines += ["| noise | model | clean | spoilt | cleaned | spoilt − clean | cleaned − spoilt |"]
        lines += ["|---|---|---:|---:|---:|---:|---:|"]
        for kind in KINDS:
            for model in MODELS:
                clean_, before, after = (
                    [each[f"{of}, {state}, {model}, {metric}"] for each in figures]
                    for of, state in (("nothing", "spoilt"), (kind, "spoilt"), (kind, "cleaned"))
                )
                means = " | ".join(f"{np.mean(values):.4f}" for values in (clean_, before, after))
                lost, back = (np.subtract(a, b).tolist() for a, b in ((before, clean_), (after, before)))
                lines.append(f"| {kind} | `{model}` | {means} | {interval(lost)} | {interval(back)} |")
    for metric in METRICS:
        lines += noise_training.report(figures, metric, interval)
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("seeds", 5), ("items", 240), ("users", 400), ("events", 8_000)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--publish", type=Path)
    asked = parser.parse_args()
    sizes = {"n_items": asked.items, "n_users": asked.users, "n_events": asked.events}
    asked.out.mkdir(parents=True, exist_ok=True)
    seeds = []
    for seed in range(asked.seeds):
        file = asked.out / f"{asked.items}-{asked.users}-{asked.events}-{seed}.json"
        if not file.is_file():
            with tempfile.TemporaryDirectory() as folder:
                made = shop(seed, Path(folder), sizes)
                near = near_duplicates(made.data)
                write_json(file, {"found": finders(made, near), "figures": accuracy(made, near, seed)})
        seeds.append(read_json(file))
        print(f"seed {seed}", flush=True)
    head = (
        f"`python benchmarks/quality/noise.py`: {asked.seeds} shops of {asked.items:,} items and {asked.users:,} users, "
        f"{asked.events:,} events of people; planted are 5 % bots, 10 % near-duplicates, 10 % wrong pictures. Cleaned is as by "
        "`palate data clean --bots drop --near-duplicates merge --absent mismatch,outlier`, whatever was planted."
    )
    page = report(seeds, head)
    print(page)
    if asked.publish is not None:
        write_text(asked.publish / "noise.md", page)


if __name__ == "__main__":
    main()
