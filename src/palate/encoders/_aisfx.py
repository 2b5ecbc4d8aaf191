"""aisfx as an ONNX graph, built from its state dict.

Ma and Lerch 2022: four blocks of two convolutions, batch norms folded into them (w' = w · γ / √(σ² + ε),
b' = β - μ · γ / √(σ² + ε)); the mean over frequency, then the maximum over time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from palate.core.state import Array
from palate.encoders._onnx_graph import Graph

EPSILON = 1e-5
BLOCKS = 4


def write_graph(weights: Mapping[str, Array], path: Path) -> None:
    """Write the graph: `blocks` float32[n, frames, 96] -> `features` float32[n, 512]."""
    graph = Graph()
    x = graph.add("Unsqueeze", ["blocks", graph.ints(1)])
    for number in range(1, BLOCKS + 1):
        for layer in (1, 2):
            at = f"embedding_net.conv_block{number}"
            kernel, bias = _folded(weights, f"{at}.conv{layer}", f"{at}.bn{layer}")
            values = [graph.constant(f"{at}.{layer}.weight", kernel), graph.constant(f"{at}.{layer}.bias", bias)]
            x = graph.add("Relu", [graph.add("Conv", [x, *values], pads=[1, 1, 1, 1])])
        if number < BLOCKS:
            x = graph.add("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    pooled = graph.add("ReduceMean", [x], axes=[3], keepdims=0)
    graph.add("ReduceMax", [pooled], "features", axes=[2], keepdims=0)
    graph.write(path, "aisfx", [("blocks", ["n", "frames", 96])], [("features", ["n", 512])])


def _folded(weights: Mapping[str, Array], name: str, norm: str) -> tuple[Array, Array]:
    gamma, beta, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    kernel = weights[f"{name}.weight"] * scale[:, None, None, None]
    return kernel.astype(np.float32), (beta - mean * scale).astype(np.float32)
