"""Which fusions find what, in small worlds where it is known what there is to be found: a table of methods by worlds.

    python benchmarks/quality/planted_worlds.py --out FOLDER [--seeds 5] [--methods mlp,concat] [--publish FOLDER]

The scorer is the same everywhere: a person's vector times the fused vector of a thing, trained by the engine (`two-tower`); late fusions
join one such model a part. Each (world, method) leaves one JSON file in OUT/planted with the figures of all seeds and a fingerprint of
the code behind them; what holds is not run again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from deep_code import behind, code_of, essence
from worlds import LIKES, WORLDS, world

from palate.core.config import Config
from palate.core.errors import did_you_mean
from palate.core.files import read_json, write_json, write_text
from palate.core.fingerprint import fingerprint
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.data.split import split
from palate.data.split._base import Split
from palate.evaluation import evaluate
from palate.fusion import registry as early
from palate.fusion.concat import Concat
from palate.fusion.late import registry as late
from palate.interfaces import Queries, Run
from palate.models import Ensemble, Model
from palate.models.two_tower import TwoTower

SETTINGS: Mapping[str, Any] = {"epochs": 60, "judge_every": 2, "patience": 4, "seconds": 20.0}
PARTS = ("colour", "sound")


def methods() -> dict[str, Callable[[], Model[Any]]]:
    """Return what is compared, by the name of its row."""
    found: dict[str, Callable[[], Model[Any]]] = {}
    for name in early.names():
        found[name] = lambda name=name: TwoTower(fusion=early.get(name)(), **SETTINGS)
    for name in late.names():
        found[f"late {name}"] = lambda name=name: Ensemble({part: _alone(part) for part in PARTS}, late.get(name)())
    for part in PARTS:
        found[f"{part} alone"] = lambda part=part: _alone(part)
    return found


def _alone(part: str) -> TwoTower:
    return TwoTower(parts=(part,), fusion=Concat(), **SETTINGS)


def main() -> int:
    """Run what is missing, write the table."""
    words = _words()
    every = methods()
    named = [name.strip() for name in words.methods.split(",")] if words.methods else list(every)
    if other := [name for name in named if name not in every]:
        raise SystemExit(f"no method '{other[0]}': {did_you_mean(other[0], every)}")
    for place in WORLDS:
        for name in named:
            _run(place, name, every[name], words.seeds, words.out / "planted")
    text = table(words.out / "planted", list(every), words.seeds)
    for folder in (words.out, words.publish):
        if folder:
            write_text(folder / "planted.md", text)
    return 0


def _run(place: str, name: str, make: Callable[[], Model[Any]], seeds: int, out: Path) -> None:
    file = _file(out, place, name)
    made_of = fingerprint(_code(make()), place, seeds, dict(SETTINGS))
    if file.is_file() and read_json(file)["made_of"] == made_of:
        return
    start, found = time.perf_counter(), []
    for seed in range(seeds):
        data, liking = world(place, seed)
        cut = split(data, "cold-items", seed)
        found.append(reached(make(), cut, seed) / reached(Known(liking), cut, seed))
    seconds = (time.perf_counter() - start) / seeds
    write_json(
        file,
        {
            "world": place,
            "method": name,
            "relative": [round(each, 4) for each in found],
            "seconds": round(seconds, 2),
            "made_of": made_of,
        },
    )
    print(f"{place:14} {name:26} {spread(found, 3)}  {seconds:5.1f} s a run", flush=True)


def spread(found: Sequence[float], digits: int) -> str:
    """Return mean and standard deviation; the mean alone where one figure has none.

    Example:
        >>> spread([0.5, 0.7], 2), spread([0.5], 2)
        ('0.60 ± 0.14', '0.50')
    """
    mean = f"{np.mean(found):.{digits}f}"
    return mean if len(found) < 2 else f"{mean} ± {np.std(found, ddof=1):.{digits}f}"


class Known(Model[Config]):
    """Scores by numbers that are given: the true liking, or chance."""

    name = "known"
    config_type = Config

    def __init__(self, scores: Floats) -> None:
        super().__init__()
        self.scores = scores

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        """Learn nothing."""

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return the numbers; float32[q, n]."""
        found = self.scores[queries.user]
        return found if items is None else found[:, items]


