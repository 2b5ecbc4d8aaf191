from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from palate.core.errors import DataError, WeightsError
from palate.data.features import EncoderRef, features_of
from palate.retrieval import Searcher, search

WORDS = ("tea", "lamp", "cup")


class WordCounts:
    """Counts three words; an empty count is absent. Stands in for an encoder."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken

    def prepare(self):
        self.ready = True

    stand_in = False

    def for_queries(self):
        return self

    @property
    def space(self):
        return id(self)

    def companion(self, modality):
        return None

    def decode(self, raw):
        from palate.encoders import BrokenInput

        if self.broken:
            raise BrokenInput("not a picture")
        return raw

    def encode(self, decoded):
        values = np.array([[str(text).count(word) for word in WORDS] for text in decoded], np.float32)
        return values, values.any(axis=1)


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.setattr("palate.retrieval.searcher.restore", lambda ref: WordCounts(ref.name == "broken"))
    title = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [np.nan] * 3], np.float32)
    about = np.array([[1, 1, 0], [np.nan] * 3, [0, 1, 1], [np.nan] * 3], np.float32)
    made = {"title": features_of(title, modality="text"), "about": features_of(about, modality="text")}
    return {name: replace(table, encoder=EncoderRef("counts")) for name, table in made.items()}


def test_the_score_is_the_mean_cosine_over_the_parts_there_are(parts):
    found = search(parts, text="lamp", k=4)
    assert found.ranked.items.tolist() == [[1, 0, 2, -1]]
    half = np.sqrt(0.5) / 2
    assert found.ranked.scores[0, :3] == pytest.approx([1, half, half], abs=1e-6)
    assert np.isnan(found.parts["about"][0])
    assert found.parts["title"][0] == pytest.approx(1)


def test_text_that_says_nothing_is_refused(parts):
    with pytest.raises(DataError, match="is empty"):
        Searcher(parts).by_text("  ")
    with pytest.raises(DataError, match="'zebra' could not be read"):
        Searcher(parts).by_text("zebra")


def test_parts_without_an_encoder_cannot_be_searched(parts):
    ready_made = {name: replace(table, encoder=None) for name, table in parts.items()}
    searcher = Searcher(ready_made)
    assert searcher.parts("text") == []
    with pytest.raises(DataError, match=r"no part to search by text .*: none"):
        searcher.by_text("lamp")


def test_a_picture_is_searched_in_parts_of_pictures_only(parts, tmp_path):
    photo = replace(parts["title"], modality="image")
    path = tmp_path / "lamp.png"
    Image.new("RGB", (4, 4)).save(path)
    assert search({**parts, "photo": photo}, image=path, k=1).ranked.items.tolist() == [[1]]
    with pytest.raises(DataError, match="no part to search by picture"):
        search(parts, image=path)
    with pytest.raises(DataError, match="there is no file"):
        search({"photo": photo}, image=tmp_path / "none.png")


def test_a_broken_picture_says_why(parts, tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(b"nothing")
    photo = replace(parts["title"], modality="image", encoder=EncoderRef("broken"))
    with pytest.raises(DataError, match=r"picture to search by cannot be read \(not a picture\)"):
        search({"photo": photo}, image=path)


def test_one_of_text_and_image(parts, tmp_path):
    with pytest.raises(DataError, match="give one of them"):
        search(parts)
    with pytest.raises(DataError, match="give one of them"):
        search(parts, text="lamp", image=tmp_path)


def test_encoders_can_be_loaded_ahead_and_say_what_is_wrong(parts, monkeypatch):
    def restored(ref):
        if ref.name == "far":
            raise WeightsError("no network")
        return WordCounts()

    monkeypatch.setattr("palate.retrieval.searcher.restore", restored)
    far = replace(parts["about"], encoder=EncoderRef("far"))
    searcher = Searcher({**parts, "about": far})
    assert searcher.parts("text") == ["about", "title"]
    assert searcher.prepare() == ["the part 'about' cannot be searched: no network"]
    assert searcher.parts("text") == ["title"]
    assert searcher.by_text("lamp", 1).ranked.items.tolist() == [[1]]
    assert Searcher({"title": parts["title"]}).prepare() == []
