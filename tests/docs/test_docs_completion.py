"""The page of completers is what the published figures make, and what the docs say of them is in it."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from doc_blocks import ROOT
from palate.complete import registry
from palate.complete._advice import DEFAULT
from palate.core.files import read_json

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

from completion_table import write_page
from modality_dropout import GROUNDS_HERE, SEEDS, _page

RESULTS = ROOT / "docs" / "results"


def test_page_and_plot_are_what_the_figures_make(tmp_path):
    shutil.copytree(RESULTS / "completion", tmp_path / "completion")
    for made in write_page(tmp_path):
        assert made.read_text(encoding="utf-8") == (RESULTS / made.name).read_text(encoding="utf-8")


@pytest.mark.parametrize("ground", ["tiktok", "movielens-posters-random", "movielens-posters-cold-items"])
@pytest.mark.parametrize("what", ["one", "all"])
@pytest.mark.parametrize("name", ["none", *registry.names()])
def test_the_tables_are_whole(ground, what, name):
    cells = read_json(RESULTS / "completion" / ground / f"{what}.{name}.json")
    assert list(cells) == ["0.1", "0.3", "0.5", "0.7", "0.9"]
    assert all(set(cell["models"]) == {"content-knn", "ease", "umami"} for cell in cells.values())
    assert name == "none" or all(cell["errors"] for cell in cells.values())


@pytest.mark.parametrize("what", ["one", "all"])
def test_on_short_videos_the_default_brings_most_back(what):
    files = {name: RESULTS / "completion" / "tiktok" / f"{what}.{name}.json" for name in ("none", *registry.names())}
    for share in ("0.1", "0.3", "0.5", "0.7", "0.9"):
        recall = {
            name: read_json(file)[share]["models"]["content-knn"]["test"]["recall@20"] for name, file in files.items()
        }
        assert max(recall, key=recall.get) == "graph"
    text = " ".join((ROOT / "docs" / "models.md").read_text(encoding="utf-8").split())
    assert "On short videos `graph` brings most back at every share that was hidden" in text


def test_where_nearly_all_is_estimated_from_likes_content_becomes_likes():
    cells = read_json(RESULTS / "completion" / "movielens-posters-random" / "all.graph.json")
    recall = {share: cells[share]["models"]["content-knn"]["test"]["recall@20"] for share in ("0.1", "0.9")}
    assert recall["0.9"] > 1.5 * recall["0.1"]
    text = " ".join((ROOT / "docs" / "models.md").read_text(encoding="utf-8").split())
    assert "with nine tenths of all parts of films hidden it finds more by `graph` than with one tenth hidden" in text


def test_what_comes_nearest_is_not_what_helps_most():
    cells = {
        name: read_json(RESULTS / "completion" / "tiktok" / f"one.{name}.json")["0.5"] for name in ("graph", "ridge")
    }
    cosine = {name: cell["errors"]["image_feat"]["cosine"] for name, cell in cells.items()}
    recall = {name: cell["models"]["content-knn"]["test"]["recall@20"] for name, cell in cells.items()}
    assert cosine["ridge"] > cosine["graph"]
    assert recall["graph"] > recall["ridge"]


def _at_half(ground):
    """How completers differ from the default with half hidden: (file, model, test)."""
    return [
        (file.name, name, model[f"over {DEFAULT}"])
        for file in sorted((RESULTS / "completion" / ground).glob("*.json"))
        for name, model in read_json(file)["0.5"]["models"].items()
        if f"over {DEFAULT}" in model
    ]


@pytest.mark.parametrize("ground", ["tiktok", "movielens-posters-random"])
def test_where_half_is_hidden_the_default_loses_to_none_that_can_be_told(ground):
    tests = _at_half(ground)
    assert len(tests) == 32
    assert {model for _, model, _ in tests} == {"content-knn", "umami"}
    assert [test for test in tests if test[-1]["difference"] > 0 and test[-1]["p_holm"] < 0.05] == []
    assert len([test for test in tests if test[-1]["difference"] < 0 and test[-1]["p_holm"] < 0.05]) >= 10


def test_where_nobody_met_what_is_looked_for_the_default_loses_and_the_docs_say_so():
    tests = _at_half("movielens-posters-cold-items")
    lost = [test for test in tests if test[-1]["difference"] > 0 and test[-1]["p_holm"] < 0.05]
    assert len(lost) > len(tests) / 2
    assert {(file, model) for file, model, _ in lost} >= {("all.none.json", "content-knn"), ("all.none.json", "umami")}
    text = " ".join((ROOT / "docs" / "models.md").read_text(encoding="utf-8").split())
    assert "**Where films that nobody has met are to be found it loses to most**" in text


def test_half_of_the_parts_takes_at_most_half_of_what_content_gives_umami():
    kept = read_json(RESULTS / "modality-dropout.json")
    assert "\n".join(_page(kept)) + "\n" == (RESULTS / "modality-dropout.md").read_text(encoding="utf-8")
    for ground in GROUNDS_HERE:
        cases = {key.split("|")[1] for key in kept if key.startswith(f"{ground}|")}
        mean = {name: np.mean([kept[f"{ground}|{name}|{seed}"]["recall@20"] for seed in SEEDS]) for name in cases}
        gain = mean["whole"] - mean["shuffled"]
        lost = {name: (mean["whole"] - value) / gain for name, value in mean.items()}
        assert gain > 0.015
        assert lost["half, hidden=0.5"] <= 0.5
        assert lost["half, completed by graph, hidden=0"] < 0.15
        assert lost["half, completed by graph, hidden=0.3"] < 0.25
    text = " ".join((ROOT / "docs" / "models.md").read_text(encoding="utf-8").split())
    assert "Completing parts does more for umami than hiding them" in text
