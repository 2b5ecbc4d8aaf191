"""`musicnn`: the checkpoint's reader, the spectrum, the network against a second one written from its publication, the tags."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from palate.core.errors import WeightsError
from palate.core.state import Array
from palate.encoders._musicnn import TAGS
from palate.encoders._sessions import mean_features
from palate.encoders._spectra import htk_bands, log_bands, slaney_bands
from palate.encoders._tensorflow_checkpoint import read_checkpoint
from palate.encoders.musicnn import DATA, INDEX, Musicnn, _checkpoint, patches

RATE = 16_000


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def block(rows: dict[bytes, bytes]) -> bytes:
    """Write a block of a LevelDB table, keys sharing prefixes, with one restart and the byte that says uncompressed."""
    out, before = b"", b""
    for key, value in rows.items():
        shared = next(
            (place for place, pair in enumerate(zip(before, key, strict=False)) if pair[0] != pair[1]),
            min(len(before), len(key)),
        )
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return out + struct.pack("<II", 0, 1) + b"\0" + bytes(4)


def write_checkpoint(folder: Path, tensors: dict[str, Array], kind: int = 1) -> tuple[Path, Path]:
    rows, data = {b"": b"\x08\x01"}, b""
    for name, tensor in sorted(tensors.items()):
        sizes = b"".join(b"\x12" + varint(len(size)) + size for size in (b"\x08" + varint(n) for n in tensor.shape))
        entry = b"\x08" + varint(kind) + b"\x12" + varint(len(sizes)) + sizes + b"\x20" + varint(len(data))
        rows[name.encode()] = entry + b"\x28" + varint(tensor.nbytes) + b"\x35" + bytes(4)
        data += tensor.tobytes()
    first, second = block(dict(list(rows.items())[:2])), block(dict(list(rows.items())[2:]))
    listed = block(
        {
            b"a": varint(0) + varint(len(first) - 5),
            b"z": varint(len(first)) + varint(len(second) - 5),
        }
    )
    start = len(first) + len(second)
    footer = (varint(0) + varint(0) + varint(start) + varint(len(listed) - 5)).ljust(40, b"\0")
    (folder / "x.index").write_bytes(first + second + listed + footer + struct.pack("<Q", 0xDB4775248B80FB57))
    (folder / "x.data").write_bytes(data)
    return folder / "x.index", folder / "x.data"


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in {"conv/kernel": (300, 2, 3), "conv/bias": (3,), "power": (), "dense/kernel": (4, 5)}.items()
    }
    found = read_checkpoint(*write_checkpoint(tmp_path, tensors))
    assert set(found) == set(tensors)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor)


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    index, data = write_checkpoint(tmp_path, {"a": np.ones(3, np.float32)})
    whole = index.read_bytes()
    for content in (b"", whole[:-1], whole[:-8] + bytes(8)):
        index.write_bytes(content)
        with pytest.raises(WeightsError, match="as a TensorFlow checkpoint"):
            read_checkpoint(index, data)
    index, data = write_checkpoint(tmp_path, {"a": np.ones(3, np.float32)}, kind=7)
    with pytest.raises(WeightsError, match="as a TensorFlow checkpoint"):
        read_checkpoint(index, data)


def test_bands_of_both_kinds() -> None:
    for size, rate, bands in ((512, RATE, 96), (2048, 44_100, 96)):
        slaney, htk = slaney_bands(bands, size, rate), htk_bands(bands, size, rate)
        assert slaney.shape == htk.shape == (bands, size // 2 + 1)
        assert (np.diff(htk.argmax(axis=1)) >= 0).all()
        assert (np.diff(slaney.argmax(axis=1)) >= 0).all()
        np.testing.assert_allclose(htk.sum(axis=1), 1, atol=1e-6)
    # Slaney's filters have equal areas: the width of a bin times the sum is nearly one where bins are narrow
    wide = slaney_bands(20, 16_384, RATE)
    np.testing.assert_allclose(wide.sum(axis=1) * RATE / 16_384, 1, atol=0.01)


def test_a_tone_stands_in_its_band_with_its_power() -> None:
    time = np.arange(RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    filters = slaney_bands(96, 512, RATE)
    window = np.hanning(513)[:-1]
    found = log_bands(tone, window, 256, filters, mirrored=True)
    assert found.shape == (1 + RATE // 256, 96)
    spectrum = np.abs(np.fft.rfft(tone[5 * 256 - 256 : 5 * 256 + 256] * window)) ** 2
    np.testing.assert_allclose(found[5], np.log10(10_000 * filters @ spectrum + 1), rtol=1e-4, atol=1e-4)
    assert abs(int(found[20].argmax()) - int(filters[:, 32].argmax())) <= 1  # 1000 Hz is bin 32


def test_patches_of_three_seconds_and_short_sounds_repeated() -> None:
    rng = np.random.default_rng(0)
    sound = rng.normal(size=RATE * 10).astype(np.float32)
    assert patches(sound).shape == (3, 187, 96)
    assert patches(sound[: 186 * 256]).shape == (1, 187, 96)
    short = patches(sound[:8000])
    assert short.shape == (1, 187, 96)
    np.testing.assert_allclose(short[0], patches(np.tile(sound[:8000], 20)[: 186 * 256])[0], atol=1e-5)


def test_a_long_sound_is_not_given_to_the_network_at_once() -> None:
    class Graph:
        given: ClassVar[list[int]] = []

        def run(self, outputs: list[str], inputs: dict[str, Array]) -> list[Array]:
            self.given.append(len(inputs["patches"]))
            return [inputs["patches"][:, 0, :5] * 2]

    pieces = np.random.default_rng(0).normal(size=(1201, 3, 7)).astype(np.float32)
    np.testing.assert_allclose(mean_features(Graph(), "patches", pieces), 2 * pieces[:, 0, :5].mean(axis=0), atol=1e-5)
    assert max(Graph.given) <= 10
    assert sum(Graph.given) == 1201


def second_opinion(x: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
    """Compute the vectors and the tags with torch from the published description, in the layout of TensorFlow.

    The wheel's own code needs TensorFlow 1, which runs on no Python that Palate runs on.
    """
    import torch
    from torch.nn import functional

    def norm(x: torch.Tensor, number: int) -> torch.Tensor:
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        gamma, beta, mean, variance = (
            torch.tensor(weights[f"{name}/{part}"]) for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (x - mean) / torch.sqrt(variance + 0.001) * gamma + beta

    def convolve(x: torch.Tensor, number: int) -> torch.Tensor:
        name = f"conv2d_{number}" if number else "conv2d"
        kernel = torch.tensor(weights[f"{name}/kernel"]).permute(3, 2, 0, 1)
        found = functional.conv2d(x.permute(0, 3, 1, 2), kernel, torch.tensor(weights[f"{name}/bias"]))
        return functional.relu(found).permute(0, 2, 3, 1)

    image = norm(torch.tensor(x)[..., None], 0)
    front = []
    for number in range(5):
        padded = functional.pad(image, (0, 0, 0, 0, 3, 3)) if number < 2 else image
        if number >= 2:
            total = (128, 64, 32)[number - 2] - 1
            padded = functional.pad(image, (0, 0, 0, 0, total // 2, total - total // 2))
        front.append(norm(convolve(padded, number), number + 1).amax(dim=2))
    layers = [torch.cat(front, dim=2)[..., None]]
    for number in (5, 6, 7):
        found = norm(convolve(functional.pad(layers[-1], (0, 0, 0, 0, 3, 3)), number), number + 1).permute(0, 1, 3, 2)
        layers.append(found if number == 5 else found + layers[-1])
    features = torch.cat(layers, dim=2)
    pooled = torch.cat([features.amax(dim=1), features.mean(dim=1)], dim=2).flatten(1)
    dense = functional.relu(
        norm(pooled, 9) @ torch.tensor(weights["dense/kernel"]) + torch.tensor(weights["dense/bias"])
    )
    vectors = norm(dense, 10)
    logits = vectors @ torch.tensor(weights["dense_1/kernel"]) + torch.tensor(weights["dense_1/bias"])
    return vectors.numpy(), torch.sigmoid(logits).numpy()


@pytest.mark.weights
@pytest.mark.torch
def test_the_graph_computes_what_was_published() -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    encoder = Musicnn()
    time = np.arange(7 * RATE) / RATE
    music = np.sin(2 * np.pi * 220 * time * (1 + (time % 0.5 > 0.25))) * 0.3 + rng.normal(size=len(time)) * 0.01
    heard = patches(music.astype(np.float32))
    vectors, tags = second_opinion(heard, _checkpoint())
    ours, _ = encoder.encode([patch[None] for patch in heard])
    np.testing.assert_allclose(ours, vectors, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(encoder.tags(ours), tags, atol=1e-4)
    np.testing.assert_allclose(encoder.encode([heard])[0][0], vectors.mean(axis=0), rtol=1e-4, atol=1e-4)


@pytest.mark.weights
@pytest.mark.data
def test_the_tags_of_instruments_are_true(real_data: Path) -> None:
    encoder = Musicnn()
    folder = real_data / "stamps" / "sounds"
    for sound, tag in (
        ("percussion-drumkit", "drums"),
        ("percussion-drum_tomtom_floor", "drums"),
        ("string-cello", "cello"),
    ):
        values, _ = encoder.encode([encoder.decode(folder / f"hobbies-music-{sound}.ogg")])
        assert TAGS[encoder.tags(values)[0].argmax()] == tag


def test_the_two_files_are_of_one_wheel() -> None:
    assert INDEX.wheel_sha256 == DATA.wheel_sha256
    assert len(TAGS) == 50
