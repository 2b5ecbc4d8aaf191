"""From pictures to a search by words, with a model of the hub that has a tower for each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

import hub_models
from palate.cli import main
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders.hf_text import HFText

pytestmark = pytest.mark.torch


def palate(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    said = capsys.readouterr()
    assert left.value.code == 0, said.err
    return json.loads(said.out) if "--json" in words else said.out


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Six items with a picture, and no text."""
    rng, paths = np.random.default_rng(3), [f"media/photo/{name}.png" for name in "abcdef"]
    catalogue = Catalogue(pl.DataFrame({"item_id": list("abcdef"), "photo": paths}), {"photo": "image"})
    save(Dataset(IdMap([]), IdMap("abcdef"), Interactions.empty(), catalogue), tmp_path / "ds")
    (tmp_path / "ds" / "media" / "photo").mkdir(parents=True)
    for path in paths:
        small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        small.resize((48, 40)).save(tmp_path / "ds" / path)
    return tmp_path / "ds"


def test_words_find_pictures(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, bundle = hub_models.clip(tmp_path / "clip"), tmp_path / "shop.palate"
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    (row,) = palate(capsys, "encode", shop, "--image", "hf:./clip", "--json")["rows"]
    assert (row["encoder"], row["present"], row["dim"]) == ("hf-image", 6, 12)
    palate(capsys, "train", shop, "--model", "vector-space", "--out", bundle)
    monkeypatch.chdir("/")  # the model is found from anywhere
    found = palate(capsys, "search", bundle, "--text", "red mug", "--by", "vectors", "-k", 6, "--json")["items"]
    texts = HFText(model=str(model))
    (query,), _ = texts.encode([texts.decode("red mug")])
    cosines = load(shop).features["photo"].values @ query
    assert [hit["item_id"] for hit in found] == ["abcdef"[place] for place in np.argsort(-cosines)]
    (again,) = palate(capsys, "encode", shop, "--image", f"hf:{model}", "--json")["rows"]
    assert (again["encoded"], again["reused"]) == (0, 6)


def test_a_model_that_is_gone_says_so(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, bundle = hub_models.clip(tmp_path / "clip"), tmp_path / "shop.palate"
    palate(capsys, "encode", shop, "--image", f"hf:{model}")
    palate(capsys, "train", shop, "--model", "vector-space", "--out", bundle)
    shutil.rmtree(model)
    with pytest.raises(SystemExit) as left:
        main(["search", str(bundle), "--text", "red mug", "--by", "vectors"])
    assert left.value.code != 0
    err = capsys.readouterr().err
    assert "there is no folder" in err
    assert "Traceback" not in err


def test_a_model_that_was_moved_is_found_where_it_was_named_last(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = hub_models.clip(tmp_path / "clip")
    palate(capsys, "encode", shop, "--image", f"hf:{folder}")
    moved = folder.rename(tmp_path / "my models")
    (row,) = palate(capsys, "encode", shop, "--image", f"hf:{moved}", "--json")["rows"]
    assert (row["encoded"], row["reused"]) == (0, 6)
    palate(capsys, "train", shop, "--model", "vector-space", "--out", tmp_path / "b")
    found = palate(capsys, "search", tmp_path / "b", "--text", "red mug", "--by", "vectors", "--json")
    assert len(found["items"]) == 6
