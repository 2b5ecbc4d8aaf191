"""Sounds of every kind, rate and number of channels, and the sound tracks of videos, made here and read back."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from palate.cli import main
from palate.core.ids import IdMap
from palate.core.types import Floats
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders import BrokenInput, EmptyInput
from palate.encoders._sounds import RATE, read_sound

av = pytest.importorskip("av")
soundfile = pytest.importorskip("soundfile")
PITCH = 440.0


def sine(seconds: float, rate: int, pitch: float = PITCH) -> Floats:
    return (np.sin(np.arange(round(rate * seconds)) / rate * 2 * np.pi * pitch) * 0.5).astype(np.float32)


def film(
    path: Path, codec: str = "aac", seconds: float = 1.0, rate: int = 48_000, picture: str = "", sound: bool = True
) -> Path:
    """Write a file of sound, of pictures or of both, as FFmpeg does it."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(picture, rate=10, width=64, height=48, pix_fmt="yuv420p") if picture else None
        audio: Any = container.add_stream(codec, rate=rate, layout="stereo") if sound else None
        if video is not None:
            for number in range(round(10 * seconds)):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * number % 255, np.uint8), format="rgb24")
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio is not None:
            audio.bit_rate = 128_000
            samples = np.repeat(sine(seconds, rate)[None, :], 2, axis=0)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate = rate
            for piece in _fitted(audio, frame):
                container.mux(audio.encode(piece))
            container.mux(audio.encode(None))
    return path


def _fitted(audio: Any, frame: Any) -> list[Any]:
    context = audio.codec_context
    resampler = av.AudioResampler(context.format, context.layout, context.rate, frame_size=context.frame_size or 1024)
    return [*resampler.resample(frame), *resampler.resample(None)]


