"""What every late fusion shares: the result is a sum of one amount for each member that can score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from palate.core.errors import DataError
from palate.core.part import C, Part
from palate.core.types import CSR, Floats
from palate.fusion._faults import refuse_shape, told


@dataclass(frozen=True, eq=False)
class Term:
    """The amount of one member: slope * score + offset; a fusion of ranks has the slope 0.

    Shapes:
        slope, offset: float32[q, n]; not read where the member cannot score.
    """

    slope: Floats
    offset: Floats


class LateFusion(Part[C], ABC):
    """Base of the late fusions: `terms` is what a new one writes.

    Missing data:
        A member that gives NaN has no amount there. NaN where no member can score.
    """

    paper: ClassVar[str]
    """Who described it, and when."""
    cost: ClassVar[str]
    """What fitting takes, once the members are fitted: q people of validation, n things, m members."""

    @abstractmethod
    def terms(self, scores: Mapping[str, Floats]) -> dict[str, Term]:
        """Return the term of each member; the amounts add up to the result.

        Shapes:
            scores: float32[q, n] by member, over all items.
        """

    def combine(self, scores: Mapping[str, Floats]) -> Floats:
        """Return one score an item.

        Shapes:
            scores: float32[q, n] by member, over all items -> float32[q, n].
        Raises:
            DataError: there is no member, or they scored different things. PalateError: the fusion itself failed, or gave amounts of
                another shape.
        """
        if len({values.shape for values in scores.values()}) != 1:
            shapes = ", ".join(f"{name} {values.shape}" for name, values in sorted(scores.items())) or "none"
            raise DataError(f"{self.name} needs scores of the same queries and items: given {shapes}")
        ordered = {name: scores[name] for name in sorted(scores)}
        first = next(iter(ordered.values()))
        total, scored = np.zeros(first.shape, np.float32), np.zeros(first.shape, dtype=bool)
        with told(self.name, "joining scores"):
            for name, term in self.terms(ordered).items():
                there = ~np.isnan(ordered[name])
                amount = term.slope * ordered[name] + term.offset
                refuse_shape(self.name, f"amounts of '{name}'", amount.shape, first.shape)
                total += np.where(there, amount, np.float32(0))
                scored |= there
        return np.where(scored, total, np.float32(np.nan))


@runtime_checkable
class Learns(Protocol):
    """A late fusion of which validation decides something, once; the members learn nothing of it."""

    @property
    def undecided(self) -> bool:
        """Whether there is something to decide; not where it was given."""
        ...

    def check(self, members: Collection[str]) -> None:
        """Refuse what was given and does not fit the members.

        Raises:
            DataError: in what.
        """
        ...

    def learned(self, scores: Mapping[str, Floats], hidden: CSR, relevant: CSR, rng: np.random.Generator) -> Self:
        """Return this fusion with what validation decides, as settings of it.

        Shapes:
            scores: float32[q, n] by member; hidden: sparse[q, n], not to be listed; relevant: sparse[q, n], to be found.
        """
        ...


def named_alike(weights: Mapping[str, float], members: Collection[str]) -> None:
    """Make sure that each member has one weight.

    Raises:
        DataError: the weights do not name exactly the members.
    """
    if set(weights) != set(members):
        raise DataError(
            f"the weights name {', '.join(sorted(weights)) or 'nothing'} and the members are "
            f"{', '.join(sorted(members))}: give each member one weight (0 leaves it out)"
        )
