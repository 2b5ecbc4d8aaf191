"""What is listed of encoders, and how it is measured."""

from __future__ import annotations

import json

import pytest

from palate.cli import main
from palate.core.errors import DataError, StoreError
from palate.encoders import registry
from palate.encoders.facts import facts, measure, speed
from palate.encoders.facts.samples import voice
from palate.encoders.speech import registry as recognisers


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and rounds that are long enough for a figure, though not for one that is exact."""
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path))
    monkeypatch.setattr(speed, "_SECONDS", 0.2)
    for name in ("geo", "colour-texture"):
        monkeypatch.setattr(registry.get(name), "batch", 4)


def test_every_encoder_and_recogniser_is_listed_and_nothing_is_fetched(tmp_path):
    found = {each.name: each for each in facts()}
    assert list(found) == [*registry.names(), *recognisers.names()]
    assert list(tmp_path.iterdir()) == []
    assert (found["use"].reads, found["use"].dim, found["use"].licence) == ("text", 512, "Apache-2.0")
    assert found["use"].bytes > 30_000_000
    assert (found["mel"].bytes, found["mel"].licence) == (0, "")
    assert (found["video"].bytes, found["video"].licence) == (found["efficientnet-lite0"].bytes, "Apache-2.0")
    assert (found["motion"].reads, found["motion"].dim, found["motion"].bytes) == ("video", 14, 0)
    assert (found["hf-text"].bytes, found["hf-text"].dim) == (None, None)
    assert (found["whisper-base"].reads, found["whisper-base"].licence) == ("speech", "MIT")
    for name, each in found.items():
        assert each.summary.endswith((".", ":")), name
        assert bool(each.licence) == (each.bytes != 0), name


def test_speed_is_measured_remembered_and_of_this_version_only(monkeypatch):
    found = measure("geo")
    assert found > 0
    assert {each.name: each.per_second for each in facts()}["geo"] == found
    monkeypatch.setattr(registry.get("geo"), "version", 99)
    assert {each.name: each.per_second for each in facts()}["geo"] is None
    with pytest.raises(DataError, match="as fast as the model that is chosen"):
        measure("hf-text")


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"geo": 3}', '{"geo": {"version": 1}}', '{"geo": {"per_second": "x"}}']
)
def test_a_damaged_file_of_figures_is_none(tmp_path, content):
    (tmp_path / "measured").mkdir()
    (tmp_path / "measured" / "encoders.json").write_text(content)
    assert {each.name: each.per_second for each in facts()}["geo"] is None
    found = measure("geo")
    assert {each.name: each.per_second for each in facts()}["geo"] == found


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="could not be written"):
        measure("geo")


def test_a_voice_is_speech_to_those_who_listen_for_it():
    vad = pytest.importorskip("faster_whisper.vad")
    for number in range(8):
        heard = vad.get_speech_timestamps(voice(number))
        assert sum(part["end"] - part["start"] for part in heard) > 0.8 * len(voice(number))


def test_files_are_measured_with_their_decoding():
    assert 0 < measure("colour-texture") < 100_000


def test_the_command_prints_within_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as done:
        main(["encoders"])
    assert done.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:4] == ["use", "text", "512", "30"] for line in lines)
    with pytest.raises(SystemExit):
        main(["encoders", "geo", "hf-text", "--measure", "--json"])
    answer = json.loads(capsys.readouterr().out)
    rows = answer["rows"]
    assert ["hf-text was not measured" in trouble for trouble in answer["troubles"]] == [True]
    assert [row["name"] for row in rows] == ["geo", "hf-text"]
    assert rows[0]["per_second"] > 0
    with pytest.raises(SystemExit) as wrong:
        main(["encoders", "mell"])
    assert wrong.value.code == 2
    assert "did you mean 'mel'" in capsys.readouterr().err
