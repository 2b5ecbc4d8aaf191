"""EfficientNet-Lite as an ONNX graph, built from a state dict.

Tan and Le 2019, arXiv:1905.11946; "Lite" leaves out squeeze-and-excitation and uses ReLU6. Batch norms are folded
into the convolutions: w' = w · γ / √(σ² + ε), b' = β - μ · γ / √(σ² + ε).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.state import Array

EPSILON = 1e-3
HALVING = (False, True, True, True, False, True, False)
"""Which stages of blocks halve the picture, in their first block; the same for all EfficientNets."""
_OPSET, _IR = 17, 8


def write_graph(weights: Mapping[str, Array], side: int, path: Path) -> None:
    """Write the graph: `pixels` uint8[n, side, side, 3] -> `features` float32[n, d] and `logits` float32[n, classes].

    `features` is the mean over places of the last feature map.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = _Graph(weights)
    graph.network(side)
    made = helper.make_graph(
        graph.nodes,
        "efficientnet-lite",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", side, side, 3])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", weights["_fc.weight"].shape[1]]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", weights["_fc.weight"].shape[0]]),
        ],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def strides(weights: Mapping[str, Array]) -> list[int]:
    """Return the stride of each block; a stage ends where the width of what the blocks give changes.

    Example:
        >>> widths = [16, 24, 24, 40]
        >>> strides({f"_blocks.{i}._project_conv.weight": np.zeros((w, 1, 1, 1)) for i, w in enumerate(widths)})
        [1, 2, 1, 2]
    """
    found: list[int] = []
    stage, width = -1, 0
    while (kernel := weights.get(f"_blocks.{len(found)}._project_conv.weight")) is not None:
        starts = len(kernel) != width
        stage, width = stage + starts, len(kernel)
        found.append(2 if starts and HALVING[stage] else 1)
    return found


class _Graph:
    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.named: set[str] = set()

    def network(self, side: int) -> None:
        floats = self.add("Cast", ["pixels"], to=1)
        shifted = self.add("Sub", [floats, self.constant("shift", np.float32(127))])
        scaled = self.add("Mul", [shifted, self.constant("scale", np.float32(1 / 128))])
        x = self.add("Transpose", [scaled], perm=[0, 3, 1, 2])
        x, side = self.convolve(x, "_conv_stem", "_bn0", side, stride=2)
        for index, stride in enumerate(strides(self.weights)):
            x, side = self.block(x, index, stride, side)
        x, side = self.convolve(x, "_conv_head", "_bn1", side)
        pooled = self.add("GlobalAveragePool", [x])
        self.add("Flatten", [pooled], output="features", axis=1)
        fc = [self.constant(name, self.weights[name]) for name in ("_fc.weight", "_fc.bias")]
        self.add("Gemm", ["features", *fc], output="logits", transB=1)

    def block(self, x: str, index: int, stride: int, side: int) -> tuple[str, int]:
        """Expand, filter each channel, project; add the input where the shape is kept."""
        start, at = x, f"_blocks.{index}"
        if f"{at}._expand_conv.weight" in self.weights:
            x, side = self.convolve(x, f"{at}._expand_conv", f"{at}._bn0", side)
            channels_in = self.weights[f"{at}._expand_conv.weight"].shape[1]
        else:
            channels_in = self.weights[f"{at}._depthwise_conv.weight"].shape[0]
        x, side = self.convolve(x, f"{at}._depthwise_conv", f"{at}._bn1", side, stride=stride, depthwise=True)
        x, side = self.convolve(x, f"{at}._project_conv", f"{at}._bn2", side, active=False)
        if stride == 1 and channels_in == self.weights[f"{at}._project_conv.weight"].shape[0]:
            x = self.add("Add", [x, start])
        return x, side

    def convolve(
        self, x: str, name: str, norm: str, side: int, *, stride: int = 1, depthwise: bool = False, active: bool = True
    ) -> tuple[str, int]:
        """Convolve with "same" padding as TensorFlow does it, the batch norm folded in; return the output and its side."""
        kernel, bias = self.folded(name, norm)
        width = kernel.shape[2]
        out = -(-side // stride)
        pad = max((out - 1) * stride + width - side, 0)
        before, after = pad // 2, pad - pad // 2
        weights = [self.constant(f"{name}.weight", kernel), self.constant(f"{name}.bias", bias)]
        x = self.add(
            "Conv", [x, *weights], group=len(kernel) if depthwise else 1, kernel_shape=[width, width],
            pads=[before, before, after, after], strides=[stride, stride],
        )  # fmt: skip
        if active:
            x = self.add("Clip", [x, self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))])
        return x, out

    def folded(self, name: str, norm: str) -> tuple[Array, Array]:
        gamma, beta, mean, variance = (
            self.weights[f"{norm}.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        kernel = self.weights[f"{name}.weight"] * scale[:, None, None, None]
        return kernel.astype(np.float32), (beta - mean * scale).astype(np.float32)

    def constant(self, name: str, value: Array | np.float32) -> str:
        from onnx import numpy_helper

        if name not in self.named:
            self.named.add(name)
            self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str = "", **settings: object) -> str:
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **settings))
        return output
