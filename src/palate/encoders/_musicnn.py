"""musicnn as an ONNX graph, built from its TensorFlow checkpoint.

Pons and Serra 2019, arXiv:1909.06654: filters that are high in frequency (timbre) and long in time (rhythm), three layers
along time with shortcuts, the maximum and the mean over time, two dense layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from palate.core.state import Array
from palate.encoders._onnx_graph import Graph

EPSILON = 1e-3
TAGS = (
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient", "beat",
    "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals", "harpsichord",
    "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo", "man", "classic", "choir",
    "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello", "no voice", "weird", "country",
    "metal", "female voice", "choral",
)  # fmt: skip
"""Tags of MagnaTagATune, in the order of the outputs."""


def write_graph(weights: Mapping[str, Array], path: Path) -> None:
    """Write the graph: `patches` float32[n, frames, 96] -> `features` float32[n, 200] (the layer before the tags)."""
    network = _Network(weights)
    front = network.front_end("patches")
    network.back_end(network.mid_end(front))
    network.graph.write(path, "musicnn", [("patches", ["n", "frames", 96])], [("features", ["n", 200])])


class _Network:
    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.weights = weights
        self.graph = Graph()

    def front_end(self, patches: str) -> str:
        """Return the front features, [n, 561, frames]."""
        x = self.norm(self.graph.add("Unsqueeze", [patches, self.graph.ints(1)]), "batch_normalization")
        features = []
        for number in range(5):
            name = f"conv2d_{number}" if number else "conv2d"
            kernel = self.weights[f"{name}/kernel"].transpose(3, 2, 0, 1)
            long = kernel.shape[2] - 1  # "same" along time, nothing along frequency
            found = self.convolve(x, name, kernel, [long // 2, 0, long - long // 2, 0])
            found = self.norm(found, f"batch_normalization_{number + 1}")
            features.append(self.graph.add("ReduceMax", [found], axes=[3], keepdims=0))
        return self.graph.add("Concat", features, axis=1)

    def mid_end(self, front: str) -> str:
        """Return the features of all layers, [n, 753, frames]."""
        layers, x = [front], front
        for number in (5, 6, 7):
            name = f"conv2d_{number}"
            kernel = self.weights[f"{name}/kernel"][:, :, 0].transpose(2, 1, 0)
            found = self.norm(self.convolve(x, name, kernel, [3, 3]), f"batch_normalization_{number + 1}")
            x = found if x == front else self.graph.add("Add", [found, x])
            layers.append(x)
        return self.graph.add("Concat", layers, axis=1)

    def back_end(self, layers: str) -> str:
        """Return the vectors; the maximum and the mean of each channel stand side by side."""
        pools = [self.graph.add(kind, [layers], axes=[2], keepdims=1) for kind in ("ReduceMax", "ReduceMean")]
        flat = self.graph.add("Flatten", [self.graph.add("Concat", pools, axis=2)], axis=1)
        flat = self.norm(flat, "batch_normalization_9")
        dense = [self.graph.constant(name, self.weights[name]) for name in ("dense/kernel", "dense/bias")]
        active = self.graph.add("Relu", [self.graph.add("Gemm", [flat, *dense])])
        return self.norm(active, "batch_normalization_10", "features")

    def convolve(self, x: str, name: str, kernel: Array, pads: list[int]) -> str:
        values = [
            self.graph.constant(f"{name}/kernel", kernel),
            self.graph.constant(f"{name}/bias", self.weights[f"{name}/bias"]),
        ]
        return self.graph.add("Relu", [self.graph.add("Conv", [x, *values], pads=pads)])

    def norm(self, x: str, name: str, output: str = "") -> str:
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        values = [self.graph.constant(f"{name}/{part}", self.weights[f"{name}/{part}"]) for part in parts]
        return self.graph.add("BatchNormalization", [x, *values], output, epsilon=EPSILON)


def tag_layer(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return the last dense layer: `kernel` float32[200, 50] and `bias` float32[50]."""
    return {part: np.array(weights[f"dense_1/{part}"]) for part in ("kernel", "bias")}
