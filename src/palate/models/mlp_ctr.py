"""A small neural network over pairs: the same numbers as `logistic`, combined in ways that a sum cannot say."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from palate.core.progress import track
from palate.core.rng import generator
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.interfaces import Queries, Run
from palate.linalg.parallel import even_cuts, map_blocks
from palate.metrics._hits import Doubles
from palate.models._pointwise import COUNT, HISTORY, ITEM_LEVEL, LIKENESS, Pointwise, PointwiseConfig, spreads

_SMALL = 250_000
"""Multiplications up to which the library makes a product on one thread, so that ours do not wait for its threads."""


class MLPCTRConfig(PointwiseConfig):
    """What to predict, from which pairs, and how the network is built and trained."""

    layers: tuple[PositiveInt, ...] = Field((32,), min_length=1, max_length=4)
    """Widths of the hidden layers."""
    epochs: PositiveInt = 10
    """Passes over the pairs."""
    lr: PositiveFloat = 3e-3
    """Step size of Adam."""
    reg: NonNegativeFloat = 0.1
    """Of half the squared weights, against the summed loss of the pairs of a step."""
    batch_size: PositiveInt = 512
    """Pairs a step."""


class MLPCTR(Pointwise[MLPCTRConfig]):
    """Predict clicks or ratings by a small network over content, popularity and levels.

    z_0 = the standardised numbers of a pair; z_k = max(0, z_{k-1} W_k + b_k); log-odds or rating = z W + b, trained by
    Adam on log loss or squared error. `score` asks for a user of level 0, so that a known and a new user with the same
    history get the same list; `predict` takes the user's own level. It tells no reasons: they would not add up.
    (Products of embeddings, and a network over embeddings: He et al. 2017, sections 3.2 to 3.4; here one network reads both,
    of content.)

    Missing data:
        NaN for items without any part, and for people of whom no liked item has one.
    """

    name = "mlp-ctr"
    config_type = MLPCTRConfig

    weights: list[Floats]
    """float32[in, out] a layer; the first takes the numbers of a pair as they are."""
    biases: list[Floats]

    def _learn(self, features: Floats, truth: Doubles, run: Run) -> None:
        from sklearn.neural_network import MLPClassifier, MLPRegressor
        from threadpoolctl import threadpool_limits

        mean, spread = spreads(features)
        standard = ((features - mean) / spread).astype(np.float32)
        config, click = self.config, self.predicts == "click"
        usual = 0.0 if click else float(truth.mean())
        network = (MLPClassifier if click else MLPRegressor)(
            hidden_layer_sizes=config.layers, alpha=config.reg, learning_rate_init=config.lr, batch_size=min(config.batch_size, len(truth)),
            random_state=int(generator(run.seed, self.name, "network").integers(2**31)),
        )  # fmt: skip
        with threadpool_limits(1):
            for _ in track(range(config.epochs), f"{self.name}: learning", unit="epochs"):
                if click:
                    network.partial_fit(standard, truth, classes=[0.0, 1.0])
                else:
                    network.partial_fit(standard, truth - usual)
        first = network.coefs_[0] / spread[:, None]
        self.weights = [np.asarray(layer, np.float32) for layer in (first, *network.coefs_[1:])]
        offset = network.intercepts_[0] - mean @ first
        self.biases = [np.asarray(bias, np.float32) for bias in (offset, *network.intercepts_[1:])]
        self.biases[-1] += np.float32(usual)

    def _outcome(self, features: Floats) -> Doubles:
        return self._onward((features @ self.weights[0] + self.biases[0]).T).astype(np.float64)

    def _onward(self, hidden: Floats) -> Floats:
        """Return the output from what reaches the first hidden layer, which it overwrites; float32[…, h, n] -> […, n]."""
        for layer, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            np.maximum(hidden, 0, out=hidden)
            hidden = layer.T @ hidden + bias[:, None]
        return np.asarray(hidden[..., 0, :], dtype=np.float32)

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return log-odds or ratings for a user of level 0; float32[q, n]."""
        codes = np.arange(len(self.items), dtype=np.int32) if items is None else items
        people, vectors = self._asking(queries), self.vectors.values[codes]
        dim = self.basis.shape[1]
        product, prior, single = np.split(self.weights[0], [dim, 2 * dim])
        # p * v times W is v times (p * W), so that one product makes the first layer of all items.
        of_person = np.vstack([prior, single[COUNT], single[ITEM_LEVEL], self.biases[0], single[LIKENESS]])
        size = max(1, _SMALL // max(of_person.size, *(layer.size for layer in self.weights[1:])))
        blocks = -(-len(codes) // size)
        of_items = np.zeros((dim + 4, blocks * size), dtype=np.float32)
        of_items[:dim, : len(codes)], of_items[dim, : len(codes)] = self.reduced[codes].T, self.counts[codes]
        of_items[dim + 1, : len(codes)], of_items[dim + 2] = self.item_level[codes], 1
        stacked = np.ascontiguousarray(of_items.reshape(dim + 4, blocks, size).transpose(1, 0, 2))
        scores = np.full((len(queries), len(codes)), np.nan, dtype=np.float32)

        def fill(start: int, stop: int) -> None:
            mine, layer = stacked.copy(), of_person.copy()
            likeness = np.zeros((stop - start, blocks * size), dtype=np.float32)
            likeness[:, : len(codes)] = people.profiles[start:stop] @ vectors.T
            for row in range(start, stop):
                layer[:dim] = prior + people.reduced[row][:, None] * product
                layer[dim + 2] = self.biases[0] + people.history[row] * single[HISTORY]
                mine[:, dim + 3] = likeness[row - start].reshape(blocks, size)
                scores[row] = self._onward(layer.T @ mine).ravel()[: len(codes)]

        map_blocks(fill, even_cuts(len(queries), 64))
        scores[:, ~self.vectors.present[codes]] = np.nan
        scores[~people.known] = np.nan
        return scores

    def state(self) -> State:
        """What every pointwise model learns, and the layers."""
        inner = super().state()
        layers = {f"weights.{number}": layer for number, layer in enumerate(self.weights)}
        biases = {f"biases.{number}": bias for number, bias in enumerate(self.biases)}
        return State({**inner.arrays, **layers, **biases}, {**inner.meta, "layers": len(self.weights)})

    def load_state(self, state: State) -> Self:
        """Take over the layers."""
        numbers = range(int(state.meta["layers"]))
        self.weights = [state.arrays[f"weights.{number}"] for number in numbers]
        self.biases = [state.arrays[f"biases.{number}"] for number in numbers]
        return super().load_state(state)
