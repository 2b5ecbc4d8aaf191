"""What a service answers with at one moment, and how it is exchanged while people ask."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from palate.bundle import Bundle
from palate.core.ids import IdMap
from palate.core.types import Codes
from palate.data.features import Update
from palate.retrieval import ContentSpace, Decode, parts_space
from palate.serving.catalogue import Showcase
from palate.serving.counting import counting
from palate.serving.engine import Engine
from palate.serving.newcomers import Ground, with_newcomers
from palate.serving.people import Follower, People
from palate.serving.posts import Change
from palate.serving.reweighing import Reweighed
from palate.serving.settings import ServingSettings


@dataclass(frozen=True, eq=False)
class Edition:
    """A bundle made ready to answer; nothing of it changes but what is known of people."""

    engine: Engine
    showcase: Showcase
    ground: Ground | None = None
    """What new items are held against, once some may come."""

    @classmethod
    def of(
        cls, bundle: Bundle, settings: ServingSettings, people: People | None = None, decode: Decode | None = None
    ) -> Edition:
        """Make a bundle ready."""
        return cls(Engine(bundle, settings, people, decode), Showcase(bundle))

    def grounded(self) -> Edition:
        """Return the same, ready to take in new items; this takes a while."""
        engine = self.engine
        space = _with_parts(engine.space) or parts_space(engine.bundle.standardised)
        return self if self.ground or space is None else replace(self, ground=Ground.of(space, engine.model))

    def counting(self, people: Mapping[str, Codes]) -> Edition:
        """Return the same with a model that goes on counting what people like; this takes a while.

        Args:
            people: what those like who like otherwise than the bundle has it.
        """
        engine = self.engine
        bundle = replace(engine.bundle, model=counting(engine.model, people))
        ready = replace(engine.ready, reweighed=Reweighed(bundle.model))
        return replace(
            self,
            engine=Engine(bundle, engine.settings, ready=ready),
            showcase=self.showcase.over(bundle, ready.gone),
        )

    def updated(self, change: Change) -> Edition:
        """Return an edition that has taken over a change; this one stays as it is.

        The model learns nothing: items that it has not met are scored by `WithNewcomers`. Vectors are those of this edition and the
        new rows, and encoders are shared.
        """
        engine = self.engine
        data, codes = engine.bundle.data, change.codes
        update = Update(codes)
        items = IdMap([*data.items.ids, *change.new])
        features = {
            name: update(table, change.parts[name]) if name in change.parts else table
            for name, table in data.features.items()
        }
        wider = replace(data, items=items, catalogue=data.catalogue.updated(codes, change.rows), features=features)
        standardiser = engine.bundle.standardiser
        rows = dict(change.parts)
        if standardiser is not None:
            rows |= standardiser.standardise({name: rows[name] for name in standardiser.parts})
        ground = None if self.ground is None else replace(self.ground, space=self.ground.space.updated(update, rows))
        space = engine.space
        if self.ground is not None and space is self.ground.space and ground is not None:
            space = ground.space
        elif space is not None:
            space = space.updated(update, rows)
        gone = np.setdiff1d(np.union1d(engine.ready.gone, change.gone), change.codes).astype(np.int32)
        speaking = None if ground is None else replace(ground, known=np.setdiff1d(ground.known, gone))
        model = with_newcomers(engine.model, speaking, items, codes)
        bundle = replace(engine.bundle, model=model, data=wider)
        ready = replace(
            engine.ready, space=space, searcher=engine.searcher.updated(update, change.parts), gone=gone,
            fresh=None if ground is None else ground.space, words=engine.words.updated(wider.catalogue, codes),
        )  # fmt: skip
        return Edition(Engine(bundle, engine.settings, ready=ready), self.showcase.over(bundle, gone), ground)


def _with_parts(space: ContentSpace | None) -> ContentSpace | None:
    """Return a space where it is known how parts come into it."""
    return space if space is not None and space.fusion is not None else None


class Deck:
    """Holds the edition that is current; whoever answers takes it once, so that an exchange disturbs nobody."""

    def __init__(self, bundle: Bundle, settings: ServingSettings, decode: Decode | None = None) -> None:
        self.settings, self.decode = settings, decode
        self.edition = Edition.of(bundle, settings, decode=decode)
        self.since = time.monotonic()
        """Since when it is current."""

    def exchange(self, edition: Edition, follower: Follower) -> None:
        """Answer from another edition of the same bundle from now on; it knows of people what the one before did."""
        with follower.exchanged(edition.engine.bundle) as people:
            edition.engine.people = people
            self.edition, self.since = edition, time.monotonic()

    def renew(self, edition: Edition, follower: Follower) -> None:
        """Answer from an edition of another bundle from now on, which learns of people what the store has."""
        with follower.renewed(edition.engine.bundle) as people:
            edition.engine.people = people
            self.edition, self.since = edition, time.monotonic()

    @property
    def engine(self) -> Engine:
        """The engine of the current edition."""
        return self.edition.engine
