"""BERT as an ONNX graph, built from a state dict, with the mean of its tokens at the end.

Devlin et al. 2019, arXiv:1810.04805. In each layer x = norm(x + attend(x)), then x = norm(x + W₂ gelu(W₁ x)); attention is
softmax(q kᵀ / √d) v in every head (Vaswani et al. 2017, arXiv:1706.03762), gelu(x) = x (1 + erf(x / √2)) / 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from palate.core.state import Array
from palate.encoders._onnx_graph import Graph

EPSILON = 1e-12
_ONE = np.ones(1, np.float32)
_HIDDEN = np.full(1, -1e9, np.float32)
"""Added to what attention gives to a padded place, so that nothing of it is left."""


def write_graph(weights: Mapping[str, Array], heads: int, path: Path) -> None:
    """Write the graph: `tokens` int64[n, t] and `mask` float32[n, t] -> `mean` float32[n, d].

    The mask is 1 where there is a token and 0 where there is padding, which has no part in the mean.
    """
    graph = _Bert(weights, heads)
    graph.network()
    given = [("tokens", ["n", "t"]), ("mask", ["n", "t"])]
    graph.write(path, "bert", given, [("mean", ["n", graph.width])], whole={"tokens"})


class _Bert(Graph):
    def __init__(self, weights: Mapping[str, Array], heads: int) -> None:
        super().__init__()
        self.weights, self.heads = weights, heads
        self.width = weights["embeddings.word_embeddings.weight"].shape[1]

    def network(self) -> None:
        x = self.embedded()
        hidden = self.add(
            "Mul", [self.add("Sub", [self.constant("one", _ONE), "mask"]), self.constant("hidden", _HIDDEN)]
        )
        bias = self.add("Unsqueeze", [hidden, self.ints(1, 2)])
        n_layers = 1 + max(int(name.split(".")[2]) for name in self.weights if name.startswith("encoder.layer."))
        for index in range(n_layers):
            at = f"encoder.layer.{index}"
            attended = self.attend(x, at, bias)
            x = self.norm(self.add("Add", [x, attended]), f"{at}.attention.output.LayerNorm")
            inner = self.gelu(self.linear(x, f"{at}.intermediate.dense"))
            x = self.norm(self.add("Add", [x, self.linear(inner, f"{at}.output.dense")]), f"{at}.output.LayerNorm")
        there = self.add("Unsqueeze", ["mask", self.ints(2)])
        summed = self.add("ReduceSum", [self.add("Mul", [x, there]), self.ints(1)], keepdims=0)
        self.add("Div", [summed, self.add("ReduceSum", ["mask", self.ints(1)], keepdims=1)], output="mean")

    def embedded(self) -> str:
        """Add the vectors of words, of places and of the first kind of sentence."""
        words = self.constant("words", self.weights["embeddings.word_embeddings.weight"])
        kind = self.weights["embeddings.token_type_embeddings.weight"][0]
        places = self.constant("places", self.weights["embeddings.position_embeddings.weight"] + kind)
        length = self.add("Gather", [self.add("Shape", ["tokens"]), self.ints(1)])
        here = self.add("Slice", [places, self.ints(0), length])
        return self.norm(self.add("Add", [self.add("Gather", [words, "tokens"]), here]), "embeddings.LayerNorm")

    def attend(self, x: str, at: str, bias: str) -> str:
        q, k, v = (self.split(x, f"{at}.attention.self.{part}", part) for part in ("query", "key", "value"))
        scores = self.add("Add", [self.add("MatMul", [q, k]), bias])
        mixed = self.add("MatMul", [self.add("Softmax", [scores], axis=-1), v])
        joined = self.add("Transpose", [mixed], perm=[0, 2, 1, 3])
        whole = self.add("Reshape", [joined, self.ints(0, 0, self.width)])
        return self.linear(whole, f"{at}.attention.output.dense")

    def split(self, x: str, name: str, part: str) -> str:
        """Project, and give each head its share: [n, heads, t, d], or [n, heads, d, t] of keys."""
        size = self.width // self.heads
        projected = self.linear(x, name, scale=size**-0.5 if part == "query" else 1.0)
        apart = self.add("Reshape", [projected, self.ints(0, 0, self.heads, size)])
        return self.add("Transpose", [apart], perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3])

    def linear(self, x: str, name: str, scale: float = 1.0) -> str:
        matrix, bias = (self.weights[f"{name}.{part}"] * np.float32(scale) for part in ("weight", "bias"))
        product = self.add("MatMul", [x, self.constant(f"{name}.weight", matrix.T)])
        return self.add("Add", [product, self.constant(f"{name}.bias", bias)])

    def norm(self, x: str, name: str) -> str:
        scale = [self.constant(f"{name}.{part}", self.weights[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.add("LayerNormalization", [x, *scale], axis=-1, epsilon=EPSILON)

    def gelu(self, x: str) -> str:
        ratio = self.add("Erf", [self.add("Mul", [x, self.constant("1/√2", _ONE * np.float32(0.5**0.5))])])
        share = self.add("Add", [ratio, self.constant("one", _ONE)])
        return self.add("Mul", [self.add("Mul", [x, share]), self.constant("half", _ONE / 2)])
