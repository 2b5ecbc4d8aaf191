"""What samplers share that draw items: from those that somebody likes, and none that the user does."""

from __future__ import annotations

from typing import Self

import numpy as np

from palate.core.part import C
from palate.core.types import Codes
from palate.training.pairs import Candidates
from palate.training.samplers._base import Likes, Sampler

_TRIES = 50
"""Rounds in which what was liked is drawn anew."""


class Drawing(Sampler[C]):
    """Base of these samplers. An item that nobody likes yet is unknown, not disliked: likes are not held against it.

    Otherwise a network would learn from every draw that new items are bad, and nothing that places them by content could
    put them anywhere but at the end. Who likes all that anybody does is held against new items all the same; where there are
    none, against likes.
    """

    def over(self, likes: Likes) -> Self:
        """Take over whose likes these are."""
        self.known: Codes = np.flatnonzero(likes.counts).astype(np.int32)
        return super().over(likes)

    def _drawn(self, users: Codes, count: int, rng: np.random.Generator) -> Codes:
        """Draw from `_pool`, for each like, items that its user does not like; int32[b, count]."""
        pool = self._pool(len(users) * count, rng).reshape(len(users), count)
        return self._unliked(users, pool, rng)

    def _evenly(self, users: Codes, count: int, rng: np.random.Generator) -> Candidates:
        """Return items that the user does not like, each as likely as the next; int32[b, count]."""
        drawn = self._drawn(users, count, rng)
        return Candidates(drawn, np.full(drawn.shape, -np.log(len(self.known)), np.float32))

    def _unliked(self, users: Codes, drawn: Codes, rng: np.random.Generator) -> Codes:
        """Draw anew, evenly from `_pool`, whatever its user likes; users: int32[b], drawn: int32[b, n]."""
        people = np.broadcast_to(users[:, None], drawn.shape)
        wrong = np.flatnonzero(self.likes.among(people, drawn))
        for _ in range(_TRIES):
            if not len(wrong):
                break
            drawn.flat[wrong] = self._pool(len(wrong), rng)
            wrong = wrong[self.likes.among(people.flat[wrong], drawn.flat[wrong])]
        if len(wrong) and len(self.known) < self.likes.items:
            unknown = np.setdiff1d(np.arange(self.likes.items, dtype=np.int32), self.known)
            drawn.flat[wrong] = unknown[rng.integers(len(unknown), size=len(wrong))]
        return drawn

    def _pool(self, size: int, rng: np.random.Generator) -> Codes:
        """Draw items whoever they are for; evenly, unless a sampler has another rule."""
        return self.known[rng.integers(len(self.known), size=size)]