def reached(model: Model[Any], cut: Split, seed: int) -> float:
    """Return Recall@20 on test among the things that training never met."""
    fitted = model.fit(cut.train, cut.valid, Run(seed=seed, threads=1))
    return evaluate(fitted, cut, 20, ("recall",), resamples=1, candidates="cold").metrics["recall@20"]


def chance(place: str, seeds: int) -> float:
    """Return, relative to the oracle, what lists drawn by chance reach."""
    found = []
    for seed in range(seeds):
        data, liking = world(place, seed)
        cut = split(data, "cold-items", seed)
        luck = np.random.default_rng(seed).random(liking.shape, dtype=np.float32)
        found.append(reached(Known(luck), cut, seed) / reached(Known(liking), cut, seed))
    return float(np.mean(found))


def _code(model: Model[Any]) -> list[str]:
    scripts = [Path(__file__), Path(__file__).with_name("worlds.py")]
    inner = list(model.members.values()) if isinstance(model, Ensemble) else [model]
    joined = [type(model.combine)] if isinstance(model, Ensemble) else [type(model.fusion)]  # type: ignore[attr-defined]
    modules = behind(kind.__module__ for kind in joined)
    places = [Path(sys.modules[name].__file__ or "") for name in sorted(modules) if name in sys.modules]
    return [*(code_of(each, scripts) for each in inner), *(essence(place) for place in places)]


def table(out: Path, rows: list[str], seeds: int) -> str:
    """Return the table as Markdown."""
    lines = ["| method | " + " | ".join(WORLDS) + " | seconds |", "|---" * (len(WORLDS) + 2) + "|"]
    told = []
    for name in rows:
        files = [_file(out, place, name) for place in WORLDS]
        runs = [read_json(file) if file.is_file() else None for file in files]
        cells = [_cell(run) for run in runs]
        spent = [run["seconds"] for run in runs if run]
        told.append((np.mean([np.mean(run["relative"]) for run in runs if run] or [0]), name, cells, spent))
    for _, name, cells, spent in sorted(told, key=lambda row: -row[0]):
        lines.append(f"| `{name}` | {' | '.join(cells)} | {np.mean(spent) if spent else float('nan'):.1f} |")
    lines.append(f"| chance | {' | '.join(f'{chance(place, seeds):.2f}' for place in WORLDS)} | |")
    worlds = "\n".join(f"- **{name}**: {(make.__doc__ or '').strip().splitlines()[0]}" for name, make in WORLDS.items())
    means = f"means over {seeds} seeds ± their standard deviation" if seeds > 1 else "of one seed"
    return HEAD.format(worlds=worlds, likes=LIKES, means=means) + "\n".join(lines) + "\n"


HEAD = """# Fusions in worlds where the answer is known

Made by `python benchmarks/quality/planted_worlds.py`; nothing here was typed. Recall@20 among the things that training never met, as a share of what the
true liking reaches (1 is all there is to be found), {means}. Everyone likes {likes} things. The scorer is the same
everywhere: a person's vector times the fused vector, trained by the engine and stopped by validation, at most 20 seconds; late fusions join
one such model for each part. Seconds are those of one run on one core.

{worlds}

"""


def _cell(run: Mapping[str, Any] | None) -> str:
    return "–" if run is None else spread(run["relative"], 2)


def _file(out: Path, place: str, name: str) -> Path:
    return out / place.replace(" ", "-").replace("%", "percent") / f"{name.replace(' ', '-')}.json"


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where figures and the table go")
    parser.add_argument("--seeds", type=int, default=5, help="how many worlds of each kind")
    parser.add_argument("--methods", default="", help="names of rows; all by default")
    parser.add_argument("--publish", type=Path, help="write the table there too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
