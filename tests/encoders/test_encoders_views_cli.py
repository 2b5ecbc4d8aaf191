"""`palate encode --augment` and `palate augmentations`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import palate as library
from palate.augment import registry
from palate.data.folder import load, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "ab":
        Image.fromarray(np.full((40, 40, 3), ord(name), np.uint8)).save(tmp_path / f"{name}.png")
    items = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "title": ["a red mug", "a blue mug", None],
            "about": ["a mug that is red", None, "a chair to sit on"],
            "photo": ["a.png", "b.png", None],
            "clip": [None, None, None],
        },
        schema_overrides={"clip": pl.String},
    )
    types = {"title": "text", "about": "text", "photo": "image", "clip": "video"}
    save(library.from_frames(items=items, types=types, media_root=tmp_path), tmp_path / "ds")
    return tmp_path / "ds"


def views(folder: Path) -> dict[str, object]:
    return {name: table.encoder.views for name, table in load(folder).features.items() if table.encoder is not None}


def test_methods_go_to_the_columns_that_they_fit(folder, palate) -> None:
    words = ("encode", folder, "--text", "use", "--image", "colour-texture", "--augment", "flip,word-dropout")
    code, out, _ = palate(*words, "--views", 3, "--json")
    assert code == 0
    rows = {row["part"]: row for row in json.loads(out)["rows"]}
    assert {name: row["views"] for name, row in rows.items()} == {"title": 3, "about": 3, "photo": 3}
    methods = {name: [method["name"] for method in told["methods"]] for name, told in views(folder).items()}
    assert methods == {"title": ["word-dropout"], "about": ["word-dropout"], "photo": ["flip"]}
    code, out, _ = palate(*words, "--views", 3)
    assert code == 0
    assert "part encoder views dim" in " ".join(out.split())
    assert max(map(len, out.splitlines()[:4])) <= 80
    assert "views" not in palate("encode", folder, "--text", "use")[1]


def test_a_column_has_its_own_and_settings(folder, palate) -> None:
    code, _, err = palate(
        "encode", folder, "--text", "use", "--augment", "word-swap", "--augment", "title=word-dropout,crop-text",
        "--set", "title.word-dropout.share=0.4", "--set", "title.max_length=9", "--seed", 5,
    )  # fmt: skip
    assert (code, err) == (0, "")
    told = views(folder)
    assert [method["name"] for method in told["about"]["methods"]] == ["word-swap"]
    assert [method["settings"] for method in told["title"]["methods"]] == [{"share": 0.4}, {"least": 0.6}]
    assert (told["title"]["seed"], told["title"]["count"]) == (5, 4)
    assert load(folder).features["title"].encoder.settings["max_length"] == 9


def test_one_view_is_as_none(folder, palate) -> None:
    assert palate("encode", folder, "--text", "use", "--augment", "word-swap", "--views", 1)[0] == 0
    assert set(views(folder).values()) == {None}
    code, out, _ = palate("encode", folder, "--text", "use", "--json")
    assert code == 0
    assert [row["encoded"] for row in json.loads(out)["rows"]] == [0, 0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--text", "use", "--augment", "word-drop"), "there is no augmentation 'word-drop': did you mean 'word-dropout'?"),
        (("--text", "use", "--augment", "flip"), "'flip' acts on image, and 'title' is text, 'about' is text: choose crop-text or word-dropout"),
        (("--text", "use", "--image", "colour-texture", "--augment", "title=flip"), "'flip' acts on image, and 'title' is text"),
        (("--text", "use", "--augment", "titel=word-swap"), "'titel' of --augment titel=word-swap is not encoded here: did you mean 'title'?"),
        (("--text", "use", "--augment", "word-swap", "--views", 0), "0 views were asked for: 1 or more are allowed"),
        (("--text", "use", "--augment", "word-swap", "--seed", -1), "the seed of the views was -1"),
        (("--text", "use", "--views", 4), "--views 4 needs what makes the views: add --augment METHODS"),
        (("--text", "use", "--seed", 4), "--seed 4 needs what makes the views"),
        (("--video", "video", "--augment", "clip=flip"), "'flip' acts on image, and 'clip' is video: nothing makes views of that"),
        (("--text", "use", "--augment", "word-swap", "--set", "title.word-swap.shar=1"), "did you mean 'share'?"),
        (("--text", "use", "--set", "title.word-swap.share=1"), "--set title.word-swap.share=1 is of no column"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(folder, palate, words, told) -> None:
    code, _, err = palate("encode", folder, *words)
    assert code == 2
    assert told in err
    assert not (folder / "features").exists()


def test_all_are_listed_with_what_they_act_on(palate) -> None:
    rows = json.loads(palate("augmentations", "--json")[1])["rows"]
    assert [row["name"] for row in rows] == registry.names()
    assert {row["modality"] for row in rows} == {"text", "image", "audio"}
    text = " ".join(palate("augmentations")[1].split())
    assert all(f"acts on {row['modality']}; {row['paper']}" in text for row in rows)
