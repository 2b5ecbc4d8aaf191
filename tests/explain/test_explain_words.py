"""What parts have in common, in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from palate.core.errors import UnknownNameError
from palate.core.ids import IdMap
from palate.core.state import State
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import EncoderRef, FeatureTable
from palate.data.interactions import Interactions
from palate.explain import SharedWords, reasons, title_column, words
from palate.interfaces import Describes, Queries
from palate.models import VectorSpace

TAGS = ("drums", "loud", "slow")


class Naming:
    """Describes a vector by the tags whose number is above a half."""

    def describe(self, values: np.ndarray) -> list[list[str]]:
        return [[TAGS[place] for place in np.argsort(-row) if row[place] > 0.5] for row in values]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> FeatureTable:
    def restored(ref: EncoderRef) -> object:
        if ref.name == "gone":
            raise UnknownNameError("there is no encoder 'gone'")
        return Naming() if ref.name == "naming" else object()

    monkeypatch.setattr(words, "restore", restored)
    values = np.array([[0.9, 0.8, 0], [0.7, 0.9, 0], [0, 0.6, 0.9], [0, 0, 0.1], [1, 1, 1]], np.float32)
    present = np.array([True, True, True, True, False])
    return FeatureTable(values, present, "s", encoder=EncoderRef("naming", {}, State()))


def test_words_that_the_item_shares_those_of_most_likes_first(table: FeatureTable) -> None:
    shared = SharedWords({"sound": table})
    assert shared.of("sound", 0, [1, 2]) == ["loud", "drums"]
    assert shared.of("sound", 2, [0, 1]) == ["loud"]
    assert shared.of("sound", 2, [2]) == ["slow", "loud"]


def test_no_words_where_nothing_is_shared_or_known(table: FeatureTable) -> None:
    shared = SharedWords({"sound": table})
    assert shared.of("sound", 3, [0, 1]) == []
    assert shared.of("sound", 0, [3, 4]) == []
    assert shared.of("sound", 4, [0]) == []
    assert shared.of("photo", 0, [1]) == []


@pytest.mark.parametrize("ref", [None, EncoderRef("gone", {}, State()), EncoderRef("silent", {}, State())])
def test_an_encoder_that_cannot_describe(ref: EncoderRef | None, table: FeatureTable) -> None:
    other = FeatureTable(table.values, table.present, "s", encoder=ref)
    assert SharedWords({"sound": other}).of("sound", 0, [1]) == []


def test_the_reason_of_a_part_names_them(table: FeatureTable) -> None:
    ids = IdMap("abcde")
    catalogue = Catalogue(pl.DataFrame({"item_id": list("abcde")}))
    log = Interactions(np.zeros(1, np.int32), np.ones(1, np.int32), np.ones(1, np.float32), None)
    data = Dataset(IdMap(["u"]), ids, log, catalogue, features={"sound": table})
    model = VectorSpace().fit(data)
    query = Queries.of_users(data, np.array([0], np.int32))
    found = reasons(model, query, 0, ids, catalogue, shared=SharedWords(data.features))
    assert [reason.text for reason in found if reason.kind == "part"] == ["sound (drums, loud) 100 %"]
    plain = reasons(model, query, 0, ids, catalogue)
    assert [reason.text for reason in plain if reason.kind == "part"] == ["sound 100 %"]


@pytest.mark.weights
@pytest.mark.data
def test_drums_are_named_by_musicnn(real_data: Path) -> None:
    from palate.encoders.musicnn import Musicnn

    encoder = Musicnn()
    assert isinstance(encoder, Describes)
    folder = real_data / "stamps" / "sounds"
    sounds = [
        f"hobbies-music-{name}.ogg" for name in ("percussion-drumkit", "percussion-drum_tomtom_floor", "string-cello")
    ]
    values, present = encoder.encode([encoder.decode(folder / name) for name in sounds])
    shared = SharedWords({"sound": FeatureTable(values, present, "s", encoder=encoder.reference())})
    assert shared.of("sound", 0, [1]) == ["drums"]
    assert "drums" not in shared.of("sound", 0, [2])


def test_what_is_said_in_a_sound_is_no_title() -> None:
    table = pl.DataFrame({"item_id": ["a"], "voice.speech": ["hello"], "about": ["a mug"]})
    assert title_column(Catalogue(table, {"voice.speech": "text", "about": "text"})) == "about"
    assert title_column(Catalogue(table, {"voice.speech": "text"})) is None
