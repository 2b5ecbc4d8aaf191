"""The page of standardisers is what the published figures make, and what the docs say of them is in it."""

from __future__ import annotations

import shutil
import sys

from doc_blocks import ROOT
from palate.core.files import read_json

sys.path.insert(0, str(ROOT / "benchmarks" / "quality"))

from standardising_page import write_page

RESULTS = ROOT / "docs" / "results"
WAYS = ("none", "robust", "l2", "whitening", "pca")


def cell(ground, model, way):
    return read_json(RESULTS / "standardising" / ground / f"{model}.{way}.json")


def test_the_page_is_what_the_figures_make(tmp_path):
    shutil.copytree(RESULTS / "standardising", tmp_path / "standardising")
    assert write_page(tmp_path).read_text(encoding="utf-8") == (RESULTS / "standardising.md").read_text(
        encoding="utf-8"
    )


def test_what_the_guide_says_of_them_is_in_the_figures():
    text = " ".join((ROOT / "docs" / "how-to" / "standardise.md").read_text(encoding="utf-8").split())
    assert (
        "On films that nobody met `l2` finds more than what is done without a name, with `content-knn` and with `umami`, and "
        "`whitening` less; on short videos `whitening` finds most with `content-knn`, which may be chance"
    ) in text
    for model in ("content-knn", "umami"):
        usual, alike, white = (cell("movielens-posters-cold-items", model, way) for way in ("none", "l2", "whitening"))
        for on in ("valid", "test"):
            assert alike[on]["recall@20"] > usual[on]["recall@20"] > white[on]["recall@20"]
    for on in ("valid", "test"):
        recall = {way: cell("tiktok", "content-knn", way)[on]["recall@20"] for way in WAYS}
        assert max(recall, key=recall.get) == "whitening"
    assert cell("tiktok", "content-knn", "whitening")["p"]["recall@20"] > 0.05
