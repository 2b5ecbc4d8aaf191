"""The page of standardisers, out of what `standardising.py` left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from palate.core.files import read_json, write_text
from palate.metrics.significance import holm

NONE = "none"
_NOTES = """\
Made by `python benchmarks/quality/standardising.py`; nothing here was typed. What is named brings parts to another scale than the one that
models bring them to by themselves (`none`, which is also what `z-score` does); it has its defaults (`shrink` of `whitening` was chosen by validation
of `content-knn` on these data, the others were not), and learned from the training part of the split.
`umami` learns for {epochs} epochs here, the same for all, and is nothing beside its cosines (`late=0`): its figures tell what the scale does to it, not how
good it gets; what else is set is as in `docs/results/deep.md`. One seed; *p* is that of the paired test, person by person on test, against `none`, corrected for the number of rows that are held against it (Holm)."""


def write_page(results: Path) -> Path:
    """Write standardising.md of what lies in `standardising` of a folder of results."""
    target = results / "standardising.md"
    write_text(target, "\n".join(_page(results / "standardising")) + "\n")
    return target


def _page(kept: Path) -> Iterator[str]:
    grounds = [folder for folder in sorted(kept.iterdir()) if folder.is_dir()]
    epochs = {read_json(file)["epochs"] for folder in grounds for file in folder.glob("umami.*.json")}
    yield from ("# Standardisers on real data", "", _NOTES.format(epochs=" or ".join(map(str, sorted(epochs)))))
    for folder in grounds:
        yield from ("", f"## {folder.name}", "")
        yield "| model | standardiser | Recall@20 on validation | Recall@20 | NDCG@20 | p, Recall@20 | p, NDCG@20 | seconds to fit |"
        yield "|---|---|---|---|---|---|---|---|"
        for model in sorted({file.name.split(".")[0] for file in folder.glob("*.json")}):
            found = {file.name.split(".")[1]: read_json(file) for file in folder.glob(f"{model}.*.json")}
            yield from _rows(model, dict(sorted(found.items(), key=lambda one: (one[0] != NONE, one[0]))))


def _rows(model: str, found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    others = [way for way in found if way != NONE]
    corrected = {
        metric: dict(zip(others, holm([found[way]["p"][metric] for way in others]), strict=True))
        for metric in ("recall@20", "ndcg@20")
    }
    for way, cell in found.items():
        figures = [cell["valid"]["recall@20"], cell["test"]["recall@20"], cell["test"]["ndcg@20"]]
        p = [f"{values[way]:.4f}" if way in values else "–" for values in corrected.values()]
        told = " | ".join([*(f"{value:.4f}" for value in figures), *p, f"{cell['seconds']['standardise']:.1f}"])
        yield f"| `{model}` | `{way}` | {told} |"
