"""From the files of a run to Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from palate.core.files import write_text

_METRICS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
_COST = {"fit": 2, "evaluate": 2, "peak_mb": 0}


def write_table(out: Path, grounds: Sequence[str], trials: int, seconds: float) -> Path:
    """Write OUT/ground.md and return its place."""
    parts = [_HEAD.format(trials=trials, seconds=f"{seconds:g}")]
    for ground in grounds:
        files = sorted((out / ground.replace(", ", "-")).glob("*.json"))
        rows = [_read(file) for file in files if file.name.count(".") == 1]
        if rows:
            parts.append(_section(ground, rows))
    target = out / "ground.md"
    write_text(target, "\n".join(parts))
    return target


_HEAD = """# Models that need no torch, compared

Made by one run of `make eval`, all of it by the same code; nothing here was typed. Protocol strict: fitted on train, settings chosen by NDCG@20 on validation
with the same budget for every model ({trials} settings drawn from `benchmarks/quality/spaces.py`, where a model and its rival
have the same lists, and no new one after {seconds} processor seconds), test opened once. Means over
users with 95 % bootstrap intervals; `±` is the standard deviation over five seeds where a model is random. `found` is the
share of the catalogue that the lists of 20 show, `out of reach` the share of the items to be found that the model cannot
score. Seconds are those of one fit and of one evaluation of all test users on two cores, in a process of their own, with
the time that numba takes to load its machine code; memory is how much that process grew.
"""


def _read(file: Path) -> dict[str, Any]:
    """Return what was judged, with what it cost."""
    spent = file.with_name(f"{file.stem}.cost.json")
    return {**json.loads(file.read_text()), "cost": json.loads(spent.read_text()) if spent.is_file() else {}}


def _section(ground: str, rows: list[dict[str, Any]]) -> str:
    judged = [row for row in rows if row.get("metrics")]
    judged.sort(key=lambda row: -row["metrics"]["ndcg@20"])
    lines = [
        f"\n## {ground}",
        "",
        f"{judged[0]['users']:,} users judged." if judged else "",
        "",
        "| model | Recall@10 | Recall@20 | NDCG@10 | NDCG@20 | found | out of reach | fit s | evaluate s | MB |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *map(_row, judged),
    ]
    failed = [row for row in rows if not row.get("metrics")]
    lines += [f"\n`{row['model']}`: {row.get('error', 'failed')}" for row in failed]
    lines += ["", "Settings chosen:", "", *(f"- `{row['model']}`: {_chosen(row['fields'])}" for row in judged)]
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    cells = [_cell(row, name) for name in _METRICS]
    found, lost, spent = row["metrics"]["coverage@20"], row["unscored"], row["cost"]
    cells += [f"{100 * found:.0f} %", f"{100 * lost:.0f} %"]
    cells += [f"{spent[name]:,.{digits}f}" if spent else "" for name, digits in _COST.items()]
    return f"| `{row['model']}` | {' | '.join(cells)} |"


def _cell(row: dict[str, Any], name: str) -> str:
    low, high = row["intervals"][name]
    deviation = row["std"].get(name, 0.0)
    spread = f" ± {deviation:.4f}" if deviation else ""
    return f"{row['metrics'][name]:.4f}{spread} [{low:.4f}, {high:.4f}]"


def _chosen(fields: dict[str, Any]) -> str:
    """Say settings in one line."""
    settings = dict(fields.get("settings", {}))
    members = settings.pop("members", None)
    words = [f"{key} {value}" for key, value in settings.items()]
    words += [f"{key} {fields[key]}" for key in ("fuse", "late") if fields.get(key)]
    if members:
        words.append("members " + ", ".join(member["model"] for member in members))
    return ", ".join(words) or "the defaults"
