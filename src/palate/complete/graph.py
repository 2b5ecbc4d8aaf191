"""From the neighbours: the things liked by the same people, and those alike by content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from pydantic import Field, NonNegativeFloat, PositiveInt

from palate.complete._alike import References
from palate.complete._base import Completer, CompleterConfig, Known
from palate.core.state import pack_csr, unpack_csr
from palate.core.types import CSR, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import Of
from palate.linalg.cooccurrence import damped_cosine


class GraphConfig(CompleterConfig):
    """Who is a neighbour, and how far word goes."""

    neighbours: PositiveInt = 20
    """Of each kind, at most."""
    shrink: NonNegativeFloat = 20.0
    """Damps the likeness of things that few liked."""
    behaviour: float = Field(0.5, ge=0, le=1)
    """Share of the word of those liked by the same people; the others are alike by content."""
    hops: PositiveInt = 3
    """How often word goes on: from the second on, what was estimated is passed on too."""


class Graph(Completer[GraphConfig]):
    """Let neighbours say what a thing lacks: those liked by the same people, and those alike by the other parts.

    x_i = sum of w_ij x_j over the neighbours j that have the part or were given it, over the sum of their w_ij, again and again
    while those that have it keep theirs (label propagation: Zhu and Ghahramani 2002, section 2.2). w is `behaviour` times the
    damped cosine of likes plus the rest times the mean cosine over shared parts, each kind brought to a sum of one per thing.

    Missing data:
        Likes speak for things that have no part at all. A thing without a neighbour of either kind stays without. Of events only
        content speaks.
    """

    name = "graph"
    config_type = GraphConfig
    paper: ClassVar[str] = "Zhu and Ghahramani 2002"
    cost: ClassVar[str] = "n² w for those that lack a part, and the pairs of likes of each person"
    by_code: ClassVar[bool] = True

    together: CSR
    """By likes: float32[things, trained things], rows of sum 1 or 0."""
    things: Known
    spread: Mapping[str, tuple[Floats, Mask]]
    """By part, what each trained thing has or was given, and which have anything; float32[trained, d], bool[trained]."""

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        config = self.config
        self.things, self.references = things, References(things.rows, things.present)
        liked = _likes(data, self.of)
        alike = damped_cosine(liked, shrink=config.shrink, user_power=0.5, neighbours=config.neighbours, label="likes")
        self.together = _shares(sp.csr_array(alike[:, things.codes]))
        self.spread = {name: self._spread(name) for name in self.known_parts}

    def _spread(self, name: str) -> tuple[Floats, Mask]:
        """Let word go from the trained things that have a part to those that lack it."""
        rows, told = self.things.rows[name].copy(), self.things.present[name].copy()
        lacking = np.flatnonzero(~told)
        if not len(lacking):
            return rows, told
        graph = self._word(name, self.things.take(lacking), np.ones(len(told), bool))
        for _ in range(self.config.hops):
            rows[lacking], told[lacking] = _heard(graph, rows, told)
        return rows, told

    def _word(self, name: str, things: Known, among: Mask) -> CSR:
        """Return how much each trained thing has to say of these; float32[b, trained]."""
        others = [other for other in self.standards if other != name]
        places, weights = self.references.nearest(things, others, among, self.config.neighbours)
        pointer = np.arange(len(places) + 1) * places.shape[1]
        shape = (len(things.codes), len(self.things.codes))
        content = sp.csr_array((weights.ravel(), places.ravel(), pointer), shape=shape)
        share = self.config.behaviour
        together = sp.csr_array(self.together[things.codes])
        return sp.csr_array(share * together + (1 - share) * _shares(content))

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        rows, told = self.spread[name]
        places = np.minimum(np.searchsorted(self.things.codes, things.codes), len(told) - 1)
        trained = (self.things.codes[places] == things.codes) & ~self.things.present[name][places]
        values, reached = rows[places], told[places] & trained
        new = np.flatnonzero(~trained)
        if len(new):
            values[new], reached[new] = _heard(self._word(name, things.take(new), told), rows, told)
        return values, reached

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {**pack_csr("together", self.together), **self.things.packed()}
        for number, name in enumerate(self.known_parts):
            found[f"spread.{number}"], found[f"told.{number}"] = self.spread[name]
        return found

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.together, self.things = unpack_csr("together", arrays), Known.unpacked(self.standards, arrays)
        self.references = References(self.things.rows, self.things.present)
        self.spread = {
            name: (arrays[f"spread.{number}"], arrays[f"told.{number}"]) for number, name in enumerate(self.known_parts)
        }


def _likes(data: Dataset, of: Of) -> CSR:
    """Return who liked what, so that the columns are the things; of events, which are nobody's choice, nothing."""
    if of == "interactions":
        return sp.csr_array(np.zeros((1, len(data.interactions)), np.float32))
    return data.liked if of == "items" else sp.csr_array(sp.csc_array(data.liked).T)


def _shares(matrix: CSR) -> CSR:
    """Return rows of sum 1; a row without anything stays."""
    whole = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.repeat(1 / np.where(whole > 0, whole, 1), np.diff(matrix.indptr))
    return sp.csr_array(((matrix.data * scale).astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)


def _heard(graph: CSR, rows: Floats, told: Mask) -> tuple[Floats, Mask]:
    """Return the mean of what those who were told anything say, and who hears anything; float32[b, d], bool[b]."""
    weight = np.asarray(graph @ told.astype(np.float32)).ravel()
    values = np.asarray(graph @ np.where(told[:, None], rows, np.float32(0)), dtype=np.float32)
    scale = np.where(weight > 0, weight, 1).astype(np.float32)[:, None]
    return np.asarray(values / scale, dtype=np.float32), np.asarray(weight > 0)
