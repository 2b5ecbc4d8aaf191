"""Pictures by an ONNX file of one's own."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto
from PIL import Image

from onnx_files import colours
from palate.core.errors import ConfigError, WeightsError
from palate.encoders import named
from palate.encoders.onnx_image import OnnxImage


@pytest.fixture
def orange(tmp_path):
    Image.new("RGB", (40, 30), (255, 102, 0)).save(tmp_path / "orange.png")
    return tmp_path / "orange.png"


def vector(encoder, path):
    values, present = encoder.encode([encoder.decode(path)])
    assert present.all()
    return values[0]


PLAIN = {"mean": (0, 0, 0), "std": (1, 1, 1)}


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("output", ["map", "mean"])
def test_pixels_reach_the_network_as_it_wants_them(tmp_path, orange, channels_first, output):
    file = colours(tmp_path / "net.onnx", channels_first=channels_first)
    encoder = OnnxImage(model=str(file), output=output, **PLAIN)
    assert encoder.decode(orange).shape == (8, 8, 3)
    assert encoder.dim == 3
    assert vector(encoder, orange) == pytest.approx([2, 0.8, 0], abs=1e-6)


def test_colours_are_scaled_shifted_and_swapped(tmp_path, orange):
    file = str(colours(tmp_path / "net.onnx"))
    shifted = OnnxImage(model=file, mean=(0.5, 0.4, 0.2), std=(0.5, 1, 0.1))
    assert vector(shifted, orange) == pytest.approx([2, 0, -4], abs=1e-5)
    as_caffe = OnnxImage(model=file, mean=(123, 117, 104), std=(1, 1, 1), scale=255, swap=True)
    assert vector(as_caffe, orange) == pytest.approx([-208, -30, 264], abs=1e-3)
    assert np.linalg.norm(vector(OnnxImage(model=file, normalise=True), orange)) == pytest.approx(1)


def test_an_open_side_is_set(tmp_path, orange):
    file = str(colours(tmp_path / "net.onnx", side="side"))
    assert OnnxImage(model=file, side=16).decode(orange).shape == (16, 16, 3)
    assert named(f"onnx:{file}", "image").decode(orange).shape == (224, 224, 3)


def test_the_fingerprint_is_that_of_the_content(tmp_path):
    one = OnnxImage(model=str(colours(tmp_path / "a.onnx")))
    other = OnnxImage(model=str(colours(tmp_path / "b.onnx", channels_first=False)))
    assert one.fingerprint != other.fingerprint


def test_what_is_wrong_is_said(tmp_path):
    with pytest.raises(WeightsError, match="there is no file"):
        named(f"onnx:{tmp_path / 'none.onnx'}", "image").prepare()
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        OnnxImage(model=str(tmp_path / "junk.onnx")).prepare()
    with pytest.raises(ConfigError, match="no output 'maen': did you mean 'mean'"):
        OnnxImage(model=str(colours(tmp_path / "net.onnx")), output="maen").prepare()
    doubles = colours(tmp_path / "doubles.onnx", kind=TensorProto.DOUBLE)
    with pytest.raises(ConfigError, match="one float tensor of four axes"):
        OnnxImage(model=str(doubles)).prepare()
    with pytest.raises(ConfigError, match="cannot read text: 'onnx:' reads image"):
        named("onnx:net.onnx", "text")
