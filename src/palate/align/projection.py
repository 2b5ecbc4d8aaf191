"""Parts onto what is known better: the likes, or one of the parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import PositiveFloat
from scipy.sparse.linalg import LinearOperator, svds

from palate.align._base import AlignerConfig, Views
from palate.align._linear import LinearAligner
from palate.core.errors import ConfigError, DataError, did_you_mean
from palate.core.types import CSR, Doubles
from palate.data.dataset import Dataset
from palate.linalg.directions import main_directions
from palate.linalg.neighbours import unit_rows

LIKES = "likes"
_INSTEAD = "name a part instead, as in onto=title"
_FEW = 50
"""So small a matrix is taken apart whole."""
_NOTHING = 1e-6
"""A singular value below this is rounding; the largest that there can be is 1."""


class ProjectionConfig(AlignerConfig):
    """Onto what, and how careful."""

    onto: str = LIKES
    """`likes`: vectors of things by who likes them (supervised); or the name of a part, which then is turned onto its own main
    directions alone. A part that is called likes goes before."""
    reg: PositiveFloat = 0.1
    """Ridge, as a share of the mean square along a part's strongest direction."""


class Projection(LinearAligner[ProjectionConfig]):
    """Foretell from each part, linearly, where behaviour (or one chosen part) puts a thing.

    W_p = (X_p^T X_p + r I)^(-1) X_p^T Z, least squares with a ridge (Hoerl and Kennard 1970) over the things that have both. For
    `likes`, Z are the right singular vectors of the likes, each divided by the roots of both ends' degrees, times the singular values,
    without those that tell popularity alone (Dhillon 2001); rows of length one. For a part, Z are its main directions.

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
                f"projection onto likes needs likes of what the parts are of, and there are none: {_INSTEAD}"
            )
        likes = data.liked if views.of == "items" else data.liked.T.tocsr()
        placed = beyond_popularity(likes, self.dim, rng)
        if not placed.shape[1]:
            raise DataError(f"the likes tell nothing but how popular things are: {_INSTEAD}")
        return unit_rows(placed.astype(np.float32))[views.codes].astype(np.float64)


def beyond_popularity(likes: CSR, dim: int, rng: np.random.Generator) -> Doubles:
    """Return where likes put things, once it is known how popular they are; float64[n, at most dim].

    S = D_u^(-1/2) L D_i^(-1/2) has the singular value 1 with u0 = sqrt(d_u / |L|) and v0 = sqrt(d_i / |L|), which tell popularity alone:
    right singular vectors of S - u0 v0^T, times their singular values; none of those that are 0.
    """
    people, things = (np.asarray(likes.sum(axis=axis), dtype=np.float64).ravel() for axis in (1, 0))
    scales = [np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1)), 0) for degrees in (people, things)]
    scaled = sp.csr_array(sp.diags_array(scales[0]) @ likes.astype(np.float64) @ sp.diags_array(scales[1]))
    person, thing = (np.sqrt(degrees / degrees.sum()) for degrees in (people, things))
    count = min(dim, min(scaled.shape) - 1)
    if min(scaled.shape) <= 2 * count + _FEW:
        _, strength, right = np.linalg.svd(scaled.toarray() - np.outer(person, thing), full_matrices=False)
        strength, right = strength[:count], right[:count]
    else:
        whole = LinearOperator(
            scaled.shape,
            matvec=lambda x: scaled @ x.ravel() - person * (thing @ x.ravel()),
            rmatvec=lambda x: scaled.T @ x.ravel() - thing * (person @ x.ravel()),
            dtype=np.float64,
        )
        _, strength, right = svds(whole, count, v0=rng.standard_normal(min(scaled.shape)))
        strength, right = strength[::-1], right[::-1]
    told = strength > _NOTHING
    return np.asarray((right * strength[:, None])[told].T)
