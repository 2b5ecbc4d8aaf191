"""Factors of likes by least squares, where what was liked counts more than what was not."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from pydantic import Field, PositiveFloat, PositiveInt
from threadpoolctl import threadpool_limits

from palate.core.errors import ConfigError
from palate.core.progress import track
from palate.core.rng import generator
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Run
from palate.linalg.confidence import White, solved, turned, whitened
from palate.models._factors import FactorConfig, FactorModel, Learned

_STEPS = 10
"""Conjugate gradient steps of a half-sweep, at most."""
_NEAR = 1e-5
"""Where they stop: the next half-sweep moves the factors by far more."""
_NOTHING = 1e-6
"""An item whose own score, were it the only one liked, is below this has no factors left."""
_ALL_STEPS = 200
"""Those of a taste, at most: it is solved to the last digit."""


class ALSConfig(FactorConfig):
    """How wide, how long, how much a like counts."""

    epochs: PositiveInt = 10
    """Sweeps over users and items."""
    reg: PositiveFloat = 100.0
    """Holds factors small; added to the diagonal of every user's and item's equations. Less where the likes are few."""
    alpha: float = Field(40.0, gt=0, le=1e6)
    """A like has confidence 1 + alpha, everything else 1."""


class ALS(FactorModel[ALSConfig]):
    """Score items by factors that fit likes as 1 with confidence 1 + alpha and all else as 0 with confidence 1.

    Minimises sum over all u, i of c_ui (p_ui - <x_u, y_i>)^2 + reg (sum |x_u|^2 + sum |y_i|^2) by alternating exact
    least squares in x and y (Hu, Koren and Volinsky 2008, equations 3 to 5), in the coordinates in which the part that all
    rows share is the identity: short rows exactly, long ones by a few conjugate gradient steps (Takacs, Pilaszy and Tikk
    2011).

    No user is stored: a taste is the last half-sweep, solved for the history at hand until nothing is left to solve,
    so that a new person is served as a known one is. The weights of likes do not count: a history holds what was
    liked, not how much.

    Raises:
        ConfigError: `reg` is so much that all factors vanish, or so little that it is lost in rounding.
    """

    name = "als"
    config_type = ALSConfig

    def _learn(self, train: Dataset, run: Run) -> Learned:
        config = self.config
        by_user = train.liked
        by_item = sp.csr_array(by_user.T.tocsr())
        scale = 1 / np.sqrt(config.dim)
        factors = generator(run.seed, self.name).normal(scale=scale, size=(len(train.items), config.dim))
        items = np.where(self.warm[:, None], factors, 0).astype(np.float32)
        with threadpool_limits(1, "blas"):  # blocks take the cores; threads of BLAS would wait for one another
            for _ in track(range(config.epochs), self.name, unit="epochs"):
                users = self._half(by_user, items, run.threads)
                items = self._half(by_item, users, run.threads)
                self.check_finite(items)
            vectors = self._white(items, run.threads).vectors
        if np.square(vectors).sum(axis=1).max() < _NOTHING:
            raise ConfigError(
                f"the factors of als vanish with reg={config.reg:g}, alpha={config.alpha:g}, since the likes are too few "
                f"beside them: give less reg, such as {config.reg / 10:g}"
            )
        return Learned(vectors, np.zeros(len(train.items), np.float32))

    def _half(self, rows: CSR, factors: Floats, threads: int | None) -> Floats:
        white = self._white(factors, threads)
        found = solved(rows, white.vectors, self.config.alpha, _STEPS, _NEAR, threads)
        return turned(found, np.ascontiguousarray(white.root.T), threads)

    def _white(self, factors: Floats, threads: int | None) -> White:
        try:
            return whitened(factors, self.config.reg, threads)
        except np.linalg.LinAlgError as error:
            raise ConfigError(
                f"reg was {self.config.reg:g}, which is too little beside factors this large: give more, such as 1"
            ) from error

    def _tastes(self, history: CSR) -> Floats:
        return solved(history, self.vectors, self.config.alpha, _ALL_STEPS)

    def _amounts(self, history: Codes, item: int) -> Floats:
        """Solve the user's equations for the item: section 5 of the paper, in double precision."""
        liked = self.vectors[history].astype(np.float64)
        alpha = self.config.alpha
        system = np.eye(liked.shape[1]) + alpha * (liked.T @ liked)
        weighed = np.linalg.solve(system, self.vectors[item].astype(np.float64))
        return ((1 + alpha) * (liked @ weighed)).astype(np.float32)
