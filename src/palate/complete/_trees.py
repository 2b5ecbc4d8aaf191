"""Boosted trees of several outputs: grown by scikit-learn, kept as arrays, read by numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats

if TYPE_CHECKING:
    from palate.complete.boosting import BoostingConfig

Ints = npt.NDArray[np.int64]


class Forest(NamedTuple):
    """Trees whose values add up.

    Shapes:
        root: int64[trees], where each begins; left, right: int64[nodes], -1 in a leaf; feature: int64[nodes];
        threshold: float64[nodes]; absent_left: bool[nodes], the way of NaN; value: float32[nodes, f]; constant: float32[f].
    """

    root: Ints
    left: Ints
    right: Ints
    feature: Ints
    threshold: npt.NDArray[np.float64]
    absent_left: npt.NDArray[np.bool_]
    value: Floats
    constant: Floats

    def __call__(self, rows: Floats) -> Floats:
        """Return what the trees say together; float32[n, d] -> float32[n, f]."""
        total = np.repeat(self.constant[None], len(rows), axis=0)
        each = np.arange(len(rows))
        for root in self.root:
            node = np.full(len(rows), root)
            while (inner := self.left[node] >= 0).any():
                seen = rows[each, self.feature[node]]
                goes_left = np.where(np.isnan(seen), self.absent_left[node], seen <= self.threshold[node])
                node = np.where(inner, np.where(goes_left, self.left[node], self.right[node]), node)
            total += self.value[node]
        return total


def grown(x: Floats, y: Floats, config: BoostingConfig, rng: np.random.Generator) -> Forest:
    """Return trees that foretell y from x, in which NaN is absent.

    Shapes:
        x: float32[n, d]; y: float32[n, f].
    """
    from sklearn.tree import DecisionTreeRegressor

    constant = y.mean(axis=0)
    rest = (y - constant).astype(np.float64)
    trees = []
    for _ in range(config.rounds):
        some = rng.permutation(len(x))[: max(round(config.sample * len(x)), 1)]
        tree = DecisionTreeRegressor(
            max_depth=config.depth,
            min_samples_leaf=config.leaf,
            max_features="sqrt",
            random_state=int(rng.integers(1 << 31)),
        )
        tree.fit(x[some], rest[some])
        rest -= config.lr * tree.predict(x).reshape(rest.shape)
        trees.append(tree.tree_)
    return _forest(trees, constant, config.lr)


def _forest(trees: list[Any], constant: Floats, lr: float) -> Forest:
    sizes = np.array([tree.node_count for tree in trees], np.int64)
    root = np.cumsum(sizes) - sizes
    moved = [
        [np.where(child < 0, -1, child + start) for child in (tree.children_left, tree.children_right)]
        for tree, start in zip(trees, root, strict=True)
    ]
    value = np.concatenate([tree.value[:, :, 0] for tree in trees])
    return Forest(
        root,
        np.concatenate([left for left, _ in moved]),
        np.concatenate([right for _, right in moved]),
        np.concatenate([np.maximum(tree.feature, 0) for tree in trees]).astype(np.int64),
        np.concatenate([tree.threshold for tree in trees]).astype(np.float64),
        np.concatenate([tree.missing_go_to_left for tree in trees]).astype(bool),
        (lr * value).astype(np.float32),
        constant.astype(np.float32),
    )
