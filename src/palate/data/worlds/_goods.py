"""The goods of the shop: what they are, and the files that show it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from palate.core.progress import progress
from palate.core.rng import generator
from palate.core.types import Times
from palate.data.worlds._attributes import ATTRIBUTES, Attributes, draw_attributes, named
from palate.data.worlds._clips import FRAMES, write_clip
from palate.data.worlds._faults import FAULTS, cut_short, draw_duplicates, draw_faults, duplicated
from palate.data.worlds._people import days
from palate.data.worlds._pictures import draw_picture
from palate.data.worlds._sounds import make_sound, write_wav
from palate.data.worlds._texts import Written, write_text

if TYPE_CHECKING:
    from palate.data.worlds.shop import ShopConfig


class Goods:
    """The items: what they are, and their files."""

    def __init__(self, config: ShopConfig) -> None:
        n, seed = config.n_items, config.seed
        self.config = config
        self.ids = [f"p{index:0{len(str(n))}d}" for index in range(1, n + 1)]
        self.source = draw_duplicates(n, config.duplicates, seed)
        self.attributes: Attributes = duplicated(draw_attributes(n, seed), self.source)
        shares = {fault: float(getattr(config, fault)) for fault in FAULTS}
        self.faults = {column: draw_faults(n, shares, column, seed) for column in ("picture", "sound")}
        self.untold = draw_faults(n, {**dict.fromkeys(FAULTS, 0.0), "missing": config.missing_text}, "text", seed)[
            "missing"
        ]
        self.filmed = generator(seed, "filmed").permutation(n) < round(config.clips * n)

    def write(self, folder: Path, release: Times) -> None:
        """Write the media files and items.csv."""
        n = self.config.n_items
        for name in ("pictures", "sounds", "clips"):
            (folder / name).mkdir()
        pictures = _drawn(n, "drawing pictures", lambda item: self._picture(folder, item))
        sounds = _drawn(n, "making sounds", lambda item: self._sound(folder, item))
        clips = _drawn(n, "filming clips", lambda item: self._clip(folder, item)) if self.filmed.any() else [None] * n
        texts = [self._text(item) for item in range(n)]
        price = generator(self.config.seed, "price").lognormal(3.2, 0.8, n).round(2)
        pl.DataFrame(
            {
                "item_id": self.ids,
                "title": [title for title, _ in texts],
                "description": [description for _, description in texts],
                "category": [ATTRIBUTES["text"]["kind"][code] for code in self.attributes["text"]["kind"]],
                "price": price,
                "released": days(release),
                "picture": pictures,
                "sound": sounds,
                "clip": clips,
            },
            schema_overrides=dict.fromkeys(("title", "description", "picture", "sound", "clip"), pl.String),
        ).write_csv(folder / "items.csv")

    def _rng(self, what: str, item: int) -> np.random.Generator:
        return generator(self.config.seed, what, int(self.source[item]))

    def _is_copy(self, item: int) -> bool:
        return bool(self.source[item] != item)

    def _text(self, item: int) -> tuple[str | None, str | None]:
        if self.untold[item]:
            return None, None
        rng = self._rng("text", item)
        language: Written = "zh" if self.config.language == "zh" else "en"
        if self.config.language == "mixed" and rng.random() < 0.4:
            language = "zh"
        title, description = write_text(named(self.attributes, item, "text"), language, rng)
        return (f"{title} (new)" if self._is_copy(item) else title), description

    def _picture(self, folder: Path, item: int) -> str | None:
        fault = {name: bool(mask[item]) for name, mask in self.faults["picture"].items()}
        if fault["missing"]:
            return None
        name = f"pictures/{self.ids[item]}{'.png' if fault['misnamed'] else '.jpg'}"
        if not fault["lost"]:
            look = named(self.attributes, item, "picture")
            picture = draw_picture(look, self._rng("picture", item), self.config.picture_size)
            picture.save(folder / name, format="JPEG", quality=70 if self._is_copy(item) else 88)
        if fault["truncated"]:
            cut_short(folder / name)
        return name

    def _sound(self, folder: Path, item: int) -> str | None:
        fault = {name: bool(mask[item]) for name, mask in self.faults["sound"].items()}
        if fault["missing"]:
            return None
        name = f"sounds/{self.ids[item]}{'.mp3' if fault['misnamed'] else '.wav'}"
        if not fault["lost"]:
            tone = named(self.attributes, item, "sound")
            sound = make_sound(tone, self._rng("sound", item), self.config.sound_seconds)
            write_wav(folder / name, sound * np.float32(0.9 if self._is_copy(item) else 1))
        if fault["truncated"]:
            cut_short(folder / name)
        return name

    def _clip(self, folder: Path, item: int) -> str | None:
        if not self.filmed[item]:
            return None
        name = f"clips/{self.ids[item]}.mp4"
        look, tone = named(self.attributes, item, "picture"), named(self.attributes, item, "sound")
        frames = [draw_picture(look, self._rng("picture", item), 96, at=step / (FRAMES - 1)) for step in range(FRAMES)]
        write_clip(folder / name, frames, make_sound(tone, self._rng("sound", item), 1.0))
        return name


def _drawn(n: int, label: str, draw: Callable[[int], str | None]) -> list[str | None]:
    """Make the files of all items on a few threads (drawing and writing mostly leave the interpreter's lock)."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool, progress(label, n, "items") as advance:
        names = []
        for name in pool.map(draw, range(n)):
            names.append(name)
            advance(1)
    return names
