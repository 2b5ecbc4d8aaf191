"""Writing a network as an ONNX graph, node by node."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.state import Array

_OPSET, _IR = 17, 8


class Graph:
    """Nodes and constants of a graph; values are named, as in ONNX."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, value: Array) -> str:
        """Take in an array, once per name."""
        from onnx import numpy_helper

        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str = "", **settings: object) -> str:
        """Add a node of one output, and return the output's name."""
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **settings))
        return output

    def ints(self, *values: int) -> str:
        """Return a constant of integers, such as axes."""
        return self.constant("ints_" + "_".join(map(str, values)), np.array(values, np.int64))

    def write(
        self, path: Path, name: str, given: Sequence[Any], wanted: Sequence[Any], whole: Collection[str] = ()
    ) -> None:
        """Write an ONNX file.

        Args:
            path: the file.
            name: what the graph is called.
            given: name and shape of each input.
            wanted: likewise of each output.
            whole: the names of those that are int64; all others are float32.
        """
        import onnx
        from onnx import TensorProto, helper

        infos = [
            [
                helper.make_tensor_value_info(value, TensorProto.INT64 if value in whole else TensorProto.FLOAT, shape)
                for value, shape in side
            ]
            for side in (given, wanted)
        ]
        graph = helper.make_graph(self.nodes, name, *infos, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString(deterministic=True))
