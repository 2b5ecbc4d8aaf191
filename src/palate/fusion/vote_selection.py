"""Dimensions that a majority votes for, side by side."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.state import State
from palate.core.types import Codes, Mask
from palate.fusion._base import Fitting, Units
from palate.fusion._slots import SlotFusion
from palate.fusion._voters import VOTERS, Seen
from palate.interfaces import Parts
from palate.linalg.standard import Standard


class VoteSelectionConfig(Config):
    """Who votes, and for how many."""

    keep: float = Field(0.75, gt=0, le=1)
    """The share of all dimensions that each voter votes for."""
    voters: tuple[Literal["spread", "agreement", "likes", "newness"], ...] = Field(
        ("spread", "agreement", "likes", "newness"), min_length=1
    )
    """spread: what varies much for its mean; agreement: what other parts foretell; likes: what goes with who likes a thing, beyond
    its popularity; newness: what no better dimension of the part says already."""


class VoteSelection(SlotFusion[VoteSelectionConfig]):
    """Keep the dimensions that a majority of voters is for, and put them side by side, each as heavy as the others.

    Each voter ranks the dimensions of all parts by a criterion of its own and votes for the best share of them; those that more
    than half of the voters are for stay, or if there are none, those with the most votes (feature selection by an
    ensemble, Saeys, Abeel and Van de Peer 2008). A part weighs as many dimensions as it keeps: if it keeps none, it counts as absent
    as long as others keep some. A dimension that never varies gets no vote.

    Missing data:
        Voters look at what is there, and agreement at things with several parts. With one part alone, or without likes, the voter for
        these abstains; if all do, everything stays.
    """

    name = "vote-selection"
    config_type = VoteSelectionConfig
    paper: ClassVar[str] = "Saeys, Abeel and Van de Peer 2008"
    cost: ClassVar[str] = "n w, and d w for each of at most 4,000 things, d numbers of a part"

    kept: dict[str, Codes]
    """Which dimensions stay, by part."""

    def _fit(self, given: Fitting) -> None:
        chosen = _elected(Seen.of(given), self.config)
        self.kept = {name: np.flatnonzero(mask).astype(np.int32) for name, mask in chosen.items()}
        self._weigh()

    def _weigh(self) -> None:
        total = sum(map(len, self.kept.values()))
        self.weights = {name: len(kept) / total for name, kept in self.kept.items()}

    def _widths(self) -> dict[str, int]:
        return {name: len(kept) for name, kept in self.kept.items() if len(kept)}

    def _units(self, parts: Parts, rows: Codes) -> Units:
        found = {}
        for name, table in parts.items():
            if self._counts(name):
                kept, whole = self.kept[name], self.standards[name]
                own = Standard(whole.mean[kept], whole.scale[kept])
                found[name] = own.units(table.values[np.ix_(rows, kept)], table.present[rows])
        return found

    def state(self) -> State:
        """The means and deviations, and which dimensions stay."""
        inner = super().state()
        kept = {f"kept.{number}": kept for number, kept in enumerate(self.kept.values())}
        return State({**inner.arrays, **kept}, inner.meta)

    def load_state(self, state: State) -> Self:
        """Take over the means and deviations, and which dimensions stay."""
        super().load_state(state)
        self.kept = {name: state.arrays[f"kept.{number}"] for number, name in enumerate(self.standards)}
        return self


def _elected(seen: Seen, config: VoteSelectionConfig) -> dict[str, Mask]:
    """Return which dimensions stay; bool[d] by part."""
    varies = np.concatenate([rows.any(axis=0) for rows in seen.rows.values()])
    wanted = int(np.ceil(config.keep * len(varies)))
    votes, places, voting = np.zeros(len(varies)), np.zeros(len(varies)), 0
    for name, voter in VOTERS.items():
        worth = voter(seen, _parted(places, seen)) if name in config.voters else None
        if worth is None:
            continue
        flat = np.where(varies, np.concatenate(list(worth.values())), -np.inf)
        order = np.argsort(-flat, kind="stable")
        best = order[:wanted]
        votes[best[varies[best]]] += 1
        places[order] += 1 - np.arange(len(order)) / len(order)
        voting += 1
    if not votes.any():
        return _parted(np.ones(len(varies), bool), seen)
    stay = votes > voting / 2
    return _parted(stay if stay.any() else votes == votes.max(), seen)


def _parted(flat: np.ndarray, seen: Seen) -> dict[str, np.ndarray]:
    ends = np.cumsum([rows.shape[1] for rows in seen.rows.values()])
    return dict(zip(seen.rows, np.split(flat, ends[:-1]), strict=True))
