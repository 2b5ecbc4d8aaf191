"""The page of what was done about scarcity, out of the files that `scarcity.py` left: nothing in it is typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from palate.core.files import read_json, write_text
from palate.metrics.significance import holm

KEPT = Path(__file__).parents[2] / "docs" / "results" / "scarcity"
ORDER = ("tiktok", "movielens-posters-random", "movielens-posters-cold-items")
METHODS = {
    "mixup": "parts of an item are mixed with those of another that one of the same people likes (`mixup`, Beta's parameter)",
    "balance_items": "likes of popular items are drawn more seldom (`balance_items`)",
    "weights": "one part counts four times as much as any other (`weights`)",
    "pseudo-labels": "who has one to three likes gets so many more, by content, in training (`pseudo_labels`)",
}
COLUMNS = ("recall@20", "ndcg@20", "few recall@20", "tail recall@20")
HEADS = ("Recall@20", "NDCG@20", "Recall@20, 1–3 likes", "Recall@20, tail")
ALPHA = 0.05


class Row(NamedTuple):
    """A method at the strength that validation chose, the same model without, and the corrected p-value of each column."""

    ground: str
    model: str
    method: str
    strength: str
    on: Mapping[str, Any]
    off: Mapping[str, Any]
    p: Mapping[str, float]

    @property
    def wanted(self) -> bool:
        """Whether validation prefers the model with the method to that without."""
        return bool(self.on["valid"] > self.off["valid"])

    def verdict(self, column: str) -> str:
        """Return "better", "worse", or "no difference"."""
        if self.p[column] >= ALPHA:
            return "no difference"
        return "better" if self.on[column] > self.off[column] else "worse"


def file_of(ground: str) -> Path:
    """Return where the figures of a ground are kept."""
    return KEPT / f"{ground.replace(', ', '-')}.json"


def rows_of(ground: str, cells: Mapping[str, Any]) -> list[Row]:
    """Return for each method and model the strength that is best on validation, all p-values of the ground corrected by Holm."""
    chosen: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for key, cell in cells.items():
        model, method, strength = key.split("|")
        if method != "off" and cell["valid"] > chosen.get((method, model), ("", {"valid": -1.0}))[1]["valid"]:
            chosen[method, model] = strength, cell
    order = sorted(chosen, key=lambda pair: (list(METHODS).index(pair[0]), pair[1]))
    asked = [(pair, column) for pair in order for column in COLUMNS]
    corrected = dict(zip(asked, holm([chosen[pair][1]["against"][column] for pair, column in asked]), strict=True))
    return [
        Row(ground, model, method, *chosen[method, model], cells[f"{model}|off|off"],
            {column: corrected[(method, model), column] for column in COLUMNS})
        for method, model in order
    ]  # fmt: skip


def write_page(results: Path) -> Path:
    """Write the page into the folder of results; return it."""
    target = results / "scarcity.md"
    write_text(target, page({file.stem: read_json(file) for file in sorted((results / "scarcity").glob("*.json"))}))
    return target


def page(found: Mapping[str, Any]) -> str:
    """Return the page of what was found, by ground."""
    grounds = [name for name in ORDER if name in found]
    rows = {name: rows_of(name, found[name]["cells"]) for name in grounds}
    lines = ["# Scarcity and imbalance: what helps, and what does not", "", *_head(found, grounds), "## In short", ""]
    lines += _short([row for name in grounds for row in rows[name]])
    for name in grounds:
        lines += ["", f"## {name}", "", *_about(found[name]), "", *_table(rows[name], found[name]["cells"])]
    return "\n".join([*lines, ""])


def _head(found: Mapping[str, Any], grounds: list[str]) -> Iterator[str]:
    seconds = sum(cell["seconds"] for name in grounds for cell in found[name]["cells"].values())
    yield (
        "`python benchmarks/quality/scarcity.py`: one seed, networks of few epochs and umami without the scores beside its cosines, so that on can "
        f"be told from off; {seconds / 60:.0f} minutes of one core for all fits. Short runs say nothing of what a model can do: see `deep.md` for that."
    )
    yield ""
    for name, told in METHODS.items():
        yield f"- **{name}**: {told}."
    yield ""
    yield (
        "Of each method's strengths validation chose one, by NDCG@20, and *kept* says whether it preferred that to none at all. The change is to the same model "
        "without it on the test; `*`: a real one, by the paired sign-flip test over people, Holm over all of a ground. *Tail*: those items that training likes least and that have half of its likes together. "
        "On films two of three people keep one to three of their likes (rated 4 or more) in training."
    )
    yield ""


def _short(rows: list[Row]) -> Iterator[str]:
    for method in METHODS:
        mine = [row for row in rows if row.method == method]
        if not mine:
            continue
        told = []
        for column, head in zip(COLUMNS, HEADS, strict=True):
            counts = {word: sum(row.verdict(column) == word for row in mine) for word in ("better", "worse")}
            told.append(f"{head} better in {counts['better']} and worse in {counts['worse']} of {len(mine)}")
        helped = any(row.verdict(column) == "better" for row in mine for column in COLUMNS)
        hurt = any(row.verdict(column) == "worse" for row in mine for column in COLUMNS)
        verdict = {(True, False): "helps", (False, True): "hurts", (True, True): "helps here and hurts there"}
        told.append(f"validation would keep it in {sum(row.wanted for row in mine)}")
        yield f"- **{method}** {verdict.get((helped, hurt), 'changes nothing that can be told')}: {'; '.join(told)}."


def _about(found: Mapping[str, Any]) -> Iterator[str]:
    about, counts = found["about"], next(iter(found["cells"].values()))["counts"]
    yield (
        f"{about['users']:,} people with {about['likes']:,} likes in training, {about['few']:,} of them with one to three; {about['items']:,} items. Judged on the "
        f"test: {counts['users']:,} people, {counts['few users']:,} with at most three likes, {counts['tail users']:,} with a like of the tail."
    )


def _table(rows: list[Row], cells: Mapping[str, Any]) -> Iterator[str]:
    yield f"| model | method | kept | {' | '.join(HEADS)} | items listed |"
    yield "|---|---|---" + "|---:" * (len(HEADS) + 1) + "|"
    for model in sorted({row.model for row in rows}):
        off = cells[f"{model}|off|off"]
        yield _line(f"`{model}`", "off", "", [f"{off[column]:.4f}" for column in COLUMNS], off)
        for row in rows:
            if row.model == model:
                kept = "yes" if row.wanted else "no"
                yield _line(
                    "", f"{row.method} {row.strength}", kept, [_change(row, column) for column in COLUMNS], row.on
                )


def _line(model: str, method: str, kept: str, told: list[str], cell: Mapping[str, Any]) -> str:
    return f"| {model} | {method} | {kept} | {' | '.join(told)} | {100 * cell['coverage@20']:.0f} % |"


def _change(row: Row, column: str) -> str:
    star = "" if row.verdict(column) == "no difference" else "*"
    return f"{row.on[column]:.4f} ({row.on[column] - row.off[column]:+.4f}{star})".replace("-", "−")
