"""A vector as the mean over views: what the pipeline makes of an encoder that has some."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from slow_encoder import Letters

import palate
from palate.augment import SoundAugmentation, TextAugmentation, Views
from palate.augment.flip import Flip
from palate.augment.gain import Gain
from palate.augment.word_dropout import WordDropout, WordDropoutConfig
from palate.core.errors import ConfigError
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.encoders import restore
from palate.encoders.colour_texture import ColourTexture
from palate.encoders.mel import Mel
from palate.encoders.pipeline import encode_columns
from palate.encoders.pipeline.views import raw_views, taught
from palate.encoders.pipeline.workers import workers_for
from palate.encoders.tf_idf import TfIdf
from palate.encoders.use import USE

TITLES = ["a red mug of clay", "two blue chairs of wood", None, "", "mug", "a red mug of clay"]


class Alone(Letters):
    """Letter counts of each text by itself."""

    batch = 3

    def _encode(self, batch: Any) -> Any:
        return np.stack(batch)


class LastWord(TextAugmentation[WordDropoutConfig]):
    """The last word."""

    name = "last-word"
    paper = "2026"
    config_type = WordDropoutConfig

    def _words(self, words: list[str], rng: np.random.Generator) -> list[str]:
        return words[-1:]


class Hush(SoundAugmentation[WordDropoutConfig]):
    """Silence."""

    name = "hush"
    paper = "2026"
    config_type = WordDropoutConfig

    def _samples(self, samples: Any, rng: np.random.Generator) -> Any:
        return np.zeros_like(samples)


def shop(titles: list[str | None] = TITLES, **columns: Any) -> Dataset:
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles, **columns})
    types = {"title": "text", **{name: "image" if name == "photo" else "audio" for name in columns}}
    return palate.from_frames(items=items, types=types)


@pytest.fixture
def media(tmp_path: Path) -> Dataset:
    """Pictures and sounds, one of each broken, in a folder."""
    rng = generator(0, "media")
    for number in range(4):
        Image.fromarray(rng.integers(0, 256, (40, 56, 3), np.uint8)).resize((560, 400)).save(tmp_path / f"{number}.jpg")
        tone = np.sin(np.arange(8_000) * (0.1 + 0.05 * number)) * 8_000 + rng.normal(0, 200, 8_000)
        with wave.open(str(tmp_path / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(tone.astype("<i2").tobytes())
    for name in ("3.jpg", "3.wav"):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:600])
    items = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(5)],
            "photo": [*(f"{n}.jpg" for n in range(4)), None],
            "sound": [*(f"{n}.wav" for n in range(4)), None],
        }
    )
    data = palate.from_frames(items=items, types={"photo": "image", "sound": "audio"}, media_root=tmp_path)
    save(data, tmp_path / "ds")
    return load(tmp_path / "ds")


def test_it_is_the_mean_at_the_length_of_the_value_itself() -> None:
    data = palate.encode(shop(), title=Alone().with_views(Views((LastWord(),), 3)))
    table = data.features["title"]
    own, last = (Alone().decode(text).astype(np.float64) for text in ("a red mug of clay", "clay"))
    mean = (own + 2 * last) / 3
    assert np.allclose(table.values[0], mean * np.linalg.norm(own) / np.linalg.norm(mean), atol=1e-5)
    assert np.array_equal(table.values[0], table.values[5])
    assert np.allclose(table.values[4], Alone().decode("mug"))


def test_what_is_there_is_what_was_there_without() -> None:
    titles = [*TITLES, "broken", "not broken"]
    plain = palate.encode(shop(titles), title=Letters()).features["title"]
    seen = palate.encode(shop(titles), title=Letters().with_views(Views((LastWord(),), 2))).features["title"]
    assert np.array_equal(plain.present, seen.present)
    assert not seen.values[~seen.present].any()


def test_one_view_is_none(tmp_path: Path) -> None:
    one = USE().with_views(Views.named(["word-dropout"], 1))
    assert one.views is None
    assert one.fingerprint == USE().fingerprint


@pytest.mark.parametrize("encoder", [USE, TfIdf])
def test_unit_length_stays(encoder: type[Any]) -> None:
    data = palate.encode(shop(), title=encoder().with_views(Views.named(["word-dropout", "word-swap"], 4)))
    table = data.features["title"]
    assert np.allclose(np.linalg.norm(table.values[table.present], axis=1), 1, atol=1e-5)


def test_views_that_change_nothing_change_nothing(media: Dataset) -> None:
    calm = {"photo": (ColourTexture, Flip(chance=0)), "sound": (Mel, Gain(reach=0))}
    for column, (kind, method) in calm.items():
        plain = palate.encode(media, **{column: kind()}).features[column]
        seen = palate.encode(media, **{column: kind().with_views(Views((method,), 3))}).features[column]
        assert plain.present.tolist() == seen.present.tolist() == [True, True, True, False, False]
        close = np.sum(plain.values * seen.values, axis=1)[:3] / np.square(np.linalg.norm(plain.values, axis=1))[:3]
        assert np.allclose(close, 1, atol=2e-3), column


@pytest.mark.parametrize(("column", "kind", "names"), [
    ("photo", ColourTexture, ["crop", "colour-jitter"]), ("sound", Mel, ["noise", "crop-sound"]),
])  # fmt: skip
def test_processes_and_threads_make_the_same(
    media: Dataset, column: str, kind: Any, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = kind().with_views(Views.named(names, 3, seed=2))
    apart = palate.encode(media, **{column: encoder}).features[column]
    monkeypatch.setattr("palate.encoders.pipeline.columns.workers_for", lambda *_: workers_for(Letters(), []))
    plain = palate.from_frames(
        items=media.catalogue.table.select("item_id", column), types={column: encoder.modality}, media_root=media.root
    )
    here = palate.encode(plain, **{column: encoder}).features[column]
    assert apart.present.tolist() == [True, True, True, False, False]
    assert np.array_equal(apart.values, here.values)
    assert not np.allclose(here.values, palate.encode(plain, **{column: kind()}).features[column].values)


def test_a_method_without_a_name_is_not_sent_to_a_process(media: Dataset) -> None:
    encoder = Mel().with_views(Views((Hush(),), 3))
    assert type(workers_for(encoder, [Path("0.wav")])).__name__ == "nullcontext"
    seen = palate.encode(media, sound=encoder).features["sound"]
    plain = palate.encode(media, sound=Mel()).features["sound"]
    assert seen.present.tolist() == [True, True, True, False, False]
    assert np.allclose(seen.values, plain.values, atol=1e-6)


def test_no_file_is_left_behind(media: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "aside"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    views = {
        "photo": ColourTexture().with_views(Views.named(["flip"], 2)),
        "sound": Mel().with_views(Views.named(["gain"], 2)),
    }
    palate.encode(media, **views)
    assert [path for path in place.iterdir() if path.name.startswith("palate-views-")] == []


def test_what_was_encoded_so_before_is_not_encoded_again(tmp_path: Path) -> None:
    save(shop(), tmp_path / "ds")

    def computed(encoder: Any) -> int:
        return encode_columns(load(tmp_path / "ds"), {"title": encoder})[1][0].computed

    views = Views.named(["word-dropout"], 3)
    assert computed(USE()) == 3
    assert computed(USE().with_views(views)) == 3
    assert computed(USE().with_views(views)) == 0
    assert computed(USE().with_views(Views.named(["word-dropout"], 4))) == 3
    assert computed(USE().with_views(Views.named(["word-dropout"], 4, seed=1))) == 3
    assert computed(USE()) == 3


def test_the_part_says_so_and_a_question_is_read_as_it_is(tmp_path: Path) -> None:
    save(shop(), tmp_path / "ds")
    palate.encode(load(tmp_path / "ds"), title=USE().with_views(Views.named(["word-dropout"], 3)))
    manifest = json.loads((tmp_path / "ds" / "features" / "title" / "manifest.json").read_text())
    assert manifest["encoder"]["views"] == Views.named(["word-dropout"], 3).spec()
    table = load(tmp_path / "ds").features["title"]
    assert table.encoder is not None
    assert "by use, 3 views by word-dropout" in repr(table)
    asked = restore(table.encoder)
    assert asked.views is None
    assert asked.space == USE().with_views(Views.named(["word-dropout"], 3)).space == USE().space


def test_a_part_without_views_is_written_as_before(tmp_path: Path) -> None:
    save(shop(), tmp_path / "ds")
    palate.encode(load(tmp_path / "ds"), title="use")
    manifest = json.loads((tmp_path / "ds" / "features" / "title" / "manifest.json").read_text())
    assert set(manifest["encoder"]) == {"name", "settings"}


def test_who_learns_learns_from_the_views_too() -> None:
    encoder = TfIdf(words=(1, 1), characters=None).with_views(Views((LastWord(),), 3))
    assert list(taught(encoder, ["red mug", None, "blue chair"])) == [
        "red mug", None, "blue chair", "mug", "mug", "chair", "chair",
    ]  # fmt: skip
    assert taught(TfIdf(), TITLES) is TITLES
    seen = palate.encode(shop(), title=encoder).features["title"].encoder
    plain = palate.encode(shop(), title=TfIdf(words=(1, 1), characters=None)).features["title"].encoder
    assert seen is not None
    assert plain is not None
    assert seen.state.meta["terms"] == plain.state.meta["terms"]
    assert not np.allclose(seen.state.arrays["idf"], plain.state.arrays["idf"])


def test_views_of_another_kind_are_refused() -> None:
    with pytest.raises(ConfigError, match="'flip' acts on image and the encoder 'use' reads text"):
        USE().with_views(Views.named(["flip"]))


def test_media_that_the_pipeline_cannot_write_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LastWord, "modality", "smell")
    monkeypatch.setattr(Alone, "modality", "smell")
    encoder = Alone().with_views(Views((LastWord(),), 2))
    with pytest.raises(ConfigError, match="'last-word' makes views of smell, and the pipeline writes those of text"):
        list(raw_views(encoder, "rose"))


def test_the_encoder_that_was_given_stays_as_it_is() -> None:
    plain = USE()
    assert plain.with_views(Views((WordDropout(),))) is not plain
    assert plain.views is None
