"""From the runs of `make eval-deep` to Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from deep_settings import SECONDS, SHUFFLED

Runs = Sequence[Mapping[str, Any]]
_HEAD = """# Networks, compared

Made by `make eval-deep`, all of it by the same code; nothing here was typed. Protocol strict: fitted on train, settings and epochs
chosen by NDCG@20 on validation, test opened once. A run is one process on one thread{bound}. `±` is the standard
deviation over seeds; a model of one seed has none. `items` counts the distinct items in all lists of 20: where it is small, a
figure was reached by near-constant lists. `epochs` are those of the best weights and, after the stroke, all that were run; `ended`
says by what: patience (validation saw no gain any more), epochs (all that were allowed), or seconds (the time was over while it may
still have been rising). Seconds are those of a whole fit and of one evaluation of all test users, some of them taken while other
work ran. `shuffled` is the same model with the same settings, chosen with the parts as they are, its parts dealt out anew among the items.
"""
_COLUMNS = "| model | Recall@10 | Recall@20 | NDCG@20 | items | validation NDCG@20 | seeds | epochs | ended | fit s | evaluate s |"
_VARIED = "| variation | Recall@20 | NDCG@20 | items | validation NDCG@20 | epochs | ended | fit s |"


def table(runs: Runs, grounds: Sequence[str], older: Sequence[str] = ()) -> str:
    """Return the table of all runs; `older` are labels of those that other code made."""
    bound = f", a network trained for at most {SECONDS / 60:g} minutes"
    text = [_HEAD.format(bound=bound)]
    for ground in grounds:
        here = [run for run in runs if run["ground"] == ground]
        if here:
            text += _section(ground, here)
    if older:
        text += ["", "Made by an earlier state of the code: " + "; ".join(sorted(older)) + "."]
    return "\n".join(text) + "\n"


def _section(ground: str, runs: Runs) -> list[str]:
    whole = [run for run in runs if run["variation"] in ("", SHUFFLED)]
    rows = sorted(_grouped(whole), key=lambda row: -_mean(row, "test", "ndcg@20"))
    users = {run["users"] for run in runs if "users" in run}
    catalogue = {run["items"] for run in runs if "items" in run}
    lines = [f"\n## {ground}", ""]
    if users:
        lines += [f"{max(users):,} users judged, {max(catalogue):,} items.", ""]
    lines += [_COLUMNS, "|---|" + "---|" * (_COLUMNS.count("|") - 2), *map(_row, rows)]
    refused = {_label(run): run["error"] for run in whole if "error" in run}
    lines += [f"\n`{label}`: {reason}" for label, reason in refused.items()]
    lines += ["", "Settings that are not the defaults:", "", *(_settings(row) for row in rows if row[0]["settings"])]
    return lines + _ablations(runs)


def _ablations(runs: Runs) -> list[str]:
    """Return a table for each model of which something was varied, beside its run of the same seed."""
    varied = [run for run in runs if run["variation"] not in ("", SHUFFLED)]
    lines: list[str] = []
    for model in sorted({run["model"] for run in varied}):
        mine = [run for run in varied if run["model"] == model]
        seeds = {run["seed"] for run in mine}
        whole = [run for run in runs if run["model"] == model and not run["variation"] and run["seed"] in seeds]
        rows = sorted(_grouped([*whole, *mine]), key=lambda row: -_mean(row, "test", "ndcg@20"))
        lines += [f"\n### What `{model}` owes to what", "", _VARIED, "|---|" + "---|" * (_VARIED.count("|") - 2)]
        usual = whole[0]["settings"] if whole else {}
        lines += [_varied(row, usual) for row in rows]
        lines += [f"\n`{_label(run)}`: {run['error']}" for run in mine if "error" in run]
    return lines


def _grouped(runs: Runs) -> list[Runs]:
    """Return the runs that have figures, those of one label together, by seed."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        if "test" in run:
            groups.setdefault(_label(run), []).append(run)
    return [sorted(group, key=lambda run: int(run["seed"])) for group in groups.values()]


def _row(row: Runs) -> str:
    cells = [_spread(row, "test", name) for name in ("recall@10", "recall@20", "ndcg@20")]
    cells += [_counted(row), _spread(row, "valid", "ndcg@20"), str(len(row)), *_training(row)]
    cells += [f"{_mean(row, 'seconds', 'fit'):,.1f}", f"{_mean(row, 'seconds', 'evaluate'):,.1f}"]
    return f"| `{_label(row[0])}` | {' | '.join(cells)} |"


def _varied(row: Runs, usual: Mapping[str, Any]) -> str:
    cells = [_spread(row, "test", "recall@20"), _spread(row, "test", "ndcg@20"), _counted(row)]
    cells += [_spread(row, "valid", "ndcg@20"), *_training(row), f"{_mean(row, 'seconds', 'fit'):,.1f}"]
    changed = {key: value for key, value in row[0]["settings"].items() if key not in usual or usual[key] != value}
    told = f" ({', '.join(f'{key} {value}' for key, value in changed.items())})" if changed else ""
    return f"| {row[0]['variation'] or 'as it is'}{told} | {' | '.join(cells)} |"


def _training(row: Runs) -> list[str]:
    """Say how long networks learned and what ended it."""
    if "epochs" not in row[0]:
        return ["", ""]
    epochs = ", ".join(f"{run['best_epoch']}/{run['epochs']}" for run in row)
    return [epochs, ", ".join(sorted({run["stopped"] for run in row}))]


def _counted(row: Runs) -> str:
    return f"{np.mean([run['items@20'] for run in row]):,.0f}"


def _spread(row: Runs, part: str, name: str) -> str:
    values = [run[part][name] for run in row]
    spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{spread}"


def _mean(row: Runs, part: str, name: str) -> float:
    return float(np.mean([run[part][name] for run in row]))


def _settings(row: Runs) -> str:
    told = ", ".join(f"{key} {value}" for key, value in row[0]["settings"].items())
    return f"- `{_label(row[0])}`: {told}"


def _label(run: Mapping[str, Any]) -> str:
    return f"{run['model']}, {run['variation']}" if run["variation"] else str(run["model"])
