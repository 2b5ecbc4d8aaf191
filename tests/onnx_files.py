"""Small ONNX files for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def pools(path: Path) -> Path:
    """Write a network with the output `fields`, the mean colours of 4 × 4 fields of a square of 32 pixels."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 32])
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["pooled"], ["fields"]),
    ]
    output = helper.make_tensor_value_info("fields", TensorProto.FLOAT, ["n", 48])
    graph = helper.make_graph(nodes, "pools", [pixels], [output])
    path.write_bytes(_model(graph))
    return path


def colours(path: Path, *, side: int | str = 8, channels_first: bool = True, kind: int = TensorProto.FLOAT) -> Path:
    """Write a network with the outputs `map`, its input times 2, and `mean`, the mean of each channel of that."""
    places = [2, 3] if channels_first else [1, 2]
    shape = ["n", 3, side, side] if channels_first else ["n", side, side, 3]
    pixels = helper.make_tensor_value_info("pixels", kind, shape)
    nodes = [
        helper.make_node("Mul", ["pixels", "two"], ["map"]),
        helper.make_node("ReduceMean", ["map"], ["mean"], axes=places, keepdims=0),
    ]
    outputs = [helper.make_tensor_value_info(name, kind, None) for name in ("map", "mean")]
    dtype = np.float32 if kind == TensorProto.FLOAT else np.float64
    two = numpy_helper.from_array(np.asarray(2, dtype), "two")
    graph = helper.make_graph(nodes, "colours", [pixels], outputs, [two])
    path.write_bytes(_model(graph))
    return path


def _model(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()
