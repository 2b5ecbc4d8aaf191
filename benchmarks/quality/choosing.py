"""The tables of docs/choosing-a-fusion.md, out of published figures: nothing in them is typed.

    python benchmarks/quality/choosing.py

Between `<!-- table: NAME -->` and `<!-- end -->` of the page stands what was made of docs/results/planted.md (`planted`), or of
docs/results/fusions/NAME.json (or NAME/fusions.json there), the fusions.json that `palate compare-fusion` leaves. A NAME.md beside it is named.
Where there is no file yet, the page says so.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.files import read_json, write_text

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "choosing-a-fusion.md"
RESULTS = ROOT / "docs" / "results"
REGION = re.compile(r"(<!-- table: ([\w-]+) -->\n)(.*?)(^<!-- end -->$)", re.MULTILINE | re.DOTALL)
NONE = "–"


def main() -> int:
    """Fill the page and say what stands in it now."""
    text = filled(PAGE.read_text(encoding="utf-8"), RESULTS)
    write_text(PAGE, text)
    for _, name, inner, _ in REGION.findall(text):
        print(f"{name}: {len(inner.splitlines())} lines")
    return 0


def filled(page: str, results: Path) -> str:
    """Return a page with its regions made of what lies in a folder of results.

    Raises:
        ValueError: a region is not ended, or its end has no beginning.
    """
    found = len(REGION.findall(page))
    if not page.count("<!-- table:") == page.count("<!-- end -->") == found:
        raise ValueError(f"the page has {found} whole regions and others: begin each with a name, and end it")
    return REGION.sub(lambda region: f"{region[1]}{_made(region[2], results).strip()}\n{region[4]}", page)


def _made(name: str, results: Path) -> str:
    if name == "planted":
        file = results / "planted.md"
        return (
            planted(file.read_text(encoding="utf-8"))
            if file.is_file()
            else _to_come("benchmarks/quality/planted_worlds.py")
        )
    places = (results / "fusions" / f"{name}.json", results / "fusions" / name / "fusions.json")
    file = next((file for file in places if file.is_file()), None)
    if file is None:
        return _to_come("palate compare-fusion")
    whole = file.with_suffix(".md")
    more = f"\nWhole, with intervals: `docs/results/{whole.relative_to(results).as_posix()}`.\n"
    return compared(read_json(file)) + (more if whole.is_file() else "")


def _to_come(maker: str) -> str:
    return f"*This table is to come: `{maker}` makes it.*"


def planted(text: str) -> str:
    """Return a page of planted worlds without its heading."""
    return text.split("\n", 1)[1] if text.startswith("# ") else text


def compared(found: Mapping[str, Any]) -> str:
    """Return what was found by `palate compare-fusion` as tables of methods by models."""
    by, reference, rows = found["by"], found["reference"], found["rows"]
    models = list(dict.fromkeys(row["model"] for row in rows))
    cells = {(row["method"], row["model"]): row for row in rows}
    best = {model: told["method"] for model, told in found["best"].items()}
    order = _ordered(cells, by, reference)
    seeds = f"{found['seeds']} seeds" if found["seeds"] > 1 else "one seed"
    lines = [
        f"{found['data']}, split {found['how']}, liked means {found['positive']}, {found['users']:,} users on test, {seeds}. {by} on test and, in "
        f"brackets, the difference to `{reference}` in the same model, user by user; `*` a real one (paired sign-flip test, Holm within the model). "
        "In bold what validation chose; the rows are in the order of validation, its mean over the models.",
        "",
        f"| method | kind | {' | '.join(f'`{model}`' for model in models)} |",
        "|---" * (2 + len(models)) + "|",
    ]
    for method in order:
        kind = next(cells[method, model]["kind"] for model in models if (method, model) in cells)
        told = [_cell(cells.get((method, model)), by, method == best.get(model)) for model in models]
        lines.append(f"| `{method}` | {kind} | {' | '.join(told)} |")
    failed = [f"- `{row['method']}` in `{row['model']}` failed: {row['error']}" for row in rows if "error" in row]
    gone = _missing(found["missing"], order) if "missing" in found else []
    return "\n".join([*lines, *([""] if failed else []), *failed, *gone]) + "\n"


def _ordered(cells: Mapping[tuple[str, str], Mapping[str, Any]], by: str, reference: str) -> list[str]:
    """Return the methods, best first: by what validation says over what it says of the reference, mean over the models."""
    ratios: dict[str, list[float]] = {}
    for (method, model), row in cells.items():
        own, base = (each.get("valid", {}).get(by) for each in (row, cells.get((reference, model), {})))
        ratios.setdefault(method, []).extend([own / base] if own is not None and base else [])
    return sorted(ratios, key=lambda method: -np.mean(ratios[method]) if ratios[method] else np.inf)


def _cell(row: Mapping[str, Any] | None, by: str, best: bool) -> str:
    if row is None:
        return NONE
    if "error" in row:
        return "failed"
    figure, test = row["metrics"].get(by), row["against"]
    if figure is None:
        return NONE
    told = f"{figure:.4f}"
    if test is not None and test["difference"] is not None:
        told += f" ({test['difference']:+.4f}{'*' if test['significant'] else ''})".replace("-", "−")
    return f"**{told}**" if best else told


def _missing(told: Mapping[str, Any], order: list[str]) -> list[str]:
    """Return the lines of a table of what is left of each method when parts go missing."""
    by, shares = told["by"], [0.0, *told["shares"]]
    figures = {(row["method"], row["model"], row["share"]): row["metrics"].get(by) for row in told["rows"]}
    figures = {key: figure for key, figure in figures.items() if figure is not None}
    lines = [
        "",
        f"What is left of {by} when that share of the items with a part loses it, each part for itself, as a share of the method's own "
        "figure with all parts; means over the models:",
        "",
        f"| method | {' | '.join(f'{share:.0%}'.replace('%', ' %') for share in shares)} |",
        "|---" * (1 + len(shares)) + "|",
    ]
    for method in order:
        whole = {
            model: value for (name, model, share), value in figures.items() if (name, share) == (method, 0) and value
        }
        if whole:
            left = [
                [figures[method, model, share] / whole[model] for model in whole if (method, model, share) in figures]
                for share in shares
            ]
            lines.append(f"| `{method}` | {' | '.join(f'{np.mean(each):.2f}' if each else NONE for each in left)} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