def is_the_tone(sound: Floats, seconds: float = 1.0, pitch: float = PITCH) -> bool:
    """Tell whether a sound is the sine, by where its spectrum peaks, how much lies there, and how long it is."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    peak = int(power.argmax())
    near = power[max(0, peak - 5) : peak + 6].sum() / power.sum()
    return bool(abs(peak * RATE / len(sound) - pitch) < 4 and near > 0.95 and abs(len(sound) / RATE - seconds) < 0.09)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 37_813, 44_100, 48_000, 96_000, 192_000])
def test_any_rate(rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(1, rate), rate)
    sound = read_sound(tmp_path / "a.wav", 60)
    np.testing.assert_allclose(sound[800:-800], sine(1, RATE)[800:-800], atol=2e-3)
    assert len(sound) == RATE


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 8])
def test_any_number_of_channels(channels: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.repeat(sine(1, RATE)[:, None], channels, axis=1), RATE)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav", 60), sine(1, RATE), atol=1e-3)


def test_channels_of_opposite_sign_do_not_become_silence(tmp_path: Path) -> None:
    tone = sine(1, RATE)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, -tone], axis=1), RATE)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav", 60), tone, atol=1e-3)


@pytest.mark.parametrize("shares", [(1, -1), (0, 1, -1), (0.5, -1, 0.5)])
def test_channels_that_nearly_cancel_out_are_heard_alone(shares: tuple[float, ...], tmp_path: Path) -> None:
    noise = 1e-3 * np.random.default_rng(0).normal(size=(RATE, len(shares)))
    soundfile.write(tmp_path / "a.wav", sine(1, RATE)[:, None] * np.array(shares) + noise, RATE)
    assert is_the_tone(read_sound(tmp_path / "a.wav", 60))


def test_channels_of_opposite_sign_after_a_lossy_codec(tmp_path: Path) -> None:
    tone = sine(1, 44_100)
    soundfile.write(tmp_path / "a.ogg", np.stack([tone, -tone], axis=1), 44_100)
    sound = read_sound(tmp_path / "a.ogg", 60)
    assert is_the_tone(sound)
    assert np.abs(sound).max() > 0.4


def test_one_channel_of_eight_is_no_cancelling(tmp_path: Path) -> None:
    samples = np.zeros((RATE, 8), np.float32)
    samples[:, 5] = sine(1, RATE)
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav", 60), samples[:, 5] / 8, atol=1e-3)


@pytest.mark.parametrize("depth", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ALAW", "ULAW"])
@pytest.mark.parametrize("level", [0.0, 0.1, -1 / 128])
def test_a_constant_is_silence(level: float, depth: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(44_100, level), 44_100, subtype=depth)
    with pytest.raises(EmptyInput, match="the sound is silent"):
        read_sound(tmp_path / "a.wav", 60)


def test_dither_is_silence_and_a_soft_tone_is_not(tmp_path: Path) -> None:
    dither = np.random.default_rng(0).integers(-1, 2, (2, 44_100)).sum(axis=0).astype(np.int16)
    for level in (0, 50):
        soundfile.write(tmp_path / "a.wav", dither + level, 44_100)
        with pytest.raises(EmptyInput, match="the sound is silent"):
            read_sound(tmp_path / "a.wav", 60)
    soundfile.write(tmp_path / "a.wav", sine(1, RATE) / 1000, RATE, subtype="PCM_24")
    assert is_the_tone(read_sound(tmp_path / "a.wav", 60))


def test_of_a_sound_that_begins_late_only_the_start_is_called_silent(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.concatenate([np.zeros(3 * RATE), sine(1, RATE)]), RATE)
    with pytest.raises(EmptyInput, match="the first 2 s of the sound are silent"):
        read_sound(tmp_path / "a.wav", 2)
    assert len(read_sound(tmp_path / "a.wav", 4)) == 4 * RATE


@pytest.mark.parametrize(
    "depth", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM"]
)
def test_any_depth(depth: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(1, RATE), RATE, subtype=depth)
    assert is_the_tone(read_sound(tmp_path / "a.wav", 60))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "CAF", "W64", "AU"])
def test_kinds_that_libsndfile_reads(kind: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.bin", np.repeat(sine(1, 44_100)[:, None], 2, axis=1), 44_100, format=kind)
    assert is_the_tone(read_sound(tmp_path / "a.bin", 60))


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.m4a", "aac"), ("a.m4a", "alac"), ("a.aac", "aac"), ("a.wma", "wmav2"), ("a.mka", "aac"), ("a.mka", "pcm_s16le"),
        ("a.mka", "pcm_u8"), ("a.mka", "pcm_s32le"), ("a.mka", "ac3"), ("a.webm", "libopus"), ("a.ac3", "ac3"),
        ("a.mov", "pcm_f32le"), ("a.tta", "tta"),
    ],
)  # fmt: skip
def test_kinds_that_ffmpeg_reads(name: str, codec: str, tmp_path: Path) -> None:
    film(tmp_path / name, codec)
    (tmp_path / name).rename(tmp_path / "sound")
    assert is_the_tone(read_sound(tmp_path / "sound", 60))


@pytest.mark.parametrize(
    ("name", "picture", "codec"),
    [("a.mp4", "libx264", "aac"), ("a.webm", "libvpx", "libopus"), ("a.mkv", "mpeg4", "libmp3lame"), ("a.avi", "mpeg4", "ac3")],
)  # fmt: skip
def test_the_sound_track_of_a_video(name: str, picture: str, codec: str, tmp_path: Path) -> None:
    assert is_the_tone(read_sound(film(tmp_path / name, codec, picture=picture), 60))
    assert len(read_sound(tmp_path / name, 0.25)) == RATE // 4


def test_a_video_without_a_sound_track_says_so(tmp_path: Path) -> None:
    with pytest.raises(EmptyInput, match="the video has no sound"):
        read_sound(film(tmp_path / "a.mp4", picture="libx264", sound=False), 60)


def test_a_file_that_ends_early_is_broken(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.flac", rng.uniform(-0.5, 0.5, 4 * RATE), RATE)
    whole = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BrokenInput, match=r"cut off|decoded"):
        read_sound(tmp_path / "a.flac", 60)
    assert len(read_sound(tmp_path / "a.flac", 0.5)) == RATE // 2
    cut = film(tmp_path / "a.m4a", seconds=4).read_bytes()
    (tmp_path / "a.m4a").write_bytes(cut[: len(cut) // 2])  # the table of contents stands at the end
    with pytest.raises(BrokenInput, match="decoded"):
        read_sound(tmp_path / "a.m4a", 60)


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "OGG", "MP3"])
def test_a_file_shorter_than_it_says_is_broken(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "sound"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 6 * RATE), RATE, format=kind)
    assert len(read_sound(path, 60)) == pytest.approx(6 * RATE, abs=RATE / 10)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert len(read_sound(path, 0.5)) == RATE // 2  # the rest is not looked at
    with pytest.raises(BrokenInput, match="cut off"):
        read_sound(path, 60)


@pytest.mark.parametrize("name", ["a.mka", "a.webm"])
def test_a_container_that_tells_no_length_of_its_track(name: str, tmp_path: Path) -> None:
    whole = bytearray(film(tmp_path / name, "libopus" if name == "a.webm" else "aac", seconds=6).read_bytes())
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BrokenInput, match=r"cut off|decoded"):
        read_sound(tmp_path / name, 60)
    whole[len(whole) // 2 : len(whole) // 2 + 300] = bytes(300)
    (tmp_path / name).write_bytes(whole)
    with pytest.raises(BrokenInput, match=r"cut off|decoded"):
        read_sound(tmp_path / name, 60)


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_that_does_not_know_its_length_is_read(length: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(1, RATE), RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = length.to_bytes(4, "little")
    if length:
        place = content.find(b"data") + 4
        content[place : place + 4] = length.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert is_the_tone(read_sound(tmp_path / "a.wav", 60))


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile {}\n"]
)
def test_a_playlist_opens_no_other_file(text: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "secret.mp3", sine(1, 44_100), 44_100)
    for name in ("a.m3u8", "a.ffconcat", "a.mp3"):
        (tmp_path / name).write_text(text.format("secret.mp3"))
        with pytest.raises(BrokenInput, match="decoded"):
            read_sound(tmp_path / name, 60)


def test_a_rate_that_nothing_has(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(1, RATE), 7)
    with pytest.raises(BrokenInput, match="has 7 samples a second"):
        read_sound(tmp_path / "a.wav", 60)


@pytest.mark.parametrize("name", ["a.flac", "a.mka"])
def test_a_long_sound_costs_no_more_than_what_is_kept(name: str, tmp_path: Path) -> None:
    if name == "a.flac":
        soundfile.write(tmp_path / name, sine(240, 48_000), 48_000)
    else:
        film(tmp_path / name, "pcm_s16le", seconds=240)
    tracemalloc.start()
    try:
        assert len(read_sound(tmp_path / name, 2)) == 2 * RATE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000  # the whole of it is 46 MB


def test_sound_columns_and_sound_tracks_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film(tmp_path / "a.mp4", picture="libx264")
    film(tmp_path / "b.mp4", picture="libx264", sound=False)
    soundfile.write(tmp_path / "c.wav", sine(1, RATE, 900), RATE)
    soundfile.write(tmp_path / "d.wav", np.zeros(RATE), RATE)
    table = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "trailer": ["a.mp4", "b.mp4", None],
            "jingle": [None, "d.wav", "c.wav"],
        }
    )
    catalogue = Catalogue(table, {"trailer": "video", "jingle": "audio"}, tmp_path)
    save(Dataset(IdMap([]), IdMap("abc"), Interactions.empty(), catalogue), tmp_path / "ds")
    rows = encoded(tmp_path / "ds", "--column", "trailer.sound=mel", capsys=capsys)
    assert {name: row["present"] for name, row in rows.items()} == {"trailer.sound": 1}
    rows = encoded(tmp_path / "ds", "--audio", "mel", capsys=capsys)
    assert {name: (row["present"], row["quarantined"]) for name, row in rows.items()} == {
        "trailer.sound": (1, 1),
        "jingle": (1, 1),
    }
    data = load(tmp_path / "ds")
    assert data.features["trailer.sound"].present.tolist() == [True, False, False]
    assert data.features["trailer.sound"].modality == "audio"
    assert data.features["jingle"].present.tolist() == [False, False, True]
    said = pl.read_parquet(tmp_path / "ds" / "quarantine.parquet").select("step", "reason").rows()
    assert ("encode:trailer.sound", "the video has no sound") in said
    assert ("encode:jingle", "the sound is silent") in said


def encoded(folder: Path, *words: str, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    with pytest.raises(SystemExit) as left:
        main(["encode", str(folder), *words, "--json"])
    assert left.value.code == 0
    return {row["part"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
