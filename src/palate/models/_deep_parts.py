"""Parts as networks and `cease` read them: standardised, narrow, rows of length one, zeros where missing; and a graph of likeness."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.sparse as sp
from pydantic import NonNegativeFloat, PositiveInt

from palate.core.cache import kept
from palate.core.config import Config
from palate.core.errors import ConfigError, DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.core.state import State, pack_csr, unpack_csr
from palate.core.types import CSR, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Parts
from palate.linalg.neighbours import nearest, unit_rows
from palate.linalg.standard import Standard, trained_rows

if TYPE_CHECKING:
    from palate.models._agreement import Agreement

_DEAR = 1 << 33
"""Products that a graph takes, from which on it is kept: about a second."""
_FORM = 1
"""Raised when equal numbers give another graph."""


class PartsConfig(Config):
    """What every model can be told that reads parts as they are prepared here."""

    parts: tuple[str, ...] | None = None
    """Names of the parts to look at; None takes every part of items."""
    weights: dict[str, NonNegativeFloat] | None = None
    """How much each part counts in what is read and in what is alike: its rows are scaled by the root. Only ratios matter; a part that
    is not named, or has 0, is left out; None lets all count alike."""
    width: PositiveInt = 512
    """Parts wider than this are turned onto so many main directions."""


class Prepared(NamedTuple):
    """One part, ready to be read.

    Shapes:
        values: float32[n, d], zeros where absent, else of length sqrt(weight); present: bool[n].
    """

    values: Floats
    present: Mask
    weight: float = 1.0
    """How much it counts; of all parts the mean is 1."""

    @property
    def numbers(self) -> Floats:
        """The values on the scale of standardised numbers, rows of length sqrt(weight d)."""
        return self.values * np.float32(np.sqrt(self.values.shape[1]))

    @property
    def columns(self) -> list[tuple[int, Mask]]:
        """How many numbers there are, and which items have them."""
        return [(self.values.shape[1], self.present)]


def parts_for(config: PartsConfig, train: Dataset, *, needed: bool = True) -> dict[str, Prepared]:
    """Return the parts that a config names, or all, ready for a network; none where there are none and none are needed.

    Raises:
        DataError: a part that is named, or any where one is needed, is not there, or no item has any.
        ConfigError: a weight names a part that is not there, or all are 0.
    """
    if not needed and config.parts is None and config.weights is None and not train.part_names():
        return {}
    parts = train.item_parts(config.parts)
    ready = prepared(parts, train, config.width)
    if needed and not ready:
        raise DataError(
            f"no item has any of the parts {', '.join(parts)}: this model reads content, so encode some, or choose one that "
            "learns from likes alone, as lightgcn does"
        )
    return ready if config.weights is None else weighted(ready, config.weights)


def prepared(parts: Parts, train: Dataset, width: int) -> dict[str, Prepared]:
    """Standardise each part and turn it onto its main directions where it is wider than `width`.

    Means, deviations and directions come from the items that occur in training.
    """
    trained = trained_rows(train, "items")
    ready = {}
    for name, table in sorted(parts.items()):
        if not table.present.any():
            continue
        values = Standard.of(table, trained).units(table.values, table.present)
        if values.shape[1] > width:
            values = unit_rows(values @ _directions(values[table.present & trained], width))
        ready[name] = Prepared(values * np.float32(1), table.present)
    return ready


def _directions(rows: Floats, width: int) -> Floats:
    """Return the main directions of rows; float32[d, at most width]."""
    gram = (rows.T @ rows).astype(np.float64)
    _, turned = np.linalg.eigh(gram)
    return np.asarray(turned[:, : -width - 1 : -1], dtype=np.float32)


def shares(weights: Mapping[str, float], parts: Collection[str]) -> dict[str, float]:
    """Return how much each part counts; they add up to one.

    Raises:
        ConfigError: a weight names a part that is not there, or all are 0.
    """
    for name in weights:
        if name not in parts:
            raise ConfigError(f"weights names the part '{name}': {did_you_mean(name, parts)}")
    given = {name: weights.get(name, 0.0) for name in parts}
    total = sum(given.values())
    if not total:
        raise ConfigError(f"the weights of the parts {', '.join(parts)} are all 0: give one of them more")
    return {name: weight / total for name, weight in given.items()}


def weighted(ready: Mapping[str, Prepared], weights: Mapping[str, float]) -> dict[str, Prepared]:
    """Return the parts that count, each as heavy as told.

    Raises:
        ConfigError: a weight names a part that is not there, or all are 0.
    """
    counting = {name: share for name, share in shares(weights, ready).items() if share}
    made = {}
    for name, share in counting.items():
        weight = share * len(counting)
        made[name] = ready[name]._replace(values=np.float32(weight**0.5) * ready[name].values, weight=weight)
    return made


def likeness(ready: Mapping[str, Prepared], speaking: Mask, neighbours: int, agreement: Agreement | None = None) -> CSR:
    """Return the graph from each item to its nearest by content; the weights of an item's edges add up to one.

    The cosines of the parts are added by weight; an item that lacks a part is compared by the others. A graph that takes
    long is kept in the cache, by the numbers that it was made of. `agreement` tells which items may be joined; None lets all.

    Shapes:
        speaking: bool[n], which items may be neighbours -> sparse float32[n, n].
    """
    share = np.float32((1 / len(ready)) ** 0.5)
    stacked = np.concatenate([share * part.values for part in ready.values()], axis=1)
    present = np.any([part.present for part in ready.values()], axis=0)

    def graph() -> State:
        return State(pack_csr("graph", _nearest(stacked, present, speaking, neighbours, agreement)))

    dear = int(present.sum()) * int((present & speaking).sum()) * stacked.shape[1] > _DEAR
    agreed = [] if agreement is None or not dear else [agreement.fingerprint]
    key = fingerprint("likeness", _FORM, stacked, present, speaking, neighbours, *agreed) if dear else ""
    return unpack_csr("graph", (kept("graphs", key, graph) if dear else graph()).arrays)


def _nearest(stacked: Floats, present: Mask, speaking: Mask, neighbours: int, agreement: Agreement | None) -> CSR:
    graph = nearest(stacked, present, neighbours, candidates=speaking, allowed=agreement, label="item graph")
    graph.data = np.maximum(graph.data, 0)
    graph.eliminate_zeros()
    sums = np.asarray(graph.sum(axis=1)).ravel()
    scale = np.where(sums > 0, 1 / np.where(sums > 0, sums, 1), 0)
    return sp.csr_array(sp.diags_array(scale.astype(np.float32)) @ graph)
