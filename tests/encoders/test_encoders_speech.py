"""Speech to text: columns, resuming, what is missing, and the real recognisers on real speech."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import polars as pl
import pytest
from slow_listener import Pitch
from test_encoders_sound_files import film

import palate
from palate.cli import main
from palate.core.errors import ConfigError, DataError, StoreError
from palate.core.ids import IdMap
from palate.core.types import Floats
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders._sounds import read_sound
from palate.encoders.pipeline import encode
from palate.encoders.speech import Recogniser, registry, transcribe, transcribe_columns
from palate.retrieval.words import WordIndex

soundfile = pytest.importorskip("soundfile")
RATE = 16_000


def tone(path: Path, pitch: float, seconds: float = 0.5) -> None:
    soundfile.write(path, 0.5 * np.sin(np.arange(int(RATE * seconds)) / RATE * 2 * np.pi * pitch), RATE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    for name, pitch in (("a", 400), ("b", 800), ("low", 100)):
        tone(source / f"{name}.wav", pitch)
    soundfile.write(source / "silent.wav", np.zeros(RATE), RATE)
    (source / "junk.wav").write_text("no sound at all" * 50)
    files = ["a.wav", "b.wav", "low.wav", "silent.wav", "junk.wav", "gone.wav", None, "a.wav"]
    table = pl.DataFrame({"item_id": list("abcdefgh"), "title": [f"thing {n}" for n in range(8)], "voice": files})
    catalogue = Catalogue(table, {"title": "text", "voice": "audio"}, source)
    save(Dataset(IdMap([]), IdMap("abcdefgh"), Interactions.empty(), catalogue), tmp_path / "ds")
    return tmp_path / "ds"


TEXTS = ["a tone of 400 Hz", "a tone of 800 Hz", *[None] * 5, "a tone of 400 Hz"]


def test_a_text_column_comes_of_a_sound_column(folder: Path) -> None:
    data, (done,) = transcribe_columns(encode(load(folder), title="tf-idf"), {"voice": Pitch()})
    assert data.catalogue.table["voice.speech"].to_list() == TEXTS
    assert (done.column, done.rows, done.present, done.heard, done.quarantined) == ("voice.speech", 8, 3, 5, 4)
    again = load(folder)
    assert again.catalogue.types["voice.speech"] == "text"
    assert again.catalogue.table["voice.speech"].to_list() == TEXTS
    assert again.catalogue.fingerprint == data.catalogue.fingerprint
    assert again.features["title"].present.all()  # what was encoded stays


def test_a_column_that_somebody_else_wrote_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    data = load(folder)
    own = data.catalogue.table.with_columns(pl.Series("voice.speech", ["what I wrote", *[None] * 7], pl.String))
    catalogue = Catalogue(own, {**data.catalogue.types, "voice.speech": "text"}, data.catalogue.root)
    save(Dataset(data.users, data.items, data.interactions, catalogue), tmp_path / "own")
    with pytest.raises(DataError, match=r"'voice\.speech' that no recogniser wrote, .* would take its place: import"):
        transcribe(load(tmp_path / "own"), voice=Pitch())
    assert load(tmp_path / "own").catalogue.table["voice.speech"].to_list() == ["what I wrote", *[None] * 7]


class HighPitch(Pitch):
    """Hears high tones alone."""

    name = "high-pitch"

    def transcribe(self, sound: Floats) -> str | None:
        text = super().transcribe(sound)
        return None if text == "a tone of 400 Hz" else text


def test_what_a_recogniser_wrote_is_replaced_by_the_next(folder: Path) -> None:
    first = transcribe(load(folder), voice=Pitch())
    assert first.catalogue.table["voice.speech"].to_list() == TEXTS
    second, (done,) = transcribe_columns(load(folder), {"voice": HighPitch()})
    assert second.catalogue.table["voice.speech"].to_list() == [None, "a tone of 800 Hz", *[None] * 6]
    assert done.heard == 5
    assert transcribe(load(folder), voice=Pitch()).catalogue.table["voice.speech"].to_list() == TEXTS


def test_why_there_is_no_text_is_told(folder: Path) -> None:
    transcribe(load(folder), voice=Pitch())
    told = pl.read_parquet(folder / "quarantine.parquet").filter(pl.col("step") == "speech:voice")
    reasons = dict(zip(told["id"], told["reason"], strict=True))
    assert set(reasons) == {"c", "d", "e", "f"}
    assert reasons["c"] == "nobody speaks in it"
    assert reasons["d"] == "the sound is silent"
    assert "cannot be decoded" in reasons["e"]
    assert reasons["f"] == "there is no such file"


def test_nothing_is_heard_twice_and_new_sounds_are(folder: Path) -> None:
    transcribe(load(folder), voice=Pitch())
    tone(next(folder.glob("media/voice/*low.wav")), 600)
    data, (done,) = transcribe_columns(load(folder), {"voice": Pitch()})
    assert done.heard == 1
    assert data.catalogue.table["voice.speech"][2] == "a tone of 600 Hz"
    _, (done,) = transcribe_columns(load(folder), {"voice": Pitch()})
    assert done.heard == 0


def test_what_gave_no_text_is_heard_again_when_that_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Pitch, "transcribe", lambda self, sound: "first\u2028second" if len(sound) == RATE // 2 else None)
        transcribe(load(folder), voice=Pitch())
    log = next(folder.glob("features/.speech/*.jsonl"))
    log.write_text(log.read_text().replace('"first\u2028second"', "null", 1))
    _, (done,) = transcribe_columns(load(folder), {"voice": Pitch()})
    assert done.heard == 0
    _, (done,) = transcribe_columns(load(folder), {"voice": Pitch()}, retry=True)
    assert done.heard == 3  # that one, the silent one and what is no sound


def test_a_full_disk_is_told(folder: Path) -> None:
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))
        with pytest.raises(StoreError, match="what was heard before is still there"):
            transcribe(load(folder), voice=Pitch())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert transcribe(load(folder), voice=Pitch()).catalogue.table["voice.speech"].to_list() == TEXTS


def test_the_text_is_encoded_as_any_other(folder: Path) -> None:
    data = encode(transcribe(load(folder), voice=Pitch()), **{"voice.speech": "tf-idf"})
    part = data.features["voice.speech"]
    assert part.present.tolist() == [text is not None for text in TEXTS]
    assert part.modality == "text"
    np.testing.assert_array_equal(part.values[0], part.values[7])


def test_search_by_words_reads_it(folder: Path) -> None:
    data = transcribe(load(folder), voice=Pitch())
    assert WordIndex(data.catalogue).search("800", 3).items[0].tolist() == [1, -1, -1]


def test_what_is_said_in_a_video(tmp_path: Path) -> None:
    pytest.importorskip("av")
    film(tmp_path / "a.mp4", picture="libx264")
    film(tmp_path / "b.mp4", picture="libx264", sound=False)
    table = pl.DataFrame({"item_id": ["a", "b"], "trailer": ["a.mp4", "b.mp4"]})
    catalogue = Catalogue(table, {"trailer": "video"}, tmp_path)
    save(Dataset(IdMap([]), IdMap("ab"), Interactions.empty(), catalogue), tmp_path / "ds")
    data = transcribe(load(tmp_path / "ds"), trailer=Pitch())
    assert data.catalogue.table["trailer.speech"].to_list() == ["a tone of 450 Hz", None]
    told = pl.read_parquet(tmp_path / "ds" / "quarantine.parquet")
    assert told["reason"].to_list() == ["the video has no sound"]


def test_a_copy_and_a_new_import_keep_what_was_heard(folder: Path, tmp_path: Path) -> None:
    data = transcribe(load(folder), voice=Pitch())
    save(data, tmp_path / "copy")
    _, (done,) = transcribe_columns(load(tmp_path / "copy"), {"voice": Pitch()})
    assert done.heard == 0


def test_without_a_folder_it_is_done_in_memory(folder: Path) -> None:
    data = load(folder)
    bare = Dataset(data.users, data.items, data.interactions, data.catalogue)
    assert transcribe(bare, voice=Pitch()).catalogue.table["voice.speech"].to_list() == TEXTS
    assert "voice.speech" not in load(folder).catalogue.table.columns


def test_a_killed_run_goes_on_where_it_stood(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(12):
        tone(source / f"{number}.wav", 300 + 50 * number)
    ids = [str(number) for number in range(12)]
    table = pl.DataFrame({"item_id": ids, "voice": [f"{number}.wav" for number in ids]})
    save(
        Dataset(IdMap([]), IdMap(ids), Interactions.empty(), Catalogue(table, {"voice": "audio"}, source)),
        tmp_path / "ds",
    )
    command = [sys.executable, str(Path(__file__).with_name("slow_listener.py")), str(tmp_path / "ds")]
    process = subprocess.Popen([*command, "0.7"])
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        logs = [log.read_text() for log in tmp_path.glob("ds/features/.speech/*.jsonl")]
        if sum(log.count("}") for log in logs) >= 4:
            break
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (log,) = tmp_path.glob("ds/features/.speech/*.jsonl")
    known = len([line for line in log.read_text().splitlines() if line.strip()])
    assert 4 <= known < 12
    with log.open("a") as file:
        file.write('\n{"content": "00')  # what a kill in the middle of a line leaves
    done = subprocess.run([*command, "0"], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 12 - known
    texts = load(tmp_path / "ds").catalogue.table["voice.speech"].to_list()
    assert texts == [f"a tone of {300 + 50 * number} Hz" for number in range(12)]
    assert load(tmp_path / "ds").features == {}


def test_what_cannot_be_listened_to_is_told(folder: Path) -> None:
    with pytest.raises(DataError, match="the column 'title' is text, and speech is in columns of sound or video"):
        transcribe(load(folder), title=Pitch())
    with pytest.raises(DataError, match="did you mean 'voice'"):
        transcribe(load(folder), voise=Pitch())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--speech", "whisper-bas"), "did you mean 'whisper-base'"),
        (("--column", "voice=whisper-base"), "write --column voice.speech=whisper-base"),
        (("--column", "title.speech=whisper-base"), "the column 'title' is text"),
    ],
)
def test_wrong_requests(words: tuple[str, ...], said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["encode", str(folder), *words])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


class Segment(NamedTuple):
    text: str
    compression_ratio: float = 1.0


class About(NamedTuple):
    language: str
    language_probability: float


class Hears:
    """Stands for the model of faster-whisper: says what it is told to, and remembers what it was asked."""

    supported_languages: ClassVar[list[str]] = ["en", "zh"]

    def __init__(self, *said: Segment) -> None:
        self.said, self.asked, self.about = said, dict[str, Any](), About("en", 0.9)

    def transcribe(self, sound: Any, **asked: Any) -> tuple[Iterator[Segment], About]:
        self.asked = asked
        return iter(self.said), About(asked["language"], 1.0) if asked["language"] else self.about


def whisper(monkeypatch: pytest.MonkeyPatch, *said: Segment, **settings: Any) -> tuple[Recogniser[Any], Hears]:
    recogniser, model = registry.get("whisper-base")(**settings), Hears(*said)
    monkeypatch.setattr(type(recogniser), "_model", model)
    return recogniser, model


def test_what_whisper_repeats_over_and_over_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, real = Segment(" I'm sorry" * 40, 13.6), Segment(" A red  mug.", 0.9)
    recogniser, model = whisper(monkeypatch, loop, real, loop)
    assert recogniser.transcribe(np.zeros(RATE, np.float32)) == "A red mug."
    assert model.asked["no_speech_threshold"] == 0.4
    recogniser, _ = whisper(monkeypatch, loop)
    assert recogniser.transcribe(np.zeros(RATE, np.float32)) is None


def test_the_language_is_detected_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for language in (None, "zh"):
        recogniser, model = whisper(monkeypatch, Segment("一"), language=language)
        recogniser.prepare()
        assert recogniser.transcribe(np.zeros(RATE, np.float32)) == "一"
        assert model.asked["language"] == language
    recogniser, _ = whisper(monkeypatch, language="zn")
    with pytest.raises(ConfigError, match="knows no language 'zn': allowed: en, zh"):
        recogniser.prepare()
    assert registry.get("whisper-base")(language="zh").fingerprint != registry.get("whisper-base")().fingerprint


@pytest.mark.parametrize(
    ("language", "about", "simplified"),
    [("zh", ("en", 0.9), True), (None, ("zh", 0.9), True), (None, ("zh", 0.3), False), (None, ("en", 0.9), False)],
)
def test_chinese_is_asked_for_in_simplified_characters(
    language: str | None, about: tuple[str, float], simplified: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser, model = whisper(monkeypatch, Segment("今天天气很好"), language=language)
    model.about = About(*about)
    assert recogniser.transcribe(np.zeros(RATE, np.float32)) == "今天天气很好"
    assert ("hotwords" in model.asked) is simplified


@pytest.mark.parametrize("prompted", ["以下是普通话的句子。", "以下是普通话。", ""])
def test_what_whisper_is_told_before_chinese_is_not_taken_for_said(
    prompted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Echoes(Hears):
        def transcribe(self, sound: Any, **asked: Any) -> tuple[Iterator[Segment], About]:
            return iter([Segment(prompted if "hotwords" in asked else "三")]), About("zh", 1.0)

    recogniser, _ = whisper(monkeypatch)
    monkeypatch.setattr(type(recogniser), "_model", Echoes())
    assert recogniser.transcribe(np.zeros(RATE, np.float32)) == "三"


def test_settings_of_a_recogniser_on_the_command_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, model = whisper(monkeypatch, Segment("一 个 红 色 的 杯子"))
    words = ["--speech", "whisper-base", "--set", "voice.speech.language=zh"]
    answer(folder, *words, "--text", "tf-idf", "--set", "voice.speech.dim=8", capsys=capsys)
    assert model.asked["language"] == "zh"
    reference = load(folder).features["voice.speech"].encoder
    assert reference is not None
    assert reference.settings["dim"] == 8
    with pytest.raises(SystemExit):
        main(["encode", str(folder), "--speech", "whisper-base", "--set", "voice.speech.langage=zh"])
    assert "did you mean 'language'" in capsys.readouterr().err


def test_speech_is_a_word_of_the_library() -> None:
    assert palate.transcribe is transcribe


def test_recognisers_have_names() -> None:
    assert registry.names() == ["whisper-base", "whisper-tiny.en"]
    assert registry.get("whisper-tiny.en")().fingerprint != registry.get("whisper-tiny.en")(beam_size=1).fingerprint


@pytest.mark.weights
@pytest.mark.data
@pytest.mark.slow
def test_spoken_words_on_the_command_line(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["birds-blackbird", "birds-duck", "amphibians-frog"]
    table = pl.DataFrame(
        {
            "item_id": [*names, "noise"],
            "voice": [*(f"speech/animals-{name}.ogg" for name in names), "sounds/animals-birds-crow.ogg"],
        }
    )
    catalogue = Catalogue(table, {"voice": "audio"}, real_data / "stamps")
    save(Dataset(IdMap([]), IdMap(table["item_id"].to_list()), Interactions.empty(), catalogue), tmp_path / "ds")
    rows = answer(tmp_path / "ds", "--speech", "whisper-tiny.en", "--text", "use", capsys=capsys)
    assert rows["speech"][0]["present"] == 3
    assert [row["part"] for row in rows["rows"]] == ["voice.speech"]
    texts = load(tmp_path / "ds").catalogue.table["voice.speech"].to_list()
    assert [str(text).strip(".! ").lower() for text in texts[:3]] == ["blackbird", "duck", "frog"]
    assert texts[3] is None
    rows = answer(tmp_path / "ds", "--column", "voice.speech=whisper-base", capsys=capsys)
    texts = load(tmp_path / "ds").catalogue.table["voice.speech"].to_list()
    assert [str(text).strip(".! ").lower() for text in texts[:3]] == ["blackbird", "duck", "frog"]
    assert rows["speech"][0]["heard"] == 4


def answer(folder: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    with pytest.raises(SystemExit) as left:
        main(["encode", str(folder), *words, "--json"])
    assert left.value.code == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.weights
@pytest.mark.data
@pytest.mark.slow
def test_no_words_for_what_is_not_speech(real_data: Path) -> None:
    recogniser = registry.get("whisper-base")()
    recogniser.prepare()
    for sound in ("hobbies-music-string-cello", "animals-insects-bee"):
        heard = read_sound(real_data / "stamps" / "sounds" / f"{sound}.ogg", recogniser.longest)
        assert recogniser.transcribe(heard) is None
