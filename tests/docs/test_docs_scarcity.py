"""The page of scarcity is what the kept figures make, and its script thins, pairs and corrects as it says."""

import sys

import numpy as np
import pytest

import scarce
from doc_blocks import ROOT

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

from scarcity_table import COLUMNS, METHODS, page, rows_of, write_page

from palate.core.files import read_json

RESULTS = ROOT / "docs" / "results"
FOUND = {file.stem: read_json(file) for file in sorted((RESULTS / "scarcity").glob("*.json"))}


def cell(valid, recall, p=1.0):
    figures = dict.fromkeys(COLUMNS, recall)
    return {"valid": valid, "seconds": 30, "coverage@20": 0.5, **figures, "against": dict.fromkeys(COLUMNS, p)}


def test_the_page_is_what_the_figures_make(tmp_path):
    (tmp_path / "scarcity").mkdir()
    for file in (RESULTS / "scarcity").glob("*.json"):
        (tmp_path / "scarcity" / file.name).write_bytes(file.read_bytes())
    assert write_page(tmp_path).read_text(encoding="utf-8") == (RESULTS / "scarcity.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("ground", FOUND)
def test_every_method_was_tried_beside_the_same_model_without(ground):
    cells = FOUND[ground]["cells"]
    rows = rows_of(ground, cells)
    assert {row.method for row in rows} == set(METHODS)
    for row in rows:
        tried = [each["valid"] for key, each in cells.items() if key.startswith(f"{row.model}|{row.method}|")]
        assert len(tried) >= 2
        assert row.on["valid"] == max(tried)
        assert row.off is cells[f"{row.model}|off|off"]


def test_validation_chooses_and_all_p_values_of_a_ground_are_corrected_together():
    cells = {
        "ease|off|off": cell(0.1, 0.2),
        "ease|pseudo-labels|3": cell(0.3, 0.3, 0.001),
        "ease|pseudo-labels|10": cell(0.2, 0.9, 0.001),
        "umami|off|off": cell(0.1, 0.2),
        "umami|mixup|1": cell(0.1, 0.1, 0.02),
    }
    mixed, labelled = rows_of("tiktok", cells)
    assert (labelled.strength, mixed.strength) == ("3", "1")
    assert labelled.p["recall@20"] == pytest.approx(0.008)
    assert mixed.p["recall@20"] == pytest.approx(0.08)
    assert (labelled.verdict("ndcg@20"), mixed.verdict("ndcg@20")) == ("better", "no difference")
    counts = {"users": 9, "few users": 3, "tail users": 2}
    about = {"users": 10, "likes": 30, "few": 4, "items": 20}
    cells["ease|off|off"]["counts"] = counts
    told = page({"tiktok": {"about": about, "cells": cells}})
    assert "| `ease` | off |  | 0.2000 |" in told
    assert "|  | pseudo-labels 3 | yes | 0.3000 (+0.1000*) |" in told
    assert "- **pseudo-labels** helps: Recall@20 better in 1 and worse in 0 of 1" in told
    assert "- **mixup** changes nothing that can be told" in told


def test_two_people_of_three_keep_one_to_three_of_their_likes():
    pytest.importorskip("torch")
    from scarcity import thinned

    whole = scarce.coloured(likes=6).train
    left = thinned(whole)
    counts = np.diff(left.liked.indptr)
    assert (counts[::3] == 6).all()
    thin = np.delete(counts, np.arange(0, len(counts), 3))
    assert np.unique(thin).tolist() == [1, 2, 3]
    assert not (left.liked > whole.liked).nnz


def test_the_guide_says_what_the_figures_say():
    rows = {
        (row.ground, row.model, row.method): row for ground in FOUND for row in rows_of(ground, FOUND[ground]["cells"])
    }
    films, videos = ("movielens-posters-random", "movielens-posters-cold-items"), "tiktok"
    labelled = {key: row for key, row in rows.items() if key[2] == "pseudo-labels"}
    for (ground, model, _), row in labelled.items():
        assert row.strength == "1"
        assert row.verdict("recall@20") == ("worse" if ground == videos else "no difference")
        tried = [FOUND[ground]["cells"][f"{model}|pseudo-labels|{n}"] for n in (1, 3, 10)]
        if ground == videos:
            assert row.off["recall@20"] > tried[0]["recall@20"] > tried[1]["recall@20"] > tried[2]["recall@20"]
        elif ground == films[0] and model != "ease":
            assert max(each["against"]["recall@20"] for each in tried[1:]) < 0.01
            assert max(each["recall@20"] for each in tried[1:]) < row.off["recall@20"]
    balanced = {key: row for key, row in rows.items() if key[2] == "balance_items"}
    assert balanced[videos, "lightgcn", "balance_items"].verdict("tail recall@20") == "better"
    assert all(row.verdict("recall@20") == "worse" for key, row in balanced.items() if key[0] != films[1])
    costs = {key for key, row in rows.items() if "worse" in {row.verdict(column) for column in COLUMNS}}
    assert {key[1:] for key in costs if key[2] in ("mixup", "weights")} <= {("vbpr", "mixup"), ("umami", "mixup")}
    assert rows[films[1], "vbpr", "mixup"].verdict("recall@20") == "worse"
    assert all(
        row.verdict("recall@20") == "no difference"
        for key, row in rows.items()
        if key[2] in ("mixup", "weights") and key != (films[1], "vbpr", "mixup")
    )
    assert not any(rows[key].wanted for key in costs if key[2] in ("pseudo-labels", "balance_items"))
    guide = (ROOT / "docs" / "how-to" / "few-data.md").read_text(encoding="utf-8")
    assert "Validation would have kept none of the pseudo-labels and balanced draws that cost" in guide
