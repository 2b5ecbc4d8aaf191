"""Pictures of one colour, sounds without a sound or cut off, texts that say nothing or in a stray language."""

from __future__ import annotations

import wave

import numpy as np
import polars as pl
import pytest
from PIL import Image

from palate.clean._blank import colour_if_blank
from palate.clean._loudness import listen
from palate.clean._texts import says_nothing
from palate.clean.check import check
from palate.clean.clean import clean
from palate.core.errors import DataError
from palate.data import folder
from palate.data.features import features_of
from palate.data.frames import from_frames
from palate.data.quarantine import read, reasons

RNG = np.random.default_rng(0)
TITLES = [f"a red mug for the kitchen, number {n}" for n in range(30)]


def picture(path, pixels):
    Image.fromarray(pixels).save(path)


def sound(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())


def tone(loud):
    return loud * np.sin(np.arange(2000) / 5)


@pytest.fixture
def noisy(tmp_path):
    """Thirty items, of which the first four have something wrong with each of picture, sound and title."""
    titles, pictures, sounds = list(TITLES), [], []
    titles[0], titles[1], titles[2], titles[3] = "...", "N/A", "<p></p>", "红色的杯子"
    for n in range(30):
        seen = RNG.integers(0, 255, (40, 40, 3), dtype=np.uint8) if n > 1 else np.full((40, 40, 3), 255 * n, np.uint8)
        picture(tmp_path / f"{n}.png", seen)
        sound(tmp_path / f"{n}.wav", tone((0, 3, 90_000)[n] if n < 3 else 9_000 + 100 * n))
        pictures.append(f"{n}.png")
        sounds.append(f"{n}.wav")
    items = pl.DataFrame({"item": [f"i{n}" for n in range(30)], "title": titles, "photo": pictures, "noise": sounds})
    events = pl.DataFrame({"user": ["a", "b"] * 15, "item": items["item"]})
    data = from_frames(events, items, types={"title": "text", "photo": "image", "noise": "audio"}, media_root=tmp_path)
    data = data.with_features(photo=features_of(RNG.normal(size=(30, 4))), title=features_of(RNG.normal(size=(30, 4))))
    folder.save(data, tmp_path / "shop")
    return folder.load(tmp_path / "shop")


def test_each_is_told_with_examples(noisy):
    found = {each.kind: each for each in check(noisy).problems}
    assert found["blank-picture"].ids == ("i0", "i1")
    assert found["blank-picture"].details == ("i0 (0.png): all of it is #000000", "i1 (1.png): all of it is #ffffff")
    assert found["silent-sound"].ids == ("i0", "i1")
    assert found["clipped-sound"].ids == ("i2",)
    assert found["empty-text"].ids == ("i0", "i1", "i2")
    assert found["empty-text"].details[:2] == ("i0 ('...')", "i1 ('N/A')")
    assert found["stray-language"].details == ("i3 (zh)",)


def test_what_is_of_no_use_becomes_absent(noisy):
    kinds = ("blank-picture", "silent-sound", "clipped-sound", "empty-text", "stray-language")
    fresh, report = clean(noisy, absent=kinds)
    assert report.absent == {
        "title": {"empty-text": 3, "stray-language": 1},
        "photo": {"blank-picture": 2},
        "noise": {"silent-sound": 2, "clipped-sound": 1},
    }
    table = fresh.catalogue.table
    assert table["title"].null_count() == 4
    assert table["photo"].is_null().to_list() == [True, True] + [False] * 28
    assert table["noise"].null_count() == 3
    assert np.flatnonzero(~fresh.features["photo"].present).tolist() == [0, 1]
    assert np.flatnonzero(~fresh.features["title"].present).tolist() == [0, 1, 2, 3]
    assert len(fresh.interactions) == len(noisy.interactions)
    assert ("photo", 1, "i0", "the picture is of one colour", "media/photo/0.png") in report.rejected.rows()
    assert not {each.kind for each in check(fresh).problems} & set(kinds)


def test_only_what_was_named_becomes_absent(noisy):
    fresh, _ = clean(noisy, absent=("blank-picture",))
    assert fresh.catalogue.table["title"].null_count() == 0
    assert fresh.catalogue.table["photo"].null_count() == 2
    with pytest.raises(
        DataError, match="'blank-pictures' is nothing that can be marked absent: did you mean 'blank-picture'"
    ):
        clean(noisy, absent=("blank-pictures",))


def test_texts_and_pictures_of_reviews_become_absent_too(tmp_path):
    events = pl.DataFrame({"user": list("abcd"), "item": list("xxyy"), "text": ["good", "...", "bad", None]})
    fresh, report = clean(from_frames(events), absent=("empty-text",))
    assert fresh.interactions.column("text").to_list() == ["good", None, "bad", None]
    assert report.absent == {"interactions.text": {"empty-text": 1}}
    assert report.rejected["id"].to_list() == ["b → x"]


def test_from_the_command_line(noisy, palate):
    code, out, err = palate("data", "clean", noisy.root, noisy.root.parent / "new", "--absent", "all")
    assert code == 0, err
    assert "marked absent, listed in" in out
    assert "3 empty-text, 1 stray-language" in out
    assert reasons(read(noisy.root.parent / "new"))["nothing is heard"] == 2


def test_a_picture_is_blank_by_what_is_seen():
    clear = Image.new("RGBA", (9, 9), (255, 0, 0, 0))
    assert colour_if_blank(clear) == "#ffffff"
    assert colour_if_blank(Image.new("L", (9, 9), 7)) == "#070707"
    drawn = Image.new("RGB", (9, 9))
    drawn.paste("white", (0, 0, 3, 3))
    assert colour_if_blank(drawn) is None


def test_loudness_over_blocks_and_channels():
    whole = np.stack([tone(20_000), np.zeros(2000)], axis=1).astype(np.int16)
    heard = listen([whole[:700], whole[700:]])
    assert (heard.frames, heard.silent, heard.clipped) == (2000, False, False)
    assert listen([np.full(99, 4_000, np.int16)]).silent  # a constant is not heard
    assert listen([]).frames == 0


@pytest.mark.parametrize(
    ("text", "nothing"), [("", True), ("--", True), ("M", False), ("2001", False), ("aaaaa", True)]
)
def test_texts_that_say_nothing(text, nothing):
    assert says_nothing(text) is nothing
