"""The table of networks: every one on every ground, the best with several seeds, umami with its parts shuffled and varied.

    python benchmarks/quality/deep.py --real FOLDER --out FOLDER [--results FOLDER] [--jobs 2] [--models a,b]
        [--grounds "tiktok;amazon-baby"] [--seeds 0,1,2] [--ablate] [--publish FOLDER]

Each (ground, model, seed) is a process of its own on one thread and leaves one JSON file in RESULTS, with fingerprints of the data,
the code and the settings (see `deep_code.py`): what is there and still holds is not run again, so that a stopped evaluation goes on,
here or where these files were copied to. After each run the table is written anew to OUT/deep.md, and to the folder of `--publish`.

First every model runs with the first seed, on all grounds; then the networks that validation finds best on a ground, and umami,
with the others. `--models` runs those that are named with all seeds. `--ablate` runs the variations of `deep_settings.py` instead, with
the first seed; `--table` runs nothing and writes the table of what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from deep_code import code_of
from deep_runs import Job, Place, best, is_done, read, run
from deep_settings import ABLATIONS, BEST, FIRST, REFERENCES, SECONDS, SHUFFLED
from deep_settings import GROUNDS as WHERE
from deep_table import table
from grounds import GROUNDS

from palate.core.files import write_text
from palate.models import registry

OURS = "umami"


def main() -> int:
    """Run what is asked for; returns 1 where a process failed."""
    words = _words()
    words.results = words.results or words.out / "deep"
    if words.inside:
        job = Job(**json.loads(words.inside))
        run(job, _place(words, job.ground), words.results, words.seconds)
        return 0
    every = Every(words)
    if not words.table:
        stages = [ablations(words)] if words.ablate else [first(words), more(words)]
        for stage in stages:
            every.go(stage)
    every.write()
    return int(every.failed > 0)


def first(words: argparse.Namespace) -> Iterator[Job]:
    """Yield every model with the first seed, those that the table needs most before the others."""
    for model, variation in _models(words):
        yield from (Job(ground, model, variation, words.seeds[0]) for ground in words.grounds)


def more(words: argparse.Namespace) -> Iterator[Job]:
    """Yield the further seeds of the models that were named or, where none was, of the best by what is there by now."""
    for ground in words.grounds:
        named = words.models
        if not named:
            found = best(read(words.results, [ground]), ground, words.seeds[0], BEST)
            named = dict.fromkeys([OURS, *found])
        for seed in words.seeds[1:]:
            yield from (Job(ground, model, "", seed) for model in named if registry.get(model).extra == "deep")


def ablations(words: argparse.Namespace) -> Iterator[Job]:
    """Yield each variation of the models that have some, and these as they are."""
    for ground in words.grounds:
        for model, variations in ABLATIONS.items():
            if not words.models or model in words.models:
                yield from (Job(ground, model, name, words.seeds[0]) for name in ("", *variations))


def _models(words: argparse.Namespace) -> list[tuple[str, str]]:
    deep = [name for name in registry.names() if registry.get(name).extra == "deep"]
    names = words.models or dict.fromkeys([*REFERENCES, *(name for name in FIRST if name in deep), *deep])
    return [(name, variation) for name in names for variation in (("", SHUFFLED) if name == OURS else ("",))]


class Every:
    """Runs jobs, so many at a time, and writes the table after each."""

    def __init__(self, words: argparse.Namespace) -> None:
        self.words, self.failed, self.lock = words, 0, Lock()
        self.places = {ground: _place(words, ground) for ground in words.grounds}

    def go(self, jobs: Iterator[Job]) -> None:
        """Run those jobs of a stage that are not done."""
        for place in self.places.values():
            place.fingerprint  # noqa: B018  imports and encodes once, before several ask for it
        left = [
            job for job in jobs if not is_done(job, self.places[job.ground], self.words.results, self.words.seconds)
        ]
        with ThreadPoolExecutor(self.words.jobs) as pool:
            list(pool.map(self._run, left))

    def _run(self, job: Job) -> None:
        start = time.perf_counter()
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        command = [sys.executable, __file__, *sys.argv[1:], "--inside", json.dumps(asdict(job))]
        done = subprocess.run(command, check=False, env={**os.environ, **alone})
        with self.lock:
            self.failed += done.returncode != 0
            told = "" if done.returncode == 0 else "  FAILED"
            seconds = time.perf_counter() - start
            print(f"{job.ground:30} {job.label:32} seed {job.seed} {seconds:7.1f} s{told}", flush=True)
            self.write()

    def write(self) -> None:
        """Write the table of what is there, of all grounds."""
        runs = read(self.words.results, WHERE)
        text = table(runs, WHERE, _older(runs))
        for folder in (self.words.out, self.words.publish):
            if folder:
                write_text(folder / "deep.md", text)


def _older(runs: Sequence[dict[str, object]]) -> list[str]:
    """Return which runs other code made than there is now."""
    found = []
    for each in runs:
        job = Job(*(each[key] for key in ("ground", "model", "variation", "seed")))
        known = job.model in registry.names() and job.variation in ("", SHUFFLED, *ABLATIONS.get(job.model, ()))
        if not known or each["made_of"]["code"] != code_of(job.build(), [Path(__file__).with_name("deep_runs.py")]):
            found.append(f"`{job.label}` on {job.ground}, seed {job.seed}")
    return found


def _place(words: argparse.Namespace, ground: str) -> Place:
    return Place(GROUNDS[ground], words.real, words.out)


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where imported data and the table go")
    parser.add_argument("--results", type=Path, help="where the figures of each run are kept; OUT/deep by default")
    parser.add_argument("--models", type=_names(","), default=[], help="names; all networks and references by default")
    parser.add_argument("--grounds", type=_names(";"), default=list(WHERE), help="names, between semicolons")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="bound on the training of a network")
    parser.add_argument("--ablate", action="store_true", help="run the variations")
    parser.add_argument("--table", action="store_true", help="write the table of what is there")
    parser.add_argument("--publish", type=Path, help="write the table there too")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    return parser.parse_args()


def _names(between: str) -> Callable[[str], list[str]]:
    return lambda text: text.split(between)


if __name__ == "__main__":
    sys.exit(main())
