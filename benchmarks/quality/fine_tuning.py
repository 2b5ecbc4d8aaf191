"""What an adapter makes of the vectors of films that nobody met: `content-knn` over each part as it was, and fine-tuned.

    python benchmarks/quality/fine_tuning.py --real FOLDER --out FOLDER [--parts poster,title] [--publish docs/results]

Films of `movielens-posters` under `cold-items`, one seed. The adapter learns from training likes, validation stops it, and the test judges
both once. Each part leaves a JSON file in OUT/fine-tuning with a fingerprint of the code behind it; what holds is not run again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deep_code import behind, essence
from grounds import GROUNDS

from palate.core.files import read_json, write_json, write_text
from palate.core.fingerprint import fingerprint
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.split import split
from palate.data.split._base import Split
from palate.evaluation import evaluate
from palate.finetune import fine_tune, registry
from palate.models.content_knn import ContentKNN

PARTS = ("title", "poster", "genres", "tags")
GROUND = "movielens-posters, cold-items"
SETTINGS: Mapping[str, Any] = {"epochs": 6, "patience": 2}
METRICS = ("recall@20", "ndcg@20")


def code() -> str:
    """Return the fingerprint of what makes the figures."""
    begin = ("training.loop", "training.losses.sampled_softmax", "training.samplers.in_batch")
    rooms = behind([f"palate.{name}" for name in (*begin, "models.content_knn", "evaluation.protocol")])
    own = [f"palate.finetune.{name}" for name in ("adapter", "_base", "_config", "_road", "_together")]
    texts = {
        name: essence(Path(find_spec(name).origin))
        for name in (*rooms, *own, "palate.encoders._changes", "palate.encoders._tuned")
    }
    return fingerprint(texts, dict(SETTINGS))


def measured(data: Dataset, part: str) -> dict[str, Any]:
    """Fine-tune a part and judge it by the test, once as it was and once as it is."""
    began = time.perf_counter()
    found = fine_tune(data, part, registry.get("adapter")(**SETTINGS), GROUNDS[GROUND].how)
    seconds = time.perf_counter() - began
    cut = split(data.without_features(*(set(data.features) - {part})), GROUNDS[GROUND].how)
    table = data.features[part]
    return {
        "part": part,
        "encoder": None if table.encoder is None else table.encoder.name,
        "dim": table.dim,
        "coverage": table.coverage,
        "epochs": found.history.best_epoch,
        "seconds": seconds,
        "valid": {
            name: dict(each.metrics) for name, each in (("frozen", found.before), ("tuned", found.after)) if each
        },
        "test": {name: judged(cut, part, each) for name, each in (("frozen", table), ("tuned", found.table))},
    }


def judged(cut: Split, part: str, table: FeatureTable) -> dict[str, Any]:
    """Return figures of `content-knn` on the test, with their 95 % intervals."""
    model = ContentKNN(parts=(part,)).fit(cut.train.with_features(**{part: table}))
    found = evaluate(model, cut, 20, ("recall", "ndcg"))
    return {"metrics": dict(found.metrics), "intervals": {name: list(ends) for name, ends in found.intervals.items()}}


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the page."""
    lines = [
        "# Fine-tuning: films that nobody met", "",
        f"`python benchmarks/quality/fine_tuning.py`: `movielens-posters`, `cold-items`, seed 0. The adapter (`palate fine-tune --method adapter "
        f"{' '.join(f'--set {name}={value}' for name, value in SETTINGS.items())}`) learns from the likes of training; `content-knn` over one part "
        "at a time, as it was and fine-tuned. 95 % intervals over people in brackets. Epoch 0: validation saw no gain, and the vectors stayed as they were.", "",
        "| part | encoder | items with it | epoch | valid Recall@20 | test Recall@20 | test NDCG@20 | seconds |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for row in rows:
        valid = " → ".join(f"{row['valid'][name]['recall@20']:.4f}" for name in ("frozen", "tuned"))
        cells = [" → ".join(_told(row["test"][name], metric) for name in ("frozen", "tuned")) for metric in METRICS]
        lines.append(
            f"| {row['part']} | `{row['encoder']}` | {row['coverage']:.0%} | {row['epochs']} | {valid} | {cells[0]} | {cells[1]} | {row['seconds']:.0f} |"
        )
    return "\n".join([*lines, "", *verdict(rows), ""])


def verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say of each part whether the test gained, lost or neither, by whether the intervals of both lie apart."""
    told = []
    for row in rows:
        (low, high), (below, above) = (row["test"][name]["intervals"]["recall@20"] for name in ("frozen", "tuned"))
        change = row["test"]["tuned"]["metrics"]["recall@20"] - row["test"]["frozen"]["metrics"]["recall@20"]
        how = (
            "stays as it was"
            if row["epochs"] == 0
            else "gains"
            if below > high
            else "loses"
            if above < low
            else "cannot be told from what it was"
        )
        told.append(f"- `{row['part']}` {how}: {change:+.4f} Recall@20 on test.")
    return told


def _told(found: Mapping[str, Any], metric: str) -> str:
    low, high = found["intervals"][metric]
    return f"{found['metrics'][metric]:.4f} [{low:.4f} {high:.4f}]"


def main() -> int:
    """Measure what is missing, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where everything goes")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--publish", type=Path, help="copy the page and its figures there too")
    asked = parser.parse_args()
    made_of, rows = code(), []
    for part in asked.parts.split(","):
        file = asked.out / "fine-tuning" / f"{part}.json"
        if not file.is_file() or read_json(file)["made_of"] != made_of:
            data = GROUNDS[GROUND].data(asked.real, asked.out)
            write_json(file, {"made_of": made_of, **measured(data, part)})
        rows.append(read_json(file))
        print(f"{part}: {rows[-1]['seconds']:.0f} s", flush=True)
    for folder in (asked.out, asked.publish):
        if folder is not None:
            write_text(folder / "fine-tuning.md", page(rows))
            write_json(folder / "fine-tuning.json", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
