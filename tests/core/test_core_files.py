import os
from pathlib import Path

import pytest

from palate.core.errors import StoreError
from palate.core.files import read_json, replacing_file, replacing_folder, write_json


class Interrupted(Exception):
    """Stands for Ctrl-C in the middle of writing."""


def write_half(aside: Path) -> None:
    aside.write_text("half")
    raise Interrupted


def test_a_file_is_replaced_only_when_the_block_ends_well(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with replacing_file(path) as aside:
        aside.write_text("one")
    with pytest.raises(Interrupted), replacing_file(path) as aside:
        write_half(aside)
    assert path.read_text() == "one"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_folder_is_replaced_only_when_the_block_ends_well(tmp_path):
    path = tmp_path / "ds"
    for text in ("one", "two"):
        with replacing_folder(path) as aside:
            (aside / "a.txt").write_text(text)
    with pytest.raises(Interrupted), replacing_folder(path) as aside:
        write_half(aside / "b.txt")
    assert (path / "a.txt").read_text() == "two"
    assert os.listdir(tmp_path) == ["ds"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        write_json(tmp_path / "file" / "a.json", 1)


def test_json_goes_round_and_damage_is_told(tmp_path):
    write_json(tmp_path / "a.json", {"名": [1, None]})
    assert read_json(tmp_path / "a.json") == {"名": [1, None]}
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(StoreError, match="could not be read as JSON"):
        read_json(tmp_path / "a.json")
