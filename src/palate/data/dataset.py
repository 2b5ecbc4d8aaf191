"""Everything known about a shop at one moment: a value, never changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from palate.core.errors import DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.core.ids import IdMap
from palate.core.types import CSR, Mask
from palate.data.catalogue import Catalogue
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions
from palate.data.positive import Positive

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Dataset:
    """Users, items, what they did with one another, and what is known of them.

    `catalogue` has one row per item, in code order; `people`, where it is known, one per user.
    """

    users: IdMap
    items: IdMap
    interactions: Interactions
    catalogue: Catalogue
    people: Catalogue | None = None
    features: Mapping[str, FeatureTable] = field(default_factory=dict)
    positive: Positive = field(default_factory=Positive)
    name: str = "dataset"
    licence: str = ""
    root: Path | None = None
    """The folder it was read from, if any."""

    def __post_init__(self) -> None:
        if len(self.catalogue) != len(self.items):
            raise DataError(
                f"the catalogue has {len(self.catalogue)} rows for {len(self.items)} items: give one row per item"
            )
        sizes = {"items": len(self.items), "users": len(self.users), "interactions": len(self.interactions)}
        for name, table in self.features.items():
            if len(table) != sizes[table.of]:
                raise DataError(
                    f"the part '{name}' has {len(table)} rows for {sizes[table.of]} {table.of}: give one row each"
                )

    def __repr__(self) -> str:
        parts = f"; parts: {', '.join(sorted(self.features))}" if self.features else ""
        return (
            f"Dataset('{self.name}': {len(self.users):,} users, {len(self.items):,} items, "
            f"{len(self.interactions):,} interactions{parts})"
        )

    @cached_property
    def fingerprint(self) -> str:
        """Digest of ids, interactions, tables, features and the rule for likes; the name and the place do not count."""
        people = None if self.people is None else self.people.fingerprint
        parts = {name: table.fingerprint for name, table in self.features.items()}
        return fingerprint(
            self.users.fingerprint, self.items.fingerprint, self.interactions.fingerprint, self.catalogue.fingerprint,
            people, parts, self.positive,
        )  # fmt: skip

    @cached_property
    def liked_rows(self) -> Mask:
        """bool[n]: which interactions count as liked."""
        return self.positive.mask(self.interactions)

    @cached_property
    def liked(self) -> CSR:
        """Likes as a sparse matrix of ones, float32[users, items]; repeated likes count once."""
        return self._matrix(self.liked_rows)

    @cached_property
    def seen(self) -> CSR:
        """Everything a user met, liked or not, as a sparse matrix of ones, float32[users, items]."""
        return self._matrix(np.ones(len(self.interactions), dtype=bool))

    def _matrix(self, rows: Mask) -> CSR:
        user, item = self.interactions.user[rows], self.interactions.item[rows]
        shape = (len(self.users), len(self.items))
        matrix = sp.csr_array((np.ones(len(user), np.float32), (user, item)), shape=shape)
        matrix.sum_duplicates()
        matrix.data[:] = 1
        return matrix

    def part(self, name: str) -> FeatureTable:
        """Return the features of that name.

        Raises:
            DataError: there are none; the message lists those there are.
        """
        if name not in self.features:
            raise DataError(
                f"there is no part '{name}': {did_you_mean(name, self.features)}; encode it first with 'palate encode'"
            )
        return self.features[name]

    def item_parts(self, names: tuple[str, ...] | None = None) -> dict[str, FeatureTable]:
        """Return the parts of items, sorted by name: the named ones, or all.

        Raises:
            DataError: a named part does not exist, or there is none at all.
        """
        if names is not None:
            return {name: self.part(name) for name in sorted(names)}
        parts = {name: table for name, table in sorted(self.features.items()) if table.of == "items"}
        if not parts:
            raise DataError("the dataset has no features of items: encode it first with 'palate encode'")
        return parts

    def with_interactions(self, interactions: Interactions) -> Dataset:
        """Return the same users and items with other interactions."""
        return replace(
            self, interactions=interactions, features={k: v for k, v in self.features.items() if v.of != "interactions"}
        )

    def with_features(self, **parts: FeatureTable) -> Dataset:
        """Return the dataset with these parts added or replaced."""
        return replace(self, features={**self.features, **parts})

    def without_features(self, *names: str) -> Dataset:
        """Return the dataset without these parts."""
        return replace(self, features={name: table for name, table in self.features.items() if name not in names})


def bare_catalogue(items: IdMap) -> Catalogue:
    """Return a catalogue that knows nothing but the ids."""
    return Catalogue(pl.DataFrame({"item_id": items.series}))
