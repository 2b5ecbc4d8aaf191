"""Parts onto what is known better: the likes, or one of the parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import PositiveFloat

from palate.align._base import AlignerConfig, Views
from palate.align._linear import LinearAligner, main_directions
from palate.core.errors import ConfigError, DataError, did_you_mean
from palate.core.types import Doubles
from palate.data.dataset import Dataset
from palate.linalg.neighbours import unit_rows

LIKES = "likes"


class ProjectionConfig(AlignerConfig):
    """Onto what, and how careful."""

    onto: str = LIKES
    """`likes`: vectors of things by who likes them (supervised); or the name of a part, which then stays as it is."""
    reg: PositiveFloat = 0.1
    """Ridge, as a share of the mean square along a part's strongest direction."""


class Projection(LinearAligner[ProjectionConfig]):
    """Foretell from each part, linearly, where behaviour (or one chosen part) puts a thing.

    W_p = (X_p^T X_p + r I)^(-1) X_p^T Z, least squares with a ridge (Hoerl and Kennard 1970) over the things that have both. For
    `likes`, Z are the right singular vectors of the likes, each divided by the roots of both ends' degrees, times the singular values,
    without the first, which tells popularity alone (Dhillon 2001); rows of length one. For a part, Z are its main directions.

    Missing data:
        A thing counts for the parts that it has. Parts of interactions have no likes of their own: name a part for them.
    Raises:
        ConfigError: `onto` names no part. DataError: there are no likes to learn from.
    """

    name = "projection"
    config_type = ProjectionConfig
    paper: ClassVar[str] = "Hoerl and Kennard 1970"
    cost: ClassVar[str] = "n d² + d³, and 7 k per like"

    def _matrices(self, views: Views, data: Dataset, rng: np.random.Generator) -> Mapping[str, Doubles]:
        onto = self.config.onto
        if onto in views.rows:
            directions, _ = main_directions(views.rows[onto][views.present[onto]], self.dim)
            goal, there = views.rows[onto] @ directions, views.present[onto]
        elif onto == LIKES:
            goal = self._behaviour(views, data, rng)
            there = np.any(goal != 0, axis=1)
            directions = None
        else:
            raise ConfigError(f"onto names the part '{onto}': {did_you_mean(onto, [LIKES, *views.rows])}")
        found = {}
        for name, rows in views.rows.items():
            both = views.present[name] & there
            own, strength = main_directions(rows[both], rows.shape[1])
            ridge = (strength + self.config.reg * strength.max(initial=0.0)) * max(int(both.sum()), 1)
            turned = rows[both] @ own
            found[name] = own @ ((turned.T @ goal[both]) / np.where(ridge > 0, ridge, 1)[:, None])
        if directions is not None:
            found[onto] = directions
        return found

    def _behaviour(self, views: Views, data: Dataset, rng: np.random.Generator) -> Doubles:
        """Return where the likes put the things; float64[n, at most dim], zeros for what nobody likes."""
        if views.of == "interactions" or not data.liked.nnz:
            raise DataError(
                "projection onto likes needs likes of what the parts are of, and there are none: name a part, as in onto=title"
            )
        from sklearn.utils.extmath import randomized_svd

        likes = data.liked if views.of == "items" else data.liked.T.tocsr()
        people, things = (1 / np.sqrt(np.maximum(np.asarray(likes.sum(axis=axis)).ravel(), 1)) for axis in (1, 0))
        scaled = sp.diags_array(people) @ likes.astype(np.float64) @ sp.diags_array(things)
        count = min(self.dim + 1, min(scaled.shape))
        _, strength, right = randomized_svd(sp.csr_matrix(scaled), count, random_state=int(rng.integers(2**31)))
        first = 1 if count > 1 else 0  # it tells how popular a thing is, and nothing else
        placed = (right.T * strength)[:, first:]
        return unit_rows(placed.astype(np.float32))[views.codes].astype(np.float64)
