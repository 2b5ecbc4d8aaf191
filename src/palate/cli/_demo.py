"""The steps of `palate demo`: each calls what the other commands call, and keeps what is to be told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from palate.bundle import Trained
    from palate.data.dataset import Dataset
    from palate.evaluation import Comparison
    from palate.interfaces import Recommender

ENCODERS = {"title": "use", "picture": "efficientnet-lite0", "sound": "mel"}
MODELS = ("popularity", "item-knn", "ease", "content-knn", "vector-space")
K = 20
HEADLINES = {
    "world": "A shop is made up: texts, pictures and sounds; people with tastes",
    "check": "What is in it, and is anything wrong?",
    "encode": "Titles, pictures and sounds become vectors",
    "compare": "Five recommenders, judged by what people did next",
    "cold": "The same on goods that nobody has met yet: what content is worth",
    "train": "The best by validation is trained and saved",
    "report": "A report with pictures",
}


@dataclass
class Demo:
    """Where the road goes, how it speaks, and what was found on the way."""

    out: Path
    say: Callable[[str], None]
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the shop."""
    seconds: dict[str, float] = field(default_factory=dict)
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def dataset(self) -> Path:
        """The dataset folder."""
        return self.out / "shop"

    @property
    def bundle(self) -> Path:
        """The trained recommender."""
        return self.out / "shop.palate"

    @property
    def report(self) -> Path:
        """The page with what was measured."""
        return self.out / "report.html"

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Say what begins, and how long it took."""
        self.say(f"\n[{list(HEADLINES).index(name) + 1}/{len(HEADLINES)}] {HEADLINES[name]}")
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)
        self.say(f"    {self.seconds[name]:.1f} s")

    def as_dict(self) -> dict[str, Any]:
        """Return paths, tables and seconds as plain values."""
        paths = {"out": self.out, "dataset": self.dataset, "bundle": self.bundle, "report": self.report}
        total = round(sum(self.seconds.values()), 2)
        return {
            **{name: str(path) for name, path in paths.items()},
            **self.found,
            "seconds": {**self.seconds, "total": total},
        }


def walk(demo: Demo) -> None:
    """Go the whole road but for serving."""
    from palate.data.folder import load

    _world(demo)
    data = load(demo.dataset)
    _check(demo, data)
    data = _encode(demo, data)
    with demo.step("compare"):
        warm = _compare(demo, data, "random-per-user")
    with demo.step("cold"):
        cold = _compare(demo, data, "cold-items")
    trained = _train(demo, data, str(warm.best))
    _report(demo, trained, [warm, cold])


def _world(demo: Demo) -> None:
    from palate.data.worlds import make
    from palate.data.worlds.shop import Shop

    with demo.step("world"):
        made = make(Shop(**demo.settings), demo.dataset, reuse=True)
        settings = made.truth.settings
        sizes = {name: settings[f"n_{name}"] for name in ("items", "users", "events")}
        demo.found["world"] = {**sizes, "worth": dict(made.truth.worth), "reused": made.report is None}
        told = ", ".join(f"{count:,} {name}" for name, count in sizes.items())
        demo.say(f"    {told} in {demo.dataset}{'' if made.report else ' (there already)'}")


def _check(demo: Demo, data: Dataset) -> None:
    from palate.clean.check import check

    with demo.step("check"):
        report = check(data)
        demo.found["check"] = report.as_dict()
        for problem in report.problems:
            demo.say(f"    {problem.what}")
        if not report.problems:
            demo.say("    no problem found")


def _encode(demo: Demo, data: Dataset) -> Dataset:
    from palate.encoders.pipeline import encode_columns

    with demo.step("encode"):
        data, parts = encode_columns(data, ENCODERS)
        demo.found["encode"] = [
            {"part": part.part, "encoder": part.encoder, "dim": part.dim, "coverage": part.coverage,
             "encoded": part.computed, "seconds": round(part.seconds, 2)}
            for part in parts
        ]  # fmt: skip
        for part in parts:
            made = f"{part.computed:,} of {part.rows:,} now" if part.computed else "there already"
            demo.say(f"    {part.part:<8} by {part.encoder:<19} {part.dim:>5} numbers each, {made}")
    return data


def _compare(demo: Demo, data: Dataset, how: str) -> Comparison:
    from palate.data.split import split
    from palate.evaluation import compare

    cut = split(data, how)
    found = compare(cut, {name: partial(_build, name) for name in MODELS}, 1, K, metrics=("recall", "ndcg"))
    demo.found.setdefault("compare", {})[how] = found.to_json()
    demo.say("\n".join(f"    {line}" for line in table(found)))
    return found


def _build(name: str, seed: int) -> Recommender:
    from palate.bundle import Recipe

    return Recipe.of({"model": name, "seed": seed}).build()


def table(found: Comparison) -> list[str]:
    """Return the leaderboard in lines of text."""
    lines = [f"{'':<14}{'Recall@20':>10}  {'95 % interval':<16}{'NDCG@20':>8}{'fit s':>8}"]
    for name in found.order:
        test, fit = found.trials[name].test, found.trials[name].seconds["fit"]
        low, high = test.intervals["recall@20"]
        mark = "  best by valid." if name == found.best else "  cannot score" if test.unscored == 1 else ""
        figures = (
            f"{test.metrics['recall@20']:>10.4f}  [{low:.4f} {high:.4f}] {test.metrics['ndcg@20']:>8.4f}{fit:>8.2f}"
        )
        lines.append(f"{name:<14}{figures}{mark}")
    return lines


def _train(demo: Demo, data: Dataset, best: str) -> Trained:
    from palate.bundle import Recipe, train

    with demo.step("train"):
        trained = train(data, Recipe.of({"model": best}))
        trained.bundle().save(demo.bundle)
        demo.found["model"] = best
        demo.say(f"    {best} in {demo.bundle}")
    return trained


def _report(demo: Demo, trained: Trained, comparisons: list[Comparison]) -> None:
    from palate.evaluation.report import write_report

    with demo.step("report"):
        write_report(demo.report, trained.data, trained.split, comparisons, trained.model)
        demo.say(f"    {demo.report} ({demo.report.stat().st_size / 1e6:.1f} MB), open it in a browser")
