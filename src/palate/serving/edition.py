"""What a service answers with at one moment, and how it is exchanged while people ask."""

from __future__ import annotations

from dataclasses import dataclass

from palate.bundle import Bundle
from palate.retrieval import Decode
from palate.serving.catalogue import Showcase
from palate.serving.engine import Engine
from palate.serving.people import People
from palate.serving.settings import ServingSettings


@dataclass(frozen=True, eq=False)
class Edition:
    """A bundle made ready to answer; nothing of it changes but what is known of people."""

    engine: Engine
    showcase: Showcase

    @classmethod
    def of(
        cls, bundle: Bundle, settings: ServingSettings, people: People | None = None, decode: Decode | None = None
    ) -> Edition:
        """Make a bundle ready."""
        return cls(Engine(bundle, settings, people, decode), Showcase(bundle))


class Deck:
    """Holds the edition that is current; whoever answers takes it once, so that an exchange disturbs nobody."""

    def __init__(self, bundle: Bundle, settings: ServingSettings, decode: Decode | None = None) -> None:
        self.settings, self.decode = settings, decode
        self.edition = Edition.of(bundle, settings, decode=decode)

    @property
    def engine(self) -> Engine:
        """The engine of the current edition."""
        return self.edition.engine
