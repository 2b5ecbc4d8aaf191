"""A shop: titles, pictures, sounds and clips of goods, and people whose tastes hang on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from palate.core.rng import generator
from palate.core.types import Floats, Mask
from palate.data.worlds._attributes import Vocabulary
from palate.data.worlds._clips import FRAMES, write_clip
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._items import Items, Medium
from palate.data.worlds._motions import MOTIONS, poses
from palate.data.worlds._pictures import LOOKS, draw_frames, draw_picture
from palate.data.worlds._scenario import Reactions, Scenario
from palate.data.worlds._settings import WorldConfig
from palate.data.worlds._sounds import TONES, make_sound, write_wav
from palate.data.worlds._texts import WORDS, write_text

_CLIP = 96
"""Width and height of a clip in pixels; it lasts a second."""


class ShopConfig(WorldConfig):
    """Settings of the shop; tastes are in units of the choice's own noise, so 0 means that nobody cares."""

    text_taste: float = Field(default=1.8, ge=0, le=20)
    """How much people care for what the text tells: kind, theme and style."""
    picture_taste: float = Field(default=1.8, ge=0, le=20)
    """How much people care for what the picture shows: colour, motif and texture."""
    sound_taste: float = Field(default=1.4, ge=0, le=20)
    """How much people care for the sound: timbre, pitch and rhythm."""
    clip_taste: float = Field(default=1.4, ge=0, le=20)
    """How much people care for what only a clip shows: how the thing moves. A thing without a clip is neither better nor worse for it."""
    purchases: float = Field(default=0.25, ge=0, le=1)
    """Share of the events that are purchases (weight 2); the others are clicks (weight 1)."""
    picture_size: int = Field(default=160, ge=32, le=1024)
    """Width and height of a picture in pixels."""
    sound_seconds: float = Field(default=1.0, ge=0.2, le=30)
    agreement: float = Field(default=0, ge=0, le=1)
    """Share of the things whose picture goes with the text: its motif with the theme, its texture with the style."""
    clips: float = Field(default=0.04, ge=0, le=1)
    """Share of the items that have a clip; clips need PyAV."""


class Goods(Items[ShopConfig]):
    """Goods with a title, a description, a picture and a sound; some have a clip of the thing in motion."""

    vocabulary: ClassVar[Vocabulary] = {"text": WORDS, "picture": LOOKS, "sound": TONES, "clip": MOTIONS}
    media: ClassVar[Mapping[str, Medium]] = {
        "picture": Medium(".jpg", ".png"),
        "sound": Medium(".wav", ".mp3", heard=True),
        "clip": Medium(".mp4", ".webm", heard=True),
    }

    def __init__(self, config: ShopConfig) -> None:
        super().__init__(config)
        agrees = (generator(config.seed, "agreement").random(config.n_items) < config.agreement)[self.source]
        text, picture = self.attributes["text"], self.attributes["picture"]
        for shown, told in (("motif", "theme"), ("texture", "style")):
            picture[shown] = np.where(agrees, text[told], picture[shown]).astype(np.int32)

    def _draw_partial(self) -> dict[str, Mask]:
        n = self.config.n_items
        return {"clip": generator(self.config.seed, "filmed").permutation(n) < round(self.config.clips * n)}

    def traits(self) -> dict[str, Floats]:
        """Return what tastes are about; a thing without a clip is at zero there."""
        traits = super().traits()
        return {**traits, "clip": traits["clip"] * self.partial["clip"][:, None].astype(np.float32)}

    def _columns(self, folder: Path) -> dict[str, Sequence[Any]]:
        n = self.config.n_items
        texts = [self._text(item) for item in range(n)]
        return {
            "title": [title for title, _ in texts],
            "description": [description for _, description in texts],
            "category": [WORDS["kind"][code] for code in self.attributes["text"]["kind"]],
            "price": generator(self.config.seed, "price").lognormal(3.2, 0.8, n).round(2).tolist(),
            "picture": self._files(folder, "picture", "drawing pictures", self._picture),
            "sound": self._files(folder, "sound", "making sounds", self._sound),
            "clip": self._files(folder, "clip", "filming clips", self._clip),
        }

    def _text(self, item: int) -> tuple[str | None, str | None]:
        if self.untold[item]:
            return None, None
        rng = self._rng("text", item)
        title, description = write_text(self.words(item, "text"), self._language(rng), rng)
        return (f"{title} (new)" if self.is_copy(item) else title), description

    def _picture(self, path: Path, item: int) -> None:
        picture = draw_picture(self.words(item, "picture"), self._rng("picture", item), self.config.picture_size)
        picture.save(path, format="JPEG", quality=70 if self.is_copy(item) else 88)

    def _sound(self, path: Path, item: int) -> None:
        sound = make_sound(self.words(item, "sound"), self._rng("sound", item), self.config.sound_seconds)
        write_wav(path, sound * np.float32(self._loudness("sound", item)))

    def _clip(self, path: Path, item: int) -> None:
        motion = poses(self.words(item, "clip")["motion"], FRAMES, self._rng("clip", item))
        frames = draw_frames(self.words(item, "picture"), self._rng("picture", item), _CLIP, motion)
        sound = make_sound(self.words(item, "sound"), self._rng("sound", item), len(motion) / FRAMES)
        write_clip(path, frames, None if self.faults["clip"]["silent"][item] else sound)


class Shop(Scenario[ShopConfig]):
    """Goods with a title, a description, a picture, a sound and sometimes a clip; tastes hang on each.

    No modality tells anything of another, unless `agreement` is set, or of popularity, so what each is worth can be told
    apart. Only a clip tells how a thing moves; its frames show the picture's motif, and its sound is that of the thing.

    Example:
        >>> Shop(n_items=60, n_users=9, n_events=50).config.language
        'mixed'
    """

    name = "shop"
    config_type = ShopConfig
    version = 2
    items_type = Goods
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

    def _reactions(self, crowd: Crowd[ShopConfig]) -> Reactions:
        bought = generator(self.config.seed, "purchases").random(len(crowd.user)) < self.config.purchases
        return np.where(bought, 2, 1), np.where(bought, "purchase", "click").tolist()
