"""Everything known about a shop at one moment: a value, never changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from palate.core.errors import DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.core.ids import IdMap
from palate.core.types import CSR, Mask
from palate.data.catalogue import Catalogue
from palate.data.features import FeatureTable, Of
from palate.data.interactions import Interactions
from palate.data.pooling import pooled
from palate.data.positive import Positive
from palate.data.privacy.record import Privacy

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
    privacy: Privacy = field(default_factory=Privacy)
    """What was done for the people in it."""
    supposed: CSR | None = None
    """Likes that nobody showed, sparse[users, items], to learn from: part of `liked`, not of `history` or `seen`. Other interactions are
    without them, and no folder holds them."""

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
        if self.supposed is not None and self.supposed.shape != (len(self.users), len(self.items)):
            raise DataError(
                f"supposed likes are of {self.supposed.shape}, of users and items, and there are {len(self.users)} and {len(self.items)}: "
                "give a row for each user and a column for each item"
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
        added = () if self.supposed is None else (self.supposed.indptr, self.supposed.indices)
        return fingerprint(
            self.users.fingerprint, self.items.fingerprint, self.interactions.fingerprint, self.catalogue.fingerprint,
            people, parts, self.positive, *added,
        )  # fmt: skip

    @cached_property
    def liked_rows(self) -> Mask:
        """bool[n]: which interactions count as liked."""
        return self.positive.mask(self.interactions)

    @cached_property
    def liked(self) -> CSR:
        """Likes to learn from as a sparse matrix of ones, float32[users, items]; repeated likes count once."""
        if self.supposed is None:
            return self.history
        both = sp.csr_array(self.history.maximum(self.supposed))
        both.sort_indices()
        return both

    @cached_property
    def history(self) -> CSR:
        """Likes that people showed, by which they are asked about: `liked` without those that are supposed."""
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

    def part_names(self, of: Of = "items") -> list[str]:
        """Return the names of the parts that items (or users) have: their own, and those of interactions, pooled."""
        return [name for name, table in sorted(self.features.items()) if table.of in (of, "interactions")]

    def item_parts(self, names: tuple[str, ...] | None = None) -> dict[str, FeatureTable]:
        """Return the parts of items, sorted by name: the named ones, or all.

        A part of interactions counts as one of items: the mean of the rows of each item in these interactions, and
        no others (see `pooled`). So a model that is fitted on the training part of a split reads no review of the test.

        Raises:
            DataError: a named part does not exist or is of something else, or there is none at all.
        """
        return self._parts("items", names)

    def item_coverage(self, name: str) -> float:
        """Return the share of the items that have a part; of interactions, that have it in at least one of these."""
        part = self.part(name)
        if part.of != "interactions":
            return part.coverage
        return len(np.unique(self.interactions.item[part.present])) / max(len(self.items), 1)

    def user_parts(self, names: tuple[str, ...] | None = None) -> dict[str, FeatureTable]:
        """Return the parts of users, sorted by name, as `item_parts` does those of items.

        Raises:
            DataError: a named part does not exist or is of something else, or there is none at all.
        """
        return self._parts("users", names)

    def _parts(self, of: Of, names: tuple[str, ...] | None) -> dict[str, FeatureTable]:
        wanted = self.part_names(of) if names is None else sorted(names)
        if not wanted:
            raise DataError(f"the dataset has no features of {of}: encode it first with 'palate encode'")
        return {name: self._part_of(name, of) for name in wanted}

    def _part_of(self, name: str, of: Of) -> FeatureTable:
        part = self.part(name)
        if part.of not in (of, "interactions"):
            there = ", ".join(self.part_names(of)) or "none"
            raise DataError(f"the part '{name}' is of {part.of}, and parts of {of} are wanted: there are {there}")
        if part.of == of:
            return part
        if (name, of) not in self._pools:
            self._pools[name, of] = pooled(self, name, of)
        return self._pools[name, of]

    @cached_property
    def _pools(self) -> dict[tuple[str, Of], FeatureTable]:
        return {}

    def table_of(self, of: Of) -> Catalogue:
        """Return the typed columns of items, of users or of interactions; without rows or columns where none are known."""
        if of == "interactions":
            return self.interactions.table(self.catalogue.root)
        return self.catalogue if of == "items" else self.people or Catalogue(pl.DataFrame())

    def names_of(self, of: Of, rows: npt.NDArray[np.integer] | list[int]) -> list[str]:
        """Return what to call rows of items, of users or of interactions: their ids; "user → item"."""
        if of != "interactions":
            return (self.items if of == "items" else self.users).decode(rows)
        events = self.interactions.take(np.asarray(rows, dtype=np.int64))
        pairs = zip(self.users.decode(events.user), self.items.decode(events.item), strict=True)
        return [f"{user} → {item}" for user, item in pairs]

    def with_interactions(self, interactions: Interactions) -> Dataset:
        """Return the same users and items with other interactions, of which no features are known."""
        features = {k: v for k, v in self.features.items() if v.of != "interactions"}
        return replace(self, interactions=interactions, features=features, supposed=None)

    def take_interactions(self, rows: Mask | npt.NDArray[np.integer]) -> Dataset:
        """Return the same users and items with some of the interactions, and the features of these."""
        index: npt.NDArray[np.integer] = np.flatnonzero(rows) if rows.dtype == bool else np.asarray(rows, np.int64)
        features = {k: v.take(index) if v.of == "interactions" else v for k, v in self.features.items()}
        return replace(self, interactions=self.interactions.take(index), features=features, supposed=None)

    def joined(self, other: Dataset) -> Dataset:
        """Return the dataset with the interactions of another of the same users and items after its own.

        Features of interactions go along where both have them.
        """
        both = {
            name: table.followed_by(other.features[name])
            for name, table in self.features.items()
            if table.of == "interactions" and name in other.features
        }
        joined = self.with_interactions(Interactions.concat(self.interactions, other.interactions))
        return replace(joined, features={**joined.features, **both})

    def with_features(self, **parts: FeatureTable) -> Dataset:
        """Return the dataset with these parts added or replaced."""
        return replace(self, features={**self.features, **parts})

    def without_features(self, *names: str) -> Dataset:
        """Return the dataset without these parts."""
        return replace(self, features={name: table for name, table in self.features.items() if name not in names})


def bare_catalogue(items: IdMap) -> Catalogue:
    """Return a catalogue that knows nothing but the ids."""
    return Catalogue(pl.DataFrame({"item_id": items.series}))
