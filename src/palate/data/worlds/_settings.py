"""The settings that every world has."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from palate.core.config import Config
from palate.core.errors import ConfigError

Share = Field(default=0.0, ge=0, le=0.5)


class WorldConfig(Config):
    """Sizes, people and faults; tastes are in units of the choice's own noise, so 0 means that nobody cares."""

    n_items: int = Field(default=1_500, ge=30, le=1_000_000)
    n_users: int = Field(default=3_000, ge=2, le=5_000_000)
    n_events: int = Field(default=60_000, ge=1)
    seed: int = Field(default=0, ge=0)
    language: Literal["en", "zh", "mixed"] = "mixed"
    """Language of the texts; mixed: each item is in one of the two."""
    hidden_taste: float = Field(default=1.2, ge=0, le=20)
    """How much people care for what no file shows, and only behaviour tells."""
    popularity: float = Field(default=0.8, ge=0, le=3)
    """Exponent of the Zipf law of popularity; 0: all items alike."""
    recency: float = Field(default=0.5, ge=0, le=10)
    """What being new is worth; halves every three weeks."""
    fresh: float = Field(default=0.3, ge=0, le=0.7)
    """Share of the items that come out during the year."""
    missing: float = Share
    """Share of the files of each kind that the table does not name."""
    lost: float = Share
    """Share that the table names but that do not exist."""
    truncated: float = Share
    """Share that are cut short."""
    misnamed: float = Share
    """Share whose ending is that of another format: a JPEG named .png, a WAV named .mp3."""
    silent: float = Share
    """Share of the sounds in which nothing is heard, and of the clips without a sound track."""
    mismatched: float = Share
    """Share of the files that are another item's."""
    missing_text: float = Share
    """Share of the items without texts."""
    duplicates: float = Share
    """Share of the items that are another one once more, slightly changed."""
    bots: float = Share
    """Share of the users who take things at random, a hundred an hour; their events come on top of `n_events`."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        most = (self.n_users - round(self.bots * self.n_users)) * (self.n_items // 4)
        if self.n_events > most:
            raise ConfigError(
                f"n_events was {self.n_events} and is at most {most}, a quarter of the items for each user who is no bot: "
                "take more items or users, or fewer events"
            )
        if self.missing + self.lost + self.truncated + self.misnamed + self.silent + self.mismatched > 1:
            raise ConfigError(
                "missing, lost, truncated, misnamed, silent and mismatched together exceed 1: a file has at most one of these faults"
            )
        return self
