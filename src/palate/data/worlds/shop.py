"""A shop: titles, pictures, sounds and clips of goods, and people whose tastes hang on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from palate.core.config import Config
from palate.core.errors import ConfigError, DataError
from palate.core.files import replacing_folder
from palate.core.part import Part
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._goods import Goods
from palate.data.worlds._truth import FILE, Truth, truth_of

Share = Field(default=0.0, ge=0, le=0.5)


class ShopConfig(Config):
    """Settings of the shop; tastes are in units of the choice's own noise, so 0 means that nobody cares."""

    n_items: int = Field(default=1_500, ge=30, le=1_000_000)
    n_users: int = Field(default=3_000, ge=2, le=5_000_000)
    n_events: int = Field(default=60_000, ge=1)
    seed: int = Field(default=0, ge=0)
    language: Literal["en", "zh", "mixed"] = "mixed"
    """Language of titles and descriptions; mixed: each item is in one of the two."""
    text_taste: float = Field(default=1.8, ge=0, le=20)
    """How much people care for what the text tells: kind, theme and style."""
    picture_taste: float = Field(default=1.8, ge=0, le=20)
    """How much people care for what the picture shows: colour, motif and texture."""
    sound_taste: float = Field(default=1.4, ge=0, le=20)
    """How much people care for the sound: timbre, pitch and rhythm."""
    hidden_taste: float = Field(default=1.2, ge=0, le=20)
    """How much people care for what no file shows, and only behaviour tells."""
    popularity: float = Field(default=0.8, ge=0, le=3)
    """Exponent of the Zipf law of popularity; 0: all items alike."""
    recency: float = Field(default=0.5, ge=0, le=10)
    """What being new is worth; halves every three weeks."""
    fresh: float = Field(default=0.3, ge=0, le=0.7)
    """Share of the items that come on sale during the year."""
    purchases: float = Field(default=0.25, ge=0, le=1)
    """Share of the events that are purchases (weight 2); the others are clicks (weight 1)."""
    picture_size: int = Field(default=160, ge=32, le=1024)
    """Width and height of a picture in pixels."""
    sound_seconds: float = Field(default=1.0, ge=0.2, le=30)
    clips: float = Field(default=0.04, ge=0, le=1)
    """Share of the items that have a clip; clips need PyAV."""
    missing: float = Share
    """Share of pictures, and of sounds, that the table does not name."""
    lost: float = Share
    """Share that the table names but that do not exist."""
    truncated: float = Share
    """Share that are cut short."""
    misnamed: float = Share
    """Share whose ending is that of another format: a JPEG named .png, a WAV named .mp3."""
    missing_text: float = Share
    """Share of the items without title and description."""
    duplicates: float = Share
    """Share of the items that are another one once more, slightly changed."""
    bots: float = Share
    """Share of the users who click at random, a hundred things an hour; their events come on top of `n_events`."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        most = (self.n_users - round(self.bots * self.n_users)) * (self.n_items // 4)
        if self.n_events > most:
            raise ConfigError(
                f"n_events was {self.n_events} and is at most {most}, a quarter of the items for each user who is no bot: "
                "take more items or users, or fewer events"
            )
        if self.missing + self.lost + self.truncated + self.misnamed > 1:
            raise ConfigError(
                "missing, lost, truncated and misnamed together exceed 1: a file has at most one of these faults"
            )
        return self


class Shop(Part[ShopConfig]):
    """Goods with a title, a description, a picture, a sound and sometimes a clip; tastes hang on each.

    No modality tells anything of another, or of popularity, so what each is worth can be told apart.

    Example:
        >>> Shop(n_items=60, n_users=9, n_events=50).config.language
        'mixed'
    """

    name = "shop"
    config_type = ShopConfig
    version: ClassVar[int] = 1
    columns: ClassVar[Mapping[str, Any]] = {
        "items": "items.csv",
        "interactions": "events.csv",
        "users": "users.csv",
        "text": {"title": "title", "description": "description"},
        "image": {"picture": "picture"},
        "audio": {"sound": "sound"},
        "video": {"clip": "clip"},
        "number": {"price": "price"},
        "category": {"category": "category", "region": "region"},
    }

    def write(self, folder: Path) -> Truth:
        """Write items.csv, users.csv, events.csv, pictures/, sounds/, clips/ and world.json; equal settings, equal bytes.

        Raises:
            DataError: the folder holds something that is not a generated world.
            MissingExtraError: clips are wanted and PyAV is not installed.
            StoreError: the disk refuses.
        """
        if folder.exists() and not (folder.is_dir() and (any(folder.glob(FILE)) or not any(folder.iterdir()))):
            raise DataError(f"{folder} holds something else than a generated world: name a new or empty folder")
        with replacing_folder(folder) as aside:
            goods = Goods(self.config)
            crowd = Crowd(self.config, goods.attributes)
            goods.write(aside, crowd.release)
            crowd.write(aside, goods.ids)
            truth = truth_of(self.name, self.version, self.config, goods, crowd)
            truth.save(aside)
        return truth
