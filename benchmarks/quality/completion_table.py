"""The table and the plot of completers, out of what `completion.py` left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from palate.complete._advice import DEFAULT
from palate.core.files import read_json, write_text

_TITLES = {"one": "one part hidden", "all": "each part hidden"}
_COLOURS = ("#4c6a92", "#c46a3f", "#5b8c5a", "#8a5a83", "#b0923b", "#4f9a9a", "#a64b5e", "#6f6f6f", "#222222")
_WIDE, _HIGH, _GAP, _LEFT, _TOP = 250, 150, 62, 52, 34

Figures = Mapping[str, Mapping[str, Any]]
"""By share, what was found."""


def write_page(results: Path) -> list[Path]:
    """Write completion.md and completion.svg of what lies in `completion` of a folder of results."""
    kept = {
        (folder.name, what): {
            file.name.split(".")[1]: read_json(file) for file in sorted(folder.glob(f"{what}.*.json"))
        }
        for folder in sorted((results / "completion").iterdir())
        for what in _TITLES
    }
    kept = {key: found for key, found in kept.items() if found}
    write_text(results / "completion.md", "\n".join(_page(kept)) + "\n")
    write_text(results / "completion.svg", "\n".join(_plot(kept)) + "\n")
    return [results / "completion.md", results / "completion.svg"]


def _page(kept: Mapping[tuple[str, str], Mapping[str, Figures]]) -> Iterator[str]:
    yield "# Completers on real data"
    yield ""
    yield "Made by `python benchmarks/quality/completion.py`; nothing here was typed. A share of one part, or of each part for itself, is hidden, the same for"
    yield "all; completers learn from the training part of the split. *Cosine* is that between estimate and truth, both standardised, mean over what was"
    yield "hidden (0 where nothing could be told); *error* the root of the mean square of what estimates are off by, over that of the mean row."
    yield "*Recall@20* is on test, one seed; `none` leaves absent what is absent; umami is trained for a short time with nothing beside it. The plot is"
    yield f"`completion.svg`. ▾: worse than with `{DEFAULT}`, which is recommended, and ▴: better, by the paired sign-flip test, user by user (p < 0.05, Holm within"
    yield "a column of a model)."
    yield ""
    yield from _in_short(kept)
    for (ground, what), found in kept.items():
        shares = sorted({share for figures in found.values() for share in figures}, key=float)
        head = " | ".join(f"{float(share):.0%}" for share in shares)
        hidden = sorted({part for figures in found.values() for cell in figures.values() for part in cell["errors"]})
        yield from ("", f"## {ground}: {_TITLES[what]} ({', '.join(hidden)})", "")
        yield from (f"| completer | what | {head} |", "|---|---|" + "---|" * len(shares))
        for name, figures in found.items():
            for label, row in _rows(name, figures):
                yield f"| `{name}` | {label} | " + " | ".join(row.get(share, "–") for share in shares) + " |"


def _rows(name: str, figures: Figures) -> Iterator[tuple[str, dict[str, str]]]:
    if name != "none":
        for word, label in (("cosine", "cosine"), ("rmse", "error")):
            yield label, {share: f"{_mean(cell, word):.3f}" for share, cell in figures.items()}
    models = sorted({model for cell in figures.values() for model in cell["models"]})
    for model in models:
        yield (
            f"{model}, Recall@20",
            {
                share: f"{cell['models'][model]['test']['recall@20']:.4f}{_mark(cell, model)}"
                for share, cell in figures.items()
                if model in cell["models"]
            },
        )


def _in_short(kept: Mapping[tuple[str, str], Mapping[str, Figures]]) -> Iterator[str]:
    """Tell how the recommended completer does where half is hidden."""
    for ground in sorted({ground for ground, _ in kept}):
        marks = [
            _mark(figures["0.5"], model)
            for (place, _), found in kept.items()
            for figures in found.values()
            for model in figures.get("0.5", {"models": {}})["models"]
            if place == ground and f"over {DEFAULT}" in figures["0.5"]["models"][model]
        ]
        if not marks:
            continue
        won, lost = marks.count("▾"), marks.count("▴")
        yield (
            f"- On {ground}, with half hidden, `{DEFAULT}` was held against another completer, or none, {len(marks)} times: it wins {won}, "
            f"ties {len(marks) - won - lost} and loses {lost}."
        )


def _mark(cell: Mapping[str, Any], model: str) -> str:
    test = cell["models"][model].get(f"over {DEFAULT}")
    if test is None or test["p_holm"] >= 0.05:
        return ""
    return "▴" if test["difference"] > 0 else "▾"


def _mean(cell: Mapping[str, Any], word: str) -> float:
    values = [error[word] for error in cell["errors"].values()]
    return float(sum(values) / max(len(values), 1))


def _plot(kept: Mapping[tuple[str, str], Mapping[str, Figures]]) -> Iterator[str]:
    names = sorted({name for found in kept.values() for name in found})
    colour = dict(zip(names, _COLOURS, strict=False))
    columns = [("cosine of what was hidden", lambda cell: _mean(cell, "cosine"))]
    models = sorted(
        {
            m
            for found in kept.values()
            for figures in found.values()
            for cell in figures.values()
            for m in cell["models"]
        }
    )
    columns += [
        (f"Recall@20 of {model}", lambda cell, model=model: cell["models"].get(model, {}).get("test", {}).get("recall@20"))
        for model in models
    ]  # fmt: skip
    wide = _LEFT + len(columns) * (_WIDE + _GAP)
    high = _TOP + len(kept) * (_HIGH + _GAP) + 40
    yield "<!-- made by benchmarks/quality/completion.py -->"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" font-size="11">'
    yield f'<rect width="{wide}" height="{high}" fill="white"/>'
    for row, ((ground, what), found) in enumerate(kept.items()):
        top = _TOP + row * (_HIGH + _GAP)
        for column, (title, value) in enumerate(columns):
            curves = {
                name: [(float(share), y) for share, cell in figures.items() if (y := value(cell)) is not None]
                for name, figures in found.items()
                if column or name != "none"
            }
            left = _LEFT + column * (_WIDE + _GAP)
            yield from _panel(
                {k: v for k, v in curves.items() if v}, colour, left, top, f"{ground}, {_TITLES[what]}", title
            )
    for place, name in enumerate(names):
        x = _LEFT + place * 98
        yield f'<line x1="{x}" y1="{high - 18}" x2="{x + 18}" y2="{high - 18}" stroke="{colour[name]}" stroke-width="2"/>'
        yield f'<text x="{x + 22}" y="{high - 14}">{name}</text>'
    yield "</svg>"


def _panel(
    curves: Mapping[str, list[tuple[float, float]]],
    colour: Mapping[str, str],
    left: float,
    top: float,
    head: str,
    title: str,
) -> Iterator[str]:
    heights = [y for curve in curves.values() for _, y in curve] or [0.0]
    low, high = min(*heights, 0.0) if min(heights) < 0 else min(heights), max(heights)
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low or 1)
    yield f'<text x="{left}" y="{top - 18}" font-weight="bold">{title}</text><text x="{left}" y="{top - 5}" fill="#555">{head}</text>'
    yield f'<rect x="{left}" y="{top}" width="{_WIDE}" height="{_HIGH}" fill="none" stroke="#bbb"/>'
    for mark in range(5):
        value = low + (high - low) * mark / 4
        y = top + _HIGH * (1 - mark / 4)
        yield f'<line x1="{left}" y1="{y:.1f}" x2="{left + _WIDE}" y2="{y:.1f}" stroke="#eee"/>'
        yield f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{value:.3f}</text>'
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        yield f'<text x="{left + share * _WIDE:.1f}" y="{top + _HIGH + 14}" text-anchor="middle" fill="#555">{share:.0%}</text>'
    for name, curve in curves.items():
        places = [
            (f"{left + x * _WIDE:.1f}", f"{top + _HIGH * (high - y) / (high - low or 1):.1f}") for x, y in sorted(curve)
        ]
        points = " ".join(",".join(place) for place in places)
        yield f'<polyline points="{points}" fill="none" stroke="{colour[name]}" stroke-width="1.8"/>'
        yield from (f'<circle cx="{x}" cy="{y}" r="2.4" fill="{colour[name]}"/>' for x, y in places)
