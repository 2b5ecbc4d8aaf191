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
