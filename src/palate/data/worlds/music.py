"""Music: tracks whose sound decides who plays them; covers, titles and genres tell little."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from palate.core.rng import generator
from palate.core.types import Codes, Floats
from palate.data.worlds._attributes import Vocabulary
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._items import Items, Medium
from palate.data.worlds._people import HIDDEN
from palate.data.worlds._pictures import LOOKS, draw_picture
from palate.data.worlds._scenario import Reactions, Scenario
from palate.data.worlds._settings import WorldConfig
from palate.data.worlds._texts import artist_name, write_track
from palate.data.worlds._tunes import TUNES, make_tune, write_flac

_GENRES = ("classical", "ambient", "folk", "gospel", "rock", "electronic")
"""The genre that goes with each instrument."""


class MusicConfig(WorldConfig):
    """Settings of the music; tastes are in units of the choice's own noise, so 0 means that nobody cares."""

    n_items: int = Field(default=1_000, ge=30, le=1_000_000)
    n_users: int = Field(default=2_000, ge=2, le=5_000_000)
    sound_taste: float = Field(default=2.4, ge=0, le=20)
    """How much people care for the sound: tempo, mode, instrument, beat and register."""
    cover_taste: float = Field(default=0.5, ge=0, le=20)
    """How much people care for the cover: colour, motif and texture."""
    hidden_taste: float = Field(default=1.0, ge=0, le=20)
    """How much people care for what no file shows; half of it is the artist."""
    genre_truth: float = Field(default=0.4, ge=0, le=1)
    """Share of the tracks whose genre goes with the instrument; the others' is any."""
    tracks_by_artist: int = Field(default=8, ge=1)
    """How many tracks an artist has made, on average."""
    track_seconds: float = Field(default=3.0, ge=0.5, le=60)
    cover_size: int = Field(default=96, ge=32, le=1024)
    """Width and height of a cover in pixels."""


class Tracks(Items[MusicConfig]):
    """Tracks with a sound, a cover, a title, an artist and a genre."""

    vocabulary: ClassVar[Vocabulary] = {"sound": TUNES, "cover": LOOKS}
    media: ClassVar[Mapping[str, Medium]] = {
        "sound": Medium(".flac", ".mp3", heard=True),
        "cover": Medium(".jpg", ".png"),
    }

    def __init__(self, config: MusicConfig) -> None:
        super().__init__(config)
        n = config.n_items
        n_artists = max(1, n // config.tracks_by_artist)
        self.artist = generator(config.seed, "artists").integers(0, n_artists, n)[self.source]
        rng = generator(config.seed, "genres")
        told = rng.random(n) < config.genre_truth
        genre = np.where(told, self.attributes["sound"]["instrument"], rng.integers(0, len(_GENRES), n))
        self.genre: Codes = genre[self.source].astype(np.int32)

    def traits(self) -> dict[str, Floats]:
        """Return what tastes are about; tracks of one artist share half of the hidden traits' variance."""
        traits = super().traits()
        artists = generator(self.config.seed, "artists' traits").normal(size=(self.artist.max() + 1, HIDDEN))
        mixed = np.sqrt(0.5) * (traits["hidden"] + artists[self.artist] / np.sqrt(HIDDEN))
        return {**traits, "hidden": mixed.astype(np.float32).round(4)}

    def hints(self) -> dict[str, tuple[str, Floats]]:
        """Return the sound that a genre foretells: the mean of its tracks."""
        sound = super().traits()["sound"]
        member = np.eye(len(_GENRES), dtype=np.float32)[self.genre]
        means = member.T @ sound / np.maximum(1, member.sum(axis=0))[:, None]
        return {"genre": ("sound", means[self.genre])}

    def _columns(self, folder: Path) -> dict[str, Sequence[Any]]:
        return {
            "title": [self._title(item) for item in range(self.config.n_items)],
            "artist": [artist_name(number) for number in self.artist.tolist()],
            "genre": [_GENRES[code] for code in self.genre],
            "sound": self._files(folder, "sound", "playing tracks", self._sound),
            "cover": self._files(folder, "cover", "drawing covers", self._cover),
        }

    def _title(self, item: int) -> str | None:
        if self.untold[item]:
            return None
        rng = self._rng("title", item)
        title = write_track(self._language(rng), rng)
        return f"{title} (remastered)" if self.is_copy(item) else title

    def _sound(self, path: Path, item: int) -> None:
        tune = make_tune(self.words(item, "sound"), self._rng("sound", item), self.config.track_seconds)
        write_flac(path, tune * np.float32(self._loudness("sound", item)))

    def _cover(self, path: Path, item: int) -> None:
        cover = draw_picture(self.words(item, "cover"), self._rng("cover", item), self.config.cover_size)
        cover.save(path, format="JPEG", quality=70 if self.is_copy(item) else 88)


class Music(Scenario[MusicConfig]):
    """Tracks, and people who play them for their sound; the cover counts a little, the title for nothing.

    The genre is a hint: it goes with the instrument of `genre_truth` of the tracks. Weights are counts of plays: the more a
    track is to somebody's taste, the more often it is played.

    Example:
        >>> Music(n_items=60, n_users=9, n_events=50).config.track_seconds
        3.0
    """

    name = "music"
    config_type = MusicConfig
    version = 1
    items_type = Tracks
    columns: ClassVar[Mapping[str, Any]] = {
        "items": "items.csv",
        "interactions": "events.csv",
        "users": "users.csv",
        "text": {"title": "title"},
        "image": {"cover": "cover"},
        "audio": {"sound": "sound"},
        "category": {"artist": "artist", "genre": "genre", "region": "region"},
    }

    def _reactions(self, crowd: Crowd[MusicConfig]) -> Reactions:
        mean = np.exp(0.6 * crowd.liking() - 0.2)
        plays = 1 + generator(self.config.seed, "plays").poisson(mean)
        return plays, ["play"] * len(plays)
