"""Media and columns of users and of interactions: brought in, looked over, saved and read again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from PIL import Image

from palate.clean.check import check
from palate.cli import main
from palate.core.errors import DataError
from palate.data import folder, quarantine
from palate.data.frames import from_frames
from palate.data.sources.table import Table

EVENTS = (
    "user_id,item_id,review,shot,useful\n"
    "ann,mug,good,shots/a.png,3\n"
    "bob,mug,,shots/none.png,many\n"
    "ann,pan,bad,,1\n"
    ",pan,lost,shots/b.png,1\n"
)


@pytest.fixture
def src(tmp_path: Path) -> Path:
    place = tmp_path / "src"
    for name in ("avatars/ann.png", "avatars/zoe.png", "shots/a.png", "shots/b.png", "faces/bob.png"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(place / name)
    (place / "events.csv").write_text(EVENTS)
    (place / "items.csv").write_text("item_id,title\nmug,red mug\npan,big pan\n")
    (place / "users.csv").write_text("user_id,about,face\nann,tea and toast,\nbob,nothing,faces/bob.png\n")
    return place


def read(src: Path, **settings: Any) -> Any:
    report = Table(**settings).read(src, src.parent / "ds")
    return folder.load(src.parent / "ds"), report


def test_avatars_come_from_a_folder_or_from_a_column(src: Path) -> None:
    data, report = read(src, image={"users.avatar": "avatars", "face": "face"}, text={"users.about": "about"})
    assert data.people is not None
    assert data.people.table["avatar"].to_list() == ["media/users.avatar/ann.png", None]
    assert data.people.table["face"].to_list() == [None, "media/users.face/faces/bob.png"]
    assert dict(data.people.types) == {"about": "text", "avatar": "image", "face": "image"}
    assert (src.parent / "ds" / "media" / "users.avatar" / "ann.png").is_file()
    assert list(data.catalogue.table.columns) == ["item_id", "title"]
    assert report.media == {"users.face": 1, "users.avatar": 1}
    assert report.columns["users.about"] == "text"
    (stray,) = [row for row in quarantine.read(src.parent / "ds").to_dicts() if row["value"] == "zoe.png"]
    assert stray["reason"] == "no row of users has the id that the file is named after"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"image": {"face": "face"}, "text": {"face": "face"}},
            "the column 'face' of users was named twice, for text and for image: name it once, or give one of them "
            "another name, as in --image users.my-face=face",
        ),
        (
            {"image": {"users.face": "avatars"}},
            "'face' is a column of users, so that the files in 'avatars' cannot be called so too: give them another "
            "name, as in --image users.my-face=avatars",
        ),
        ({"image": {"item_id": "avatars"}}, "'item_id' is a column of items, so that the files in 'avatars'"),
        (
            {"text": {"titel": "titel"}},
            "did you mean 'title'? (allowed: about, face, item_id, review, shot, title, useful, user_id)",
        ),
    ],
)
def test_a_name_that_two_columns_would_have_is_refused(src: Path, settings: Any, sentence: str) -> None:
    with pytest.raises(DataError) as refused:
        read(src, **settings)
    assert sentence in str(refused.value)


def test_interactions_keep_their_text_pictures_and_numbers(src: Path) -> None:
    data, report = read(src, image={"shot": "shot"}, number={"helpful": "useful"})
    events = data.interactions
    assert events.extra is not None
    assert events.extra.to_dict(as_series=False) == {
        "text": ["good", None, "bad"],
        "shot": ["media/interactions.shot/shots/a.png", None, None],
        "helpful": [3.0, None, 1.0],
    }
    assert dict(data.table_of("interactions").types) == {"text": "text", "shot": "image", "helpful": "number"}
    assert report.media == {"users.face": 1, "interactions.shot": 1}
    assert any("1 value of 'helpful' is not a number" in note for note in report.notes)
    assert not any("left out" in note for note in report.notes)
    told = quarantine.read(src.parent / "ds").filter(pl.col("place") == "shot").row(0, named=True)
    assert (told["id"], told["row"], told["value"]) == ("bob → mug", 2, "shots/none.png")
    folder.save(data, src.parent / "copy")
    again = folder.load(src.parent / "copy")
    assert again.fingerprint == data.fingerprint
    assert again.interactions.types == data.interactions.types
    assert (src.parent / "copy" / "media" / "interactions.shot" / "shots" / "a.png").is_file()


def test_a_name_says_whose_it_is(src: Path) -> None:
    (src / "items.csv").write_text("item_id,title,review\nmug,red mug,ours\n")
    data, _ = read(src, text={"review": "review", "interactions.text": "review"})
    assert data.catalogue.table["review"].to_list() == ["ours", None]
    assert data.interactions.extra["text"].to_list() == ["good", None, "bad"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"image": {"interactions.pic": "shots"}}, "no ids that files could be called after"),
        ({"image": {"users.avatar": "avatar"}}, "neither a column nor a folder 'avatar'"),
        ({"text": {"users.abuot": "abuot"}}, "no column 'abuot' .* did you mean 'about'"),
        ({"number": {"weight": "useful"}}, "'weight' is the name of another column"),
    ],
)
def test_what_cannot_be_meant_is_refused(src: Path, settings: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read(src, **settings)


def test_a_table_that_is_not_there_is_told(src: Path) -> None:
    (src / "users.csv").unlink()
    with pytest.raises(DataError, match="column of users and there is no table of them: name it with --users"):
        read(src, image={"users.avatar": "avatars"})


def test_the_check_covers_users_and_interactions_and_opens_their_files(src: Path) -> None:
    (src / "avatars" / "ann.png").write_bytes(b"no picture")
    data, _ = read(src, image={"users.avatar": "avatars", "shot": "shot"}, text={"about": "about"})
    report = check(data)
    assert report.coverage == {
        "title": 1,
        "users.about": 1,
        "users.avatar": 0.5,
        "users.face": 0.5,
        "interactions.text": pytest.approx(2 / 3),
        "interactions.shot": pytest.approx(1 / 3),
    }
    assert report.coverage_of["users.avatar"] == "users"
    assert report.coverage_of["interactions.text"] == "interactions"
    found = {(problem.kind, problem.column): problem for problem in report.problems}
    assert found["broken-media", "users.avatar"].ids == ("ann",)
    assert found["missing-media", "users.avatar"].ids == ("bob",)
    assert "1 of 2 users have no avatar" in found["missing-media", "users.avatar"].what


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return int(left.value.code or 0)


def test_from_the_command_line(src: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(src.parent)
    place = "ds"
    named = ["--image", "users.avatar=avatars", "--text", "users.about"]
    assert run("data", "import", "table", "src", place, *named) == 0
    assert "users.avatar       image, 1 of 2 users" in capsys.readouterr().out
    assert run("encode", place, "--of", "interactions", "--text", "use", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["part"], row["rows"], row["present"]) == ("interactions.text", 3, 2)
    assert run("encode", place, "--of", "users", "--text", "use") == 0
    assert "users.about" in capsys.readouterr().out
    assert run("data", "check", place) == 0
    out = capsys.readouterr().out
    assert "coverage, share of the users:" in out
    assert "coverage, share of the interactions:" in out
    assert max(map(len, out.splitlines())) <= 80
    assert run("encode", place, "--of", "reviews", "--text", "use") == 2
    assert "--of was 'reviews': allowed are items, users, interactions" in capsys.readouterr().err
    assert run("encode", place, "--of", "interactions", "--audio", "mel") == 2
    assert "the columns of interactions are text (text: --text" in capsys.readouterr().err
    assert run("encode", place, "--of", "interactions", "--text", "tf-idf") == 2
    assert "palate data split" in capsys.readouterr().err


def test_frames_bring_them_too(src: Path) -> None:
    events = pd.DataFrame({"user": ["ann", "bob"], "item": ["mug", "mug"], "shot": ["shots/a.png", None]})
    users = pl.DataFrame({"user": ["ann", "bob"], "face": [None, "faces/bob.png"]})
    data = from_frames(events, users=users, types={"shot": "image", "face": "image"}, media_root=src)
    assert data.table_of("interactions").media_path(0, "shot") == src / "shots" / "a.png"
    assert data.table_of("users").media_path(1, "face") == src / "faces" / "bob.png"
    folder.save(data, src.parent / "ds")
    again = folder.load(src.parent / "ds")
    assert again.fingerprint == data.fingerprint
    assert again.table_of("interactions").media_path(0, "shot").is_file()  # type: ignore[union-attr]
    with pytest.raises(DataError, match="no column 'shoot'"):
        from_frames(events, types={"shoot": "image"})
