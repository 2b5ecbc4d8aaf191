"""Audio models of the hub, on tiny random ones in its folder layout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import hub_models
from palate.core.errors import WeightsError
from palate.encoders.hf_audio import HFAudio

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """0.5, 1.9 and 5 seconds at 16 kHz; the last is longer than the windows of CLAP and Whisper here."""
    root, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(1)
    for number, seconds in enumerate([0.5, 1.9, 5.0]):
        n = int(seconds * 16_000)
        sound = 0.4 * np.sin(np.arange(n) * 0.05 * (number + 1)) + 0.05 * rng.normal(size=n)
        soundfile.write(root / f"{number}.wav", sound, 16_000, subtype="FLOAT")
    return sorted(root.iterdir())


def read(path: Path) -> np.ndarray:
    return np.asarray(soundfile.read(path, dtype="float32")[0])


def vectors(encoder: HFAudio, paths: Sequence[Path]) -> np.ndarray:
    values, present = encoder.encode([encoder.decode(path) for path in paths])
    assert present.all()
    return values


def unit(rows: Any) -> np.ndarray:
    rows = np.stack([np.asarray(row) for row in rows])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def features(folder: Path, sound: np.ndarray, rate: int) -> Any:
    from transformers import AutoFeatureExtractor

    return AutoFeatureExtractor.from_pretrained(folder)(sound, sampling_rate=rate, return_tensors="pt")


def test_wav2vec2_is_the_mean_over_frames(tmp_path: Path, sounds: list[Path]) -> None:
    import torch
    from transformers import AutoModel

    folder = hub_models.wav2vec2(tmp_path)
    model, wanted = AutoModel.from_pretrained(folder).eval(), []
    for path in sounds:
        with torch.inference_mode():
            wanted.append(model(**features(folder, read(path), 16_000)).last_hidden_state[0].mean(dim=0))
    np.testing.assert_allclose(vectors(HFAudio(model=str(folder)), sounds), unit(wanted), atol=1e-4)


def test_windows_of_equal_length_are_averaged(tmp_path: Path, sounds: list[Path]) -> None:
    import torch
    from transformers import AutoModel

    folder = hub_models.wav2vec2(tmp_path)
    encoder = HFAudio(model=str(folder), window=2.0, normalise=False)
    assert [len(window) for window in encoder.decode(sounds[2])] == [26_667, 26_667, 26_666]
    model, parts = AutoModel.from_pretrained(folder).eval(), []
    for window in np.array_split(read(sounds[2]), 3):
        with torch.inference_mode():
            parts.append(model(**features(folder, window, 16_000)).last_hidden_state[0].mean(dim=0).numpy())
    wanted = np.average(parts, axis=0, weights=[26_667, 26_667, 26_666])
    np.testing.assert_allclose(vectors(encoder, sounds)[2], wanted, atol=1e-4)


@pytest.mark.parametrize("fusion", [False, True])
def test_clap_projects_into_the_space_of_its_texts(fusion: bool, tmp_path: Path, sounds: list[Path]) -> None:
    import soxr
    import torch
    from transformers import AutoModel

    folder = hub_models.clap(tmp_path, fusion)
    encoder = HFAudio(model=str(folder))
    model, wanted = AutoModel.from_pretrained(folder).eval(), []
    for path in sounds[:2]:
        given = features(folder, soxr.resample(read(path), 16_000, 48_000), 48_000)
        given["is_longer"] = torch.zeros((1, 1), dtype=torch.bool)
        with torch.inference_mode():
            wanted.append(model.get_audio_features(**given).pooler_output[0])
    made = vectors(encoder, sounds)
    np.testing.assert_allclose(made[:2], unit(wanted), atol=1e-4)
    np.testing.assert_array_equal(vectors(encoder, sounds), made)  # its own extractor would draw windows at random
    texts = encoder.companion("text")
    assert texts is not None
    values, _ = texts.encode([texts.decode("a dog")])
    assert (values.shape[1], texts.space) == (made.shape[1], encoder.space)


def test_whisper_is_the_mean_over_frames_with_sound(tmp_path: Path, sounds: list[Path]) -> None:
    import torch
    from transformers import AutoModel

    folder = hub_models.whisper(tmp_path)
    model, wanted = AutoModel.from_pretrained(folder).eval(), []
    for path, frames in zip(sounds[:2], (25, 95), strict=True):  # of 100 in two seconds
        with torch.inference_mode():
            hidden = model.get_encoder()(**features(folder, read(path), 16_000)).last_hidden_state[0]
        wanted.append(hidden[:frames].mean(dim=0))
    np.testing.assert_allclose(vectors(HFAudio(model=str(folder)), sounds[:2]), unit(wanted), atol=1e-4)


def test_the_audio_spectrogram_transformer_hears_all_of_a_sound(tmp_path: Path, sounds: list[Path]) -> None:
    encoder = HFAudio(model=str(hub_models.ast(tmp_path / "ast")))
    sound = read(sounds[2])
    sound[3 * 16_000 :] *= -np.linspace(0, 1, 2 * 16_000, dtype=np.float32)
    soundfile.write(tmp_path / "other.wav", sound, 16_000, subtype="FLOAT")
    made = vectors(encoder, [sounds[2], tmp_path / "other.wav"])
    assert np.abs(made[0] - made[1]).max() > 1e-3  # they differ after three seconds, and the model hears 0.64 at once
    np.testing.assert_array_equal(vectors(encoder, [sounds[2]])[0], made[0])


def test_decoding_loads_no_network(tmp_path: Path, sounds: list[Path]) -> None:
    import subprocess

    folder = hub_models.wav2vec2(tmp_path)
    code = (
        "import sys; from palate.encoders.hf_audio import HFAudio; "
        f"HFAudio(model={str(folder)!r}).decode({str(sounds[0])!r}); "
        "print({'torch', 'transformers'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_a_model_that_does_not_read_sound(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not say sampling_rate: it does not read sound"):
        HFAudio(model=str(hub_models.vit(tmp_path))).prepare()
