"""Short videos: clips whose scene, movement and sound each have a share in who watches them to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from palate.core.rng import generator
from palate.data.worlds._attributes import Vocabulary
from palate.data.worlds._clips import FRAMES, write_clip
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._items import Items, Medium
from palate.data.worlds._motions import MOTIONS, poses
from palate.data.worlds._scenario import Reactions, Scenario
from palate.data.worlds._scenes import SCENES, set_scene
from palate.data.worlds._settings import WorldConfig
from palate.data.worlds._sounds import TONES, make_sound
from palate.data.worlds._texts import TOPICS, write_caption


class ShortVideoConfig(WorldConfig):
    """Settings of the short videos; tastes are in units of the choice's own noise, so 0 means that nobody cares."""

    n_items: int = Field(default=800, ge=30, le=1_000_000)
    n_users: int = Field(default=2_000, ge=2, le=5_000_000)
    picture_taste: float = Field(default=1.5, ge=0, le=20)
    """How much people care for what any frame shows: scene and tint."""
    motion_taste: float = Field(default=1.5, ge=0, le=20)
    """How much people care for what only the course of the frames shows: how the motif or the camera moves."""
    sound_taste: float = Field(default=1.5, ge=0, le=20)
    """How much people care for the sound track: timbre, pitch and rhythm."""
    caption_taste: float = Field(default=0.5, ge=0, le=20)
    """How much people care for the caption: its topic."""
    hidden_taste: float = Field(default=1.0, ge=0, le=20)
    """How much people care for what no file shows, and only behaviour tells."""
    likes: float = Field(default=0.4, ge=0, le=1)
    """Share of the clips watched for more than four fifths that get a like as well."""
    clip_seconds: float = Field(default=2.0, ge=0.5, le=60)
    clip_size: int = Field(default=96, ge=32, le=1024, multiple_of=2)
    """Width and height of a clip in pixels."""


class Clips(Items[ShortVideoConfig]):
    """Clips with a sound track and a caption."""

    vocabulary: ClassVar[Vocabulary] = {"picture": SCENES, "motion": MOTIONS, "sound": TONES, "caption": TOPICS}
    media: ClassVar[Mapping[str, Medium]] = {"clip": Medium(".mp4", ".webm", heard=True)}

    def _columns(self, folder: Path) -> dict[str, Sequence[Any]]:
        return {
            "caption": [self._caption(item) for item in range(self.config.n_items)],
            "clip": self._files(folder, "clip", "filming clips", self._clip),
        }

    def _caption(self, item: int) -> str | None:
        if self.untold[item]:
            return None
        rng = self._rng("caption", item)
        caption = write_caption(self.words(item, "caption"), self._language(rng), rng)
        return f"{caption} (repost)" if self.is_copy(item) else caption

    def _clip(self, path: Path, item: int) -> None:
        seconds, silent = self.config.clip_seconds, self.faults["clip"]["silent"][item]
        stage = set_scene(self.words(item, "picture"), self._rng("picture", item), self.config.clip_size)
        motion = poses(self.words(item, "motion")["motion"], round(seconds * FRAMES), self._rng("motion", item))
        sound = make_sound(self.words(item, "sound"), self._rng("sound", item), seconds)
        loud = np.float32(0.9 if self.is_copy(item) else 1)
        write_clip(path, [stage.frame(pose) for pose in motion], None if silent else loud * sound)


class ShortVideo(Scenario[ShortVideoConfig]):
    """Clips, and people who watch them for scene, movement and sound, each on its own; the caption counts a little.

    Weights are the share that was watched, 0.01 … 1, and 1 more where the clip got a like (kind `like`): the more a clip is
    to somebody's taste, the longer it is watched. Liked is what was watched for at least half.

    Example:
        >>> ShortVideo(n_items=60, n_users=9, n_events=50).config.clip_seconds
        2.0
    """

    name = "short-video"
    config_type = ShortVideoConfig
    version = 1
    items_type = Clips
    columns: ClassVar[Mapping[str, Any]] = {
        "items": "items.csv",
        "interactions": "events.csv",
        "users": "users.csv",
        "text": {"caption": "caption"},
        "video": {"clip": "clip"},
        "category": {"region": "region"},
        "positive": "weight>=0.5",
    }

    def _reactions(self, crowd: Crowd[ShortVideoConfig]) -> Reactions:
        rng = generator(self.config.seed, "watching")
        mood = rng.normal(scale=0.7, size=len(crowd.user))
        share = np.maximum(0.01, (1 / (1 + np.exp(-crowd.liking() - mood))).round(2))
        liked = (share > 0.8) & (rng.random(len(share)) < self.config.likes)
        return (share + liked).round(2), np.where(liked, "like", "watch").tolist()
