"""The tables of docs/choosing-a-fusion.md are what its script makes of the published figures, and the script says what these say."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

import palate
from doc_blocks import ROOT
from palate.bundle import Ways
from palate.core.files import read_json
from palate.evaluation import Missing, compare_fusions
from palate.evaluation.fusions_report import write_fusions
from palate.fusion import registry as fusions
from palate.fusion.late import registry as score_fusions

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

import choosing

PAGE = "Before.\n\n<!-- table: planted -->\nold\n<!-- end -->\n\nBetween.\n\n<!-- table: films -->\n<!-- end -->\n\nAfter.\n"


def row(model, method, kind, valid, test, difference=None, significant=False):
    against = None if difference is None else {"difference": difference, "significant": significant}
    figures = {"metrics": {"ndcg@20": test}, "valid": {} if valid is None else {"ndcg@20": valid}}
    return {"model": model, "method": method, "kind": kind, **figures, "against": against}


def failed(model, method, kind, error):
    return {"model": model, "method": method, "kind": kind, "error": error, "metrics": {}, "valid": {}}


FOUND = {
    "rows": [
        row("content-knn", "mean", "early", 0.3, 0.31, 0.0101, True),
        row("content-knn", "concat", "early", 0.2, 0.2999),
        row("content-knn", "late max", "late", 0.1, 0.29, -0.0099),
        row("content-knn", "popularity", "floor", 0.05, None),
        row("two-tower", "late max", "late", 0.9, 0.8, 0.4, True),
        row("two-tower", "concat", "early", 0.5, 0.4),
        failed("two-tower", "mean", "early", "no memory"),
    ],
    "best": {"content-knn": {"method": "mean"}, "two-tower": {"method": "late max"}},
    "by": "ndcg@20", "reference": "concat", "how": "cold-items", "seeds": 3, "users": 1234,
    "data": "films", "positive": "weight>=4",
}  # fmt: skip
MISSING = {
    "by": "ndcg@20", "shares": [0.5], "draws": 1,
    "rows": [
        {"model": "content-knn", "method": "mean", "share": 0.0, "metrics": {"ndcg@20": 0.4}, "error": None},
        {"model": "content-knn", "method": "mean", "share": 0.5, "metrics": {"ndcg@20": 0.1}, "error": None},
        {"model": "two-tower", "method": "mean", "share": 0.0, "metrics": {"ndcg@20": 0.2}, "error": None},
        {"model": "two-tower", "method": "mean", "share": 0.5, "metrics": {"ndcg@20": 0.15}, "error": None},
        {"model": "two-tower", "method": "concat", "share": 0.0, "metrics": {"ndcg@20": 0.2}, "error": None},
        {"model": "two-tower", "method": "concat", "share": 0.5, "metrics": {}, "error": "no memory"},
    ],
}  # fmt: skip


def test_the_page_is_what_the_published_figures_make():
    page = choosing.PAGE.read_text(encoding="utf-8")
    assert choosing.filled(page, choosing.RESULTS) == page
    assert re.findall(r"<!-- table: ([\w-]+) -->", page) == ["planted", "films-random", "films-cold-items", "tiktok"]


def test_every_published_comparison_stands_on_the_page():
    page = choosing.PAGE.read_text(encoding="utf-8")
    there = {file.stem for file in (choosing.RESULTS / "fusions").glob("*.json")}
    there |= {file.parent.name for file in (choosing.RESULTS / "fusions").glob("*/fusions.json")}
    assert there <= set(re.findall(r"<!-- table: ([\w-]+) -->", page))


def test_what_is_not_there_is_said_to_come_and_the_rest_stays(tmp_path):
    once = choosing.filled(PAGE, tmp_path)
    assert "old" not in once
    assert re.findall(r"This table is to come: `([^`]+)`", once) == [
        "benchmarks/quality/planted_worlds.py", "palate compare-fusion",
    ]  # fmt: skip
    assert choosing.filled(once, tmp_path) == once
    assert re.sub(r"(-->\n)[^<]*\n<!-- end", r"\1<!-- end", once) == PAGE.replace("old\n", "")


def test_planted_worlds_come_without_their_heading(tmp_path):
    (tmp_path / "planted.md").write_text("# Fusions in worlds\n\nHow.\n\n| method |\n|---|\n| `mlp` |\n")
    text = choosing.filled(PAGE, tmp_path)
    assert "<!-- table: planted -->\nHow.\n\n| method |\n|---|\n| `mlp` |\n<!-- end -->" in text
    assert choosing.filled(text, tmp_path) == text


def test_the_planted_table_is_read_as_its_script_writes_it():
    pytest.importorskip("torch")
    import planted_worlds

    text = planted_worlds.HEAD.format(worlds="- **sum**: a world", likes=30, means="means over 5 seeds")
    assert choosing.planted(text).lstrip().startswith("Made by `python benchmarks/quality/planted_worlds.py`")


def test_methods_stand_by_models_in_the_order_of_validation():
    lines = choosing.compared(FOUND).splitlines()
    assert lines[0].startswith("films, split cold-items, liked means weight>=4, 1,234 users on test, 3 seeds. ndcg@20")
    table = [line for line in lines if line.startswith("|")]
    assert table == [
        "| method | kind | `content-knn` | `two-tower` |",
        "|---|---|---|---|",
        "| `mean` | early | **0.3100 (+0.0101*)** | failed |",
        "| `late max` | late | 0.2900 (−0.0099) | **0.8000 (+0.4000*)** |",
        "| `concat` | early | 0.2999 | 0.4000 |",
        "| `popularity` | floor | – | – |",
    ]
    assert lines[-1] == "- `mean` in `two-tower` failed: no memory"


def test_what_is_left_when_parts_go_is_a_share_of_the_methods_own_figure():
    table = choosing.compared({**FOUND, "missing": MISSING}).split("What is left of ndcg@20")[1]
    assert [line for line in table.splitlines() if line.startswith("|")] == [
        "| method | 0 % | 50 % |",
        "|---|---|---|",
        "| `mean` | 1.00 | 0.50 |",
        "| `concat` | 1.00 | – |",
    ]


@pytest.mark.parametrize("place", ["films.json", "films/fusions.json"])
def test_it_reads_what_the_command_leaves(tiny, tmp_path, place):
    cut = palate.split(tiny, "random-per-user", seed=0)
    methods = Ways.of(["vector-space"], early=["mean"], late=["borda"]).methods(tiny.part_names())
    found = compare_fusions(cut, methods, missing=Missing((0.5,)), resamples=20)
    left = tmp_path / "left"
    write_fusions(left, tiny, found)
    target = tmp_path / "fusions" / place
    target.parent.mkdir(parents=True)
    target.write_bytes((left / "fusions.json").read_bytes())
    target.with_suffix(".md").write_bytes((left / "fusions.md").read_bytes())
    text = choosing.filled(PAGE, tmp_path)
    for method in ("concat", "mean", "late borda", "title alone", "photo alone", "popularity"):
        figure = found.blocks[0].trials[method].test.metrics["ndcg@20"]
        assert re.search(rf"^\| `{method}` \| \w+ \| (\*\*)?{figure:.4f}", text, re.MULTILINE), method
    assert text.count("| 1.00 |") == 5
    assert f"docs/results/fusions/{place.removesuffix('.json')}.md" in text


def published(name):
    """Rows of a published comparison by model and method, and what validation chose."""
    found = read_json(choosing.RESULTS / "fusions" / name / "fusions.json")
    return found, {(row["model"], row["method"]): row for row in found["rows"]}


def real(rows, model, method):
    """1 where a method is above concat by a real difference, -1 where it is below, 0 where it is neither."""
    against = rows[model, method]["against"]
    return int(np.sign(against["difference"])) if against["significant"] else 0


@pytest.mark.parametrize("name", ["films-random", "films-cold-items", "tiktok"])
def test_every_registered_fusion_is_in_the_published_tables(name):
    found, rows = published(name)
    methods = {*fusions.names(), *(f"late {late}" for late in score_fusions.names())}
    for model in {row["model"] for row in found["rows"]}:
        assert methods <= {method for of, method in rows if of == model}
    assert not any("error" in row for row in found["rows"])


def test_what_the_page_says_of_items_that_were_met():
    for name, chosen in (("films-random", {"gated"}), ("tiktok", {"gated", "transformer"})):
        found, rows = published(name)
        assert {best["method"] for best in found["best"].values()} == chosen
        for model, best in found["best"].items():
            assert real(rows, model, best["method"]) == 1
            reads_no_likes = ("concat", "mean", "sum", "weighted", "vote-selection", "aligned", "hybrid", "generative")
            floor = rows[model, "popularity"]["metrics"]["ndcg@20"]
            assert all(rows[model, method]["metrics"]["ndcg@20"] < floor for method in reads_no_likes)
    alone, both = (rows["two-tower", method]["metrics"]["ndcg@20"] for method in ("image_feat alone", "mlp"))
    assert 3 * rows["two-tower", "concat"]["metrics"]["ndcg@20"] < alone < both
    assert [real(rows, model, "user-attention") for model in ("content-knn", "vector-space")] == [-1, -1]
    assert (
        rows["content-knn", "attention"]["metrics"]["ndcg@20"] < rows["content-knn", "popularity"]["metrics"]["ndcg@20"]
    )


def test_what_the_page_says_of_items_that_nobody_met():
    found, rows = published("films-cold-items")
    assert {model: best["method"] for model, best in found["best"].items() if model != "two-tower"} == {
        "content-knn": "late stacking", "vector-space": "late stacking",
    }  # fmt: skip
    told = {method: [real(rows, model, method) for model in ("content-knn", "vector-space")]
            for method in ("late stacking", "gated", "graph", "mlp", "tags alone")}  # fmt: skip
    assert told == {
        "late stacking": [0, 1], "gated": [-1, -1], "graph": [0, 1], "mlp": [0, 1], "tags alone": [-1, 1],
    }  # fmt: skip
    for name in ("films-cold-items", "films-random", "tiktok"):
        _, rows = published(name)
        for model, method in rows:
            assert method not in {"generative", "hybrid", "aligned"} or real(rows, model, method) < 1


def test_what_the_page_says_of_parts_that_go_missing():
    found, _ = published("films-cold-items")
    lines = choosing.compared(found).split("What is left of")[1].splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    left = {method.strip("`"): float(at_30) for method, _, at_30, *_ in cells}
    assert all(left[method] > 0.8 for method in ("late stacking", "late reciprocal-rank", "late max"))
    assert all(left[method] < 0.5 for method in ("concat", "mean", "sum", "vote-selection"))


@pytest.mark.parametrize("wrong", ["<!-- table: planted -->\n", "<!-- end -->\n", PAGE + "<!-- end -->\n"])
def test_a_region_without_end_or_beginning_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="begin each with a name, and end it"):
        choosing.filled(wrong, tmp_path)
