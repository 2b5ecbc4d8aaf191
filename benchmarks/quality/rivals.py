"""Models of the `implicit` library behind Palate's interface, so that one evaluation judges both."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from threadpoolctl import threadpool_limits

from palate.core.config import Config
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Queries, Run
from palate.models import Model


class AlsSettings(Config):
    """As implicit calls them."""

    factors: int = 64
    regularization: float = 0.01
    alpha: float = 1.0
    iterations: int = 15


class BprSettings(Config):
    """As implicit calls them."""

    factors: int = 64
    learning_rate: float = 0.01
    regularization: float = 0.01
    iterations: int = 100


class Implicit(Model[Any]):
    """Factors learned by implicit; scores are their products."""

    def _make(self, run: Run) -> Any:
        raise TypeError(f"{type(self).__name__} must define _make(run)")

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        with threadpool_limits(1, "blas"):
            fitted = self._make(run)
            fitted.fit(sp.csr_matrix(train.liked), show_progress=False)
        self.person, self.thing = np.asarray(fitted.user_factors), np.asarray(fitted.item_factors)
        self.warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return the products; a user without history and an item without likes cannot be scored."""
        scores = self.person[queries.user] @ self.thing.T
        scores[:, ~self.warm] = np.nan
        scores[np.diff(queries.history.indptr) == 0] = np.nan
        return scores if items is None else scores[:, items]

    def state(self) -> State:
        """Both tables."""
        return State({"person": self.person, "thing": self.thing})

    def load_state(self, state: State) -> Self:
        """Take both tables over."""
        self.person, self.thing = state.arrays["person"], state.arrays["thing"]
        return self


class ImplicitALS(Implicit):
    """implicit.als.AlternatingLeastSquares on the processor."""

    name = "als (implicit)"
    config_type = AlsSettings

    def _make(self, run: Run) -> Any:
        return AlternatingLeastSquares(**self.config.model_dump(), random_state=run.seed, num_threads=run.threads or 0)


class ImplicitBPR(Implicit):
    """implicit.bpr.BayesianPersonalizedRanking on the processor."""

    name = "bpr (implicit)"
    config_type = BprSettings

    def _make(self, run: Run) -> Any:
        return BayesianPersonalizedRanking(
            **self.config.model_dump(), random_state=run.seed, num_threads=run.threads or 0
        )


RIVALS = {kind.name: kind for kind in (ImplicitALS, ImplicitBPR)}
