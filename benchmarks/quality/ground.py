"""The table of all models that need no torch: tuned on validation with equal budgets, judged once by test.

    python benchmarks/quality/ground.py --real FOLDER --out FOLDER [--models a,b] [--trials 8] [--seconds 120]

Each (data, model) is tuned, judged and measured in processes of their own, and leaves a JSON file of each, so that a stopped
run goes on where it was. The table is written to OUT/ground.md, the curves of missing parts to OUT/missing.svg and .md. `--again`
judges and measures anew with the settings that were chosen.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from grounds import GROUNDS
from missing import write_curves
from rivals import RIVALS
from spaces import SPACES
from table import write_table
from trials import run

from palate.models import registry

CURVES_ON, CURVES_OF = "movielens-posters, cold-items", "vector-space"
"""Where, and of which model, the curves of missing parts are drawn."""


def main() -> int:
    """Run what is asked for; returns 1 where a process failed."""
    words = _words()
    light = [name for name in registry.names() if registry.get(name).extra is None]
    names = words.models.split(",") if words.models else [*light, *RIVALS]
    names.sort(key=lambda name: name == "ensemble")  # it needs what the others were tuned to
    if missing := [name for name in names if name not in SPACES and name != "ensemble"]:
        raise SystemExit(f"no space to tune over is written down for {', '.join(missing)}: add it to spaces.py")
    grounds = words.grounds.split(";") if words.grounds else list(GROUNDS)
    if words.inside:
        budget = words.trials, words.seconds
        run(GROUNDS[grounds[0]], names[0], words.real, words.out, *budget, words.inside, words.again)
        return 0
    failed = 0
    for ground in grounds:
        for name in names:
            start = time.perf_counter()
            for stage in ("tune", "judge", "cost"):
                command = [sys.executable, __file__, *sys.argv[1:], "--inside", stage]
                done = subprocess.run([*command, "--grounds", ground, "--models", name], check=False)
                if done.returncode:
                    failed += 1
                    break
            print(f"{ground:34} {name:18} {time.perf_counter() - start:6.1f} s", flush=True)
    made = [write_table(words.out, list(GROUNDS), words.trials, words.seconds)]
    tuned = words.out / CURVES_ON.replace(", ", "-") / f"{CURVES_OF}.tuned.json"
    if tuned.is_file():
        fields = json.loads(tuned.read_text())["fields"]
        made += write_curves(GROUNDS[CURVES_ON], fields, words.real, words.out)
    for path in made:
        print(path)
        if words.publish:
            words.publish.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, words.publish)
    return int(failed > 0)


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where everything goes")
    parser.add_argument("--models", default="", help="names; all by default")
    parser.add_argument("--grounds", default="", help="names, between semicolons; all by default")
    parser.add_argument("--trials", type=int, default=8, help="settings to try, for each model")
    parser.add_argument("--seconds", type=float, default=120, help="processor seconds to spend on them, for each model")
    parser.add_argument("--again", action="store_true", help="judge and measure anew")
    parser.add_argument("--publish", type=Path, help="copy the table and the curves there too")
    parser.add_argument("--inside", choices=["tune", "judge", "cost"], help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
