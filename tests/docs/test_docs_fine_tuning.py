"""The page of fine-tuning is what its script makes of the published figures, and the guide says nothing else."""

from __future__ import annotations

import sys

from doc_blocks import ROOT
from palate.core.files import read_json
from palate.finetune import registry

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

import fine_tuning

RESULTS = ROOT / "docs" / "results"


def test_the_page_is_what_the_figures_make():
    rows = read_json(RESULTS / "fine-tuning.json")
    assert fine_tuning.page(rows) == (RESULTS / "fine-tuning.md").read_text(encoding="utf-8")
    assert [row["part"] for row in rows] == list(fine_tuning.PARTS)


def row(frozen, tuned, epochs=3):
    ends = {"frozen": frozen, "tuned": tuned}
    test = {
        name: {"metrics": {"recall@20": sum(pair) / 2}, "intervals": {"recall@20": list(pair)}}
        for name, pair in ends.items()
    }
    return {"part": "poster", "epochs": epochs, "test": test}


def test_a_gain_is_one_that_the_intervals_show():
    told = [fine_tuning.verdict([each])[0] for each in (
        row((0.1, 0.2), (0.3, 0.4)), row((0.3, 0.4), (0.1, 0.2)), row((0.1, 0.2), (0.15, 0.25)), row((0.1, 0.2), (0.1, 0.2), 0)
    )]  # fmt: skip
    assert told == [
        "- `poster` gains: +0.2000 Recall@20 on test.",
        "- `poster` loses: -0.2000 Recall@20 on test.",
        "- `poster` cannot be told from what it was: +0.0500 Recall@20 on test.",
        "- `poster` stays as it was: +0.0000 Recall@20 on test.",
    ]


def test_the_guide_names_every_method_and_says_what_was_measured():
    text = " ".join((ROOT / "docs" / "how-to" / "fine-tune.md").read_text(encoding="utf-8").split())
    rows = read_json(RESULTS / "fine-tuning.json")
    assert (
        "validation gained over three parts of four, and the test over none by more than its intervals leave open"
        in text
    )
    assert sum(row["valid"]["tuned"]["ndcg@20"] > row["valid"]["frozen"]["ndcg@20"] for row in rows) == 3
    assert not [told for told in fine_tuning.verdict(rows) if " gains: " in told or " loses: " in told]
    assert [name for name in registry.names() if f"| `{name}` |" not in text] == []
