"""`whisper-encoder` against transformers, with the same weights read out of CTranslate2's file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from palate.core.state import Array
from palate.core.weights import fetch
from palate.encoders.speech._whisper import BASE
from palate.encoders.whisper_encoder import WINDOW, WhisperEncoder

RATE = 16_000


def variables(path: Path) -> dict[str, Array]:
    """Read the arrays of a model of CTranslate2: names with their lengths, ranks, sizes, a number for the type."""
    content, place = path.read_bytes(), 0

    def take(kind: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from("<" + kind, content, place)
        place += struct.calcsize("<" + kind)
        return int(value)

    def text() -> str:
        nonlocal place
        length = take("H")
        place += length
        return content[place - length : place].rstrip(b"\0").decode()

    take("I"), text(), take("I")  # the version, the kind of model and its revision
    found = {}
    for _ in range(take("I")):
        name, shape = text(), [take("I") for _ in range(take("B"))]
        kind, size = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}[take("B")], take("I")
        found[name] = np.frombuffer(content[place : place + size], kind).reshape(shape)
        place += size
    return found


def second_encoder() -> Any:
    """Return transformers' encoder of Whisper base with these weights."""
    import torch
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder as Reference

    arrays = variables(fetch(BASE[0]))

    def of(name: str) -> Any:
        return torch.tensor(arrays[f"encoder/{name}"].astype(np.float32))

    weights = {f"{name}.{part}": of(f"{name}/{part}") for name in ("conv1", "conv2") for part in ("weight", "bias")}
    weights["embed_positions.weight"] = of("position_encodings/encodings")
    norms = {"layer_norm": "layer_norm"}
    linear = {}
    for layer in range(6):
        ours, theirs = f"layers.{layer}.", f"layer_{layer}/"
        for part in ("weight", "bias"):
            for name, value in zip("qkv", of(f"{theirs}self_attention/linear_0/{part}").chunk(3), strict=True):
                weights[f"{ours}self_attn.{name}_proj.{part}"] = value
        del weights[f"{ours}self_attn.k_proj.bias"]  # which is zero
        linear |= {
            f"{ours}self_attn.out_proj": f"{theirs}self_attention/linear_1",
            f"{ours}fc1": f"{theirs}ffn/linear_0",
            f"{ours}fc2": f"{theirs}ffn/linear_1",
        }
        norms |= {
            f"{ours}self_attn_layer_norm": f"{theirs}self_attention/layer_norm",
            f"{ours}final_layer_norm": f"{theirs}ffn/layer_norm",
        }
    weights |= {f"{name}.{part}": of(f"{at}/{part}") for name, at in linear.items() for part in ("weight", "bias")}
    for name, at in norms.items():
        weights |= {f"{name}.weight": of(f"{at}/gamma"), f"{name}.bias": of(f"{at}/beta")}
    model = Reference(
        WhisperConfig(d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048, num_mel_bins=80)
    )
    model.load_state_dict(weights)
    return model.eval()


def sweep(seconds: float) -> Array:
    n = int(seconds * RATE)
    noise = np.random.default_rng(0).normal(size=n) * 0.02
    return (0.3 * np.sin(np.arange(n) * 0.05 * (1 + np.arange(n) / n)) + noise).astype(np.float32)


@pytest.mark.weights
@pytest.mark.torch
@pytest.mark.slow
def test_vectors_are_those_of_transformers() -> None:
    torch = pytest.importorskip("torch")
    from transformers import WhisperFeatureExtractor

    reference, spectra, encoder = second_encoder(), WhisperFeatureExtractor(), WhisperEncoder()
    sounds = [sweep(seconds) for seconds in (0.5, 33.0)]
    expected = []
    for sound in sounds:
        states = []
        for start in range(0, len(sound), WINDOW):
            window = sound[start : start + WINDOW]
            features = spectra(window, sampling_rate=RATE, return_tensors="pt").input_features
            filled = np.pad(window, (0, WINDOW - len(window)))
            ours = encoder._model.feature_extractor(filled, padding=0)
            np.testing.assert_allclose(ours[:, :3000], features[0].numpy(), atol=1e-4)
            with torch.inference_mode():
                states.append(reference(features).last_hidden_state[0, : -(-len(window) // 320)].numpy())
        expected.append(np.concatenate(states).mean(axis=0, dtype=np.float64))
    made, present = encoder.encode(sounds)
    assert present.all()
    np.testing.assert_allclose(made, expected, atol=1e-4)
    np.testing.assert_array_equal(encoder.encode(sounds[:1])[0][0], made[0])
