"""`mel` and the reading of sounds."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.fft import dct

from palate.core.errors import MissingExtraError
from palate.encoders import BrokenInput, EmptyInput, mel
from palate.encoders._sounds import RATE, read_sound
from palate.encoders.mel import Mel, log_mel

pytest.importorskip("soundfile")


def tone(
    path: Path, seconds: float = 1.0, pitch: float = 440.0, rate: int = 16_000, channels: int = 1, loud: float = 0.5
) -> Path:
    time = np.arange(round(rate * seconds)) / rate
    samples = (np.sin(time * 2 * np.pi * pitch) * loud * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(samples, channels).tobytes())
    return path


def test_any_rate_and_any_number_of_channels_become_the_same_sound(tmp_path: Path) -> None:
    plain = read_sound(tone(tmp_path / "a.wav"), 60)
    other = read_sound(tone(tmp_path / "b.wav", rate=44_100, channels=2), 60)
    assert len(plain) == len(other) == RATE
    assert np.abs(plain[1000:-1000] - other[1000:-1000]).max() < 0.01


def test_only_the_start_of_a_long_sound_is_read(tmp_path: Path) -> None:
    assert len(read_sound(tone(tmp_path / "a.wav", seconds=3), 0.5)) == RATE // 2


@pytest.mark.parametrize(
    ("about", "reason"),
    [({"seconds": 0.009}, "lasts 9 ms"), ({"seconds": 0}, "lasts 0 ms"), ({"loud": 0.0}, "silent")],
)
def test_clicks_and_silence_are_missing_and_say_so(about: dict[str, float], reason: str, tmp_path: Path) -> None:
    with pytest.raises(EmptyInput, match=reason):
        Mel().decode(tone(tmp_path / "a.wav", **about))


def test_ten_milliseconds_are_enough(tmp_path: Path) -> None:
    encoder = Mel()
    values, present = encoder.encode([encoder.decode(tone(tmp_path / "a.wav", seconds=0.0101))])
    assert present.all()
    assert np.isfinite(values).all()


def test_a_file_of_another_name_is_read_and_a_text_is_not(tmp_path: Path) -> None:
    tone(tmp_path / "a.wav").rename(tmp_path / "a.mp3")
    assert len(read_sound(tmp_path / "a.mp3", 60)) == RATE
    (tmp_path / "b.wav").write_text("this is no sound" * 100)
    with pytest.raises(BrokenInput, match="cannot be decoded"):
        read_sound(tmp_path / "b.wav", 60)


@pytest.mark.parametrize("sample", [np.nan, np.inf, 1e30])
def test_samples_that_are_not_numbers(tmp_path: Path, sample: float) -> None:
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.full(4000, sample, np.float32), RATE, subtype="FLOAT")
    with pytest.raises(BrokenInput, match="not numbers"):
        read_sound(tmp_path / "a.wav", 60)


def test_a_codec_that_nothing_decodes_is_told(tmp_path: Path) -> None:
    content = bytearray(tone(tmp_path / "a.wav").read_bytes())
    content[20:22] = b"\x34\x12"
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(BrokenInput, match="nothing here decodes"):
        read_sound(tmp_path / "a.wav", 60)


def test_a_high_tone_lies_in_higher_bands(tmp_path: Path) -> None:
    low, high = (
        log_mel(read_sound(tone(tmp_path / f"{pitch}.wav", pitch=pitch), 60), 64).mean(axis=0) for pitch in (200, 3000)
    )
    assert int(low.argmax()) + 20 < int(high.argmax())


def test_cepstra_are_those_of_kaldi(tmp_path: Path) -> None:
    import kaldi_native_fbank as kaldi

    rng = np.random.default_rng(0)
    samples = (rng.normal(size=RATE) * 0.1).astype(np.float32)
    options = kaldi.MfccOptions()
    options.frame_opts.dither, options.frame_opts.snip_edges = 0.0, False
    options.mel_opts.num_bins, options.num_ceps = 24, 10
    options.use_energy, options.cepstral_lifter = False, 0.0
    oracle = kaldi.OnlineMfcc(options)
    oracle.accept_waveform(RATE, (samples * 32768).tolist())
    oracle.input_finished()
    expected = np.stack([np.array(oracle.get_frame(index)) for index in range(oracle.num_frames_ready)])
    ours = dct(log_mel(samples, 24), type=2, norm="ortho", axis=1)[:, :10]
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-3)


def test_a_long_sound_handed_over_in_pieces_has_the_same_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = (np.random.default_rng(0).normal(size=RATE) * 0.1).astype(np.float32)
    whole = log_mel(samples, 24)
    for piece in (RATE - 1, 1001, 7):
        monkeypatch.setattr(mel, "_PIECE", piece)
        np.testing.assert_array_equal(log_mel(samples, 24), whole)


def test_sizes_are_settings(tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav")
    assert Mel().dim == 252
    assert Mel(bands=10, cepstra=0).decode(path).shape == (30,)
    assert Mel(bands=10, cepstra=50).decode(path).shape == (60,) == (Mel(bands=10, cepstra=50).dim,)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'palate\[media\]'"):
        Mel().prepare()


@pytest.mark.data
def test_sounds_of_things_lie_near_their_kind(real_data: Path) -> None:
    encoder = Mel()
    vectors, kinds = [], []
    for path in sorted((real_data / "stamps" / "sounds").glob("*.ogg")):
        try:
            vectors.append(encoder.decode(path))
        except EmptyInput:  # four files of the set hold nothing
            continue
        kinds.append(path.name.partition("-")[0])
    values = np.stack(vectors)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    likeness = values @ values.T
    np.fill_diagonal(likeness, -2)
    names = np.array(kinds)
    right = float((names[likeness.argmax(axis=1)] == names).mean())
    majority = max(kinds.count(kind) for kind in set(kinds)) / len(kinds)
    assert right > majority + 0.05
