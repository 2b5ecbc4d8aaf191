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


_DTYPES = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16, TensorProto.DOUBLE: np.float64}


def colours(
    path: Path,
    *,
    side: int | str = 8,
    channels_first: bool = True,
    kind: int = TensorProto.FLOAT,
    rows: int | str = "n",
    times: float = 2,
    beside: str = "",
) -> Path:
    """Write a network with the outputs `map`, its input times 2, and `mean`, the mean of each channel of that.

    Args:
        path: the file.
        side: of the pictures, open where it is a name.
        channels_first: else they come last.
        kind: of numbers.
        rows: pictures at once, open where it is a name.
        times: what is said to be 2.
        beside: the file that holds that number; empty: the same.
    """
    places = [2, 3] if channels_first else [1, 2]
    shape = [rows, 3, side, side] if channels_first else [rows, side, side, 3]
    pixels = helper.make_tensor_value_info("pixels", kind, shape)
    nodes = [
        helper.make_node("Mul", ["pixels", "two"], ["map"]),
        helper.make_node("ReduceMean", ["map"], ["mean"], axes=places, keepdims=0),
    ]
    outputs = [helper.make_tensor_value_info(name, kind, None) for name in ("map", "mean")]
    two = numpy_helper.from_array(np.asarray([times], _DTYPES[kind]), "two")
    graph = helper.make_graph(nodes, "colours", [pixels], outputs, [two])
    if beside:
        (path.parent / beside).unlink(missing_ok=True)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save_model(made, path, save_as_external_data=True, location=beside, size_threshold=0)
    else:
        path.write_bytes(_model(graph))
    return path


def _model(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()
