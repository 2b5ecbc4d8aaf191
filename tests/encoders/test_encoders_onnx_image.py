"""Pictures by an ONNX file of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from onnx_files import colours
from palate.core.errors import ConfigError, WeightsError
from palate.encoders import named, restore
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


def test_the_fingerprint_is_that_of_weights_in_files_beside_it(tmp_path):
    file = colours(tmp_path / "net.onnx", beside="weights.bin")
    graph, before = file.read_bytes(), OnnxImage(model=str(file)).fingerprint
    colours(file, beside="weights.bin", times=3)
    assert file.read_bytes() == graph
    assert OnnxImage(model=str(file)).fingerprint != before
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(WeightsError, match=r"has weights in weights\.bin, which is not there"):
        OnnxImage(model=str(file)).prepare()


def test_where_the_file_lies_does_not_matter_and_what_it_holds_does(tmp_path, orange, monkeypatch):
    (tmp_path / "a folder").mkdir()
    colours(tmp_path / "a folder" / "my net.onnx")
    monkeypatch.chdir(tmp_path / "a folder")
    made = named("onnx:my net.onnx", "image")
    assert made.fingerprint == OnnxImage(model=str(colours(tmp_path / "b.onnx"))).fingerprint
    monkeypatch.chdir("/")
    again = restore(made.reference())
    assert again.fingerprint == made.fingerprint
    np.testing.assert_array_equal(vector(again, orange), vector(made, orange))
    colours(Path(made.config.model), times=3)
    with pytest.raises(WeightsError, match="has changed since it made these vectors"):
        restore(made.reference()).prepare()
    assert restore(made.reference()).space == made.space  # which can be told without the file


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_file_may_fix_how_many_pictures_it_takes(tmp_path, rows, kind):
    encoder = OnnxImage(model=str(colours(tmp_path / "net.onnx", rows=rows, kind=kind)), output="mean", **PLAIN)
    encoder.prepare()
    pixels = [np.full((8, 8, 3), shade, np.uint8) for shade in (0, 51, 102, 153, 204)]
    values, present = encoder.encode(pixels)
    assert present.all()
    np.testing.assert_allclose(values, np.repeat(np.linspace(0, 1.6, 5), 3).reshape(5, 3), atol=1e-3)
    assert values.dtype == np.float32


def test_a_vector_of_zeros_has_no_unit_length(tmp_path):
    encoder = OnnxImage(model=str(colours(tmp_path / "net.onnx")), normalise=True, **PLAIN)
    _, present = encoder.encode([np.full((8, 8, 3), shade, np.uint8) for shade in (0, 9)])
    assert present.tolist() == [False, True]


def test_what_cannot_be_run_is_said(tmp_path):
    nodes = [helper.make_node("Flatten", ["pixels"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    flat = onnx_file(tmp_path / "flat.onnx", nodes, {"w": np.ones((192, 2), np.float32)})
    with pytest.raises(WeightsError, match=r"cannot be run on pictures of 224 pixels a side .* set 'side'"):
        OnnxImage(model=flat).prepare()
    assert OnnxImage(model=flat, side=8).dim == 2
    whole = onnx_file(tmp_path / "whole.onnx", [helper.make_node("ReduceMean", ["pixels"], ["y"], keepdims=0)], {})
    with pytest.raises(ConfigError, match=r"the output 'y' has the shape \[\] for 1 pictures"):
        OnnxImage(model=whole).prepare()
    with pytest.raises(ConfigError, match="greater than 0"):
        OnnxImage(model=whole, std=(0, 1, 1))
    with pytest.raises(ConfigError, match="which ONNX file is not said"):
        named("onnx:", "image")


def onnx_file(path, nodes, constants):
    """Write a network of `pixels` of any side, with the output `y`."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, "high", "wide"])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    held = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [pixels], [output], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return str(path)


def test_what_is_wrong_is_said(tmp_path):
    with pytest.raises(WeightsError, match="there is no file"):
        named(f"onnx:{tmp_path / 'none.onnx'}", "image").prepare()
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        OnnxImage(model=str(tmp_path / "junk.onnx")).prepare()
    with pytest.raises(ConfigError, match="no output 'maen': did you mean 'mean'"):
        OnnxImage(model=str(colours(tmp_path / "net.onnx")), output="maen").prepare()
    doubles = colours(tmp_path / "doubles.onnx", kind=TensorProto.DOUBLE)
    with pytest.raises(ConfigError, match="one tensor of four axes, float or float16"):
        OnnxImage(model=str(doubles)).prepare()
    with pytest.raises(ConfigError, match="cannot read text: 'onnx:' reads image"):
        named("onnx:net.onnx", "text")
