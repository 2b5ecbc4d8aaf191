"""The mean of the parts in one space."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import PositiveInt

from palate.core.config import Config
from palate.core.rng import generator
from palate.core.state import State
from palate.core.types import Floats
from palate.fusion._base import EarlyFusion, Fitting, Units

_WIDEST = 512


class MeanConfig(Config):
    """The width that parts of unequal width are brought to."""

    dim: PositiveInt | None = None
    """Width of the result. None: that of the parts if they are equally wide, else of the widest, at most 512."""


class Mean(EarlyFusion[MeanConfig]):
    """Average the parts that a thing has, each standardised and of length one.

    Parts of equal width are averaged as they are, which means most where they lie in one space. Parts of unequal
    width (or another width than `dim`) are first projected by a random matrix with orthonormal rows or columns:
    - to at least the part's own width it turns the part into the wider space, and keeps inner products exactly;
    - to less it keeps them in expectation, with a deviation of about 1 / sqrt(dim) (Johnson and Lindenstrauss 1984;
      the orthonormal form: Dasgupta and Gupta 2003, scaled by sqrt(width / dim)).
    Random projections of different parts are nearly orthogonal, so that one part hardly speaks to another.

    `shares`: with a = sum of the parts a_p, <a, b> = sum over p, q of <a_p, b_q>; the part p gets
    (<a_p, b> + <a, b_p>) / 2, which adds up to the cosine: what two different parts do together is halved between them.

    Missing data:
        The mean is over the parts that are there.
    """

    name = "mean"
    config_type = MeanConfig
    paper: ClassVar[str] = "Coates and Bollegala 2018"
    cost: ClassVar[str] = "n w, and k² w where widths differ"

    projections: dict[str, Floats]
    """By part name, float32[width, dim]; none where all parts are equally wide."""

    @property
    def dim(self) -> int:
        """The declared width."""
        first = next(iter(self.projections.values()), None)
        return int(first.shape[1]) if first is not None else len(next(iter(self.standards.values())).mean)

    def _fit(self, given: Fitting) -> None:
        widths = {name: table.dim for name, table in given.parts.items()}
        dim = self.config.dim or (
            min(max(widths.values()), _WIDEST) if len(set(widths.values())) > 1 else max(widths.values())
        )
        seed = int(given.rng.integers(2**32))
        self.projections = {}
        if set(widths.values()) != {dim}:
            self.projections = {
                name: projection(width, dim, generator(seed, "projection", name)) for name, width in widths.items()
            }

    def _place(self, units: Units) -> Floats:
        return np.asarray(sum(self._placed(units).values()), dtype=np.float32)

    def _placed(self, units: Units) -> Units:
        return {name: unit @ self.projections[name] if self.projections else unit for name, unit in units.items()}

    def _shares(self, left: Units, right: Units) -> dict[str, Floats]:
        mine, yours = self._placed(left), self._placed(right)
        whole, other = sum(mine.values()), sum(yours.values())
        return {
            name: (np.einsum("nd,nd->n", mine[name], other) + np.einsum("nd,nd->n", whole, yours[name])) / 2
            for name in mine
        }

    def state(self) -> State:
        """The means, the deviations and the projections."""
        inner = super().state()
        names = list(self.standards)
        matrices = {f"projection.{names.index(name)}": matrix for name, matrix in self.projections.items()}
        return State({**inner.arrays, **matrices}, inner.meta)

    def load_state(self, state: State) -> Self:
        """Take over the means, the deviations and the projections."""
        super().load_state(state)
        self.projections = {
            name: state.arrays[f"projection.{number}"]
            for number, name in enumerate(self.standards)
            if f"projection.{number}" in state.arrays
        }
        return self


def projection(width: int, dim: int, rng: np.random.Generator) -> Floats:
    """Return a random matrix, float32[width, dim], that keeps inner products: exactly if dim >= width, else in mean.

    Example:
        >>> matrix = projection(2, 3, np.random.default_rng(0))
        >>> np.allclose(matrix @ matrix.T, np.eye(2), atol=1e-6)
        True
    """
    tall = rng.standard_normal((max(width, dim), min(width, dim)))
    basis, upper = np.linalg.qr(tall)
    basis = basis * np.sign(np.diag(upper))
    matrix = basis.T if dim >= width else basis * np.sqrt(width / dim)
    return np.ascontiguousarray(matrix, dtype=np.float32)
