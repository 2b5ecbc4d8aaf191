"""Metrics by ranx, in a process of its own.

Its compiler takes minutes where this input takes none, so it runs without; and numba, once it has been imported with the
compiler, cannot do without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

_CODE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import ranx
given = json.load(sys.stdin)
qrels, run = ranx.Qrels(given["qrels"]), ranx.Run(given["run"])
found = {name: ranx.evaluate(qrels, run, name, make_comparable=True) for name in given["metrics"]}
print(json.dumps({name: float(value) for name, value in found.items()}))
"""


def ranx_metrics(
    qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]], metrics: Sequence[str]
) -> dict[str, float]:
    """Return metrics such as "map@5"."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE], input=json.dumps({"qrels": qrels, "run": run, "metrics": list(metrics)}),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
