"""The items of a world: what they are, their files, and what is wrong with these."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import polars as pl

from palate.core.progress import progress
from palate.core.rng import generator
from palate.core.types import Codes, Floats, Mask, Times
from palate.data.worlds._attributes import Attributes, Vocabulary, draw_attributes, duplicated
from palate.data.worlds._faults import FAULTS, cut_short, draw_duplicates, draw_faults, shown_by
from palate.data.worlds._people import days, item_traits
from palate.data.worlds._settings import WorldConfig
from palate.data.worlds._texts import Written

S = TypeVar("S", bound=WorldConfig)


@dataclass(frozen=True)
class Medium:
    """The files of a column."""

    ending: str
    wrong: str
    """The ending of a misnamed one."""
    heard: bool = False
    """Whether it can be silent."""


class Items(ABC, Generic[S]):
    """The items, drawn once; `write` makes their table and their files."""

    vocabulary: ClassVar[Vocabulary]
    media: ClassVar[Mapping[str, Medium]]
    """Column -> its files; all the faults that the config asks for are planted in each."""

    def __init__(self, config: S) -> None:
        n, seed = config.n_items, config.seed
        self.config = config
        self.ids = [f"p{index:0{len(str(n))}d}" for index in range(1, n + 1)]
        self.source: Codes = draw_duplicates(n, config.duplicates, seed)
        self.attributes: Attributes = duplicated(draw_attributes(self.vocabulary, n, seed), self.source)
        self.partial = self._draw_partial()
        shares = {fault: float(getattr(config, fault)) for fault in FAULTS}
        self.faults = {
            column: self._among(
                column, draw_faults(n, shares if medium.heard else {**shares, "silent": 0}, column, seed)
            )
            for column, medium in self.media.items()
        }
        self.untold: Mask = draw_faults(n, {"missing": config.missing_text}, "text", seed)["missing"]

    def _draw_partial(self) -> dict[str, Mask]:
        """Return which items have a file of a column at all, for the columns where not all are meant to."""
        return {}

    def _among(self, column: str, faults: dict[str, Mask]) -> dict[str, Mask]:
        return {fault: mask & self.partial.get(column, True) for fault, mask in faults.items()}

    def traits(self) -> dict[str, Floats]:
        """Return what tastes are about, by modality; `hidden` traits show in no file."""
        return item_traits(self.attributes, self.vocabulary, self.config.n_items, self.config.seed)

    def hints(self) -> dict[str, tuple[str, Floats]]:
        """Return what else tells of a modality: name -> that modality, and its traits as this foretells them."""
        return {}

    def write(self, folder: Path, release: Times) -> None:
        """Write the media files and items.csv."""
        columns = {"item_id": self.ids, **self._columns(folder), "released": days(release)}
        pl.DataFrame(columns, schema_overrides=dict.fromkeys(self.media, pl.String)).write_csv(folder / "items.csv")

    @abstractmethod
    def _columns(self, folder: Path) -> dict[str, Sequence[Any]]:
        """Write the media files and return the columns of the table."""

    def words(self, item: int, modality: str) -> dict[str, str]:
        """Return the values of one item in one modality, in words."""
        values = self.vocabulary[modality]
        return {name: values[name][int(codes[item])] for name, codes in self.attributes[modality].items()}

    def is_copy(self, item: int) -> bool:
        """Tell whether an item is another one once more."""
        return bool(self.source[item] != item)

    def _rng(self, what: str, item: int) -> np.random.Generator:
        return generator(self.config.seed, what, int(self.source[item]))

    def _language(self, rng: np.random.Generator) -> Written:
        if self.config.language == "mixed":
            return "zh" if rng.random() < 0.4 else "en"
        return self.config.language

    def _loudness(self, column: str, item: int) -> float:
        """Return by how much a sound is multiplied: a copy is a little lower, a silent one is nothing."""
        return 0.0 if self.faults[column]["silent"][item] else 0.9 if self.is_copy(item) else 1.0

    def _files(self, folder: Path, column: str, label: str, write: Callable[[Path, int], object]) -> list[str | None]:
        """Make the files of a column, and break those that are to be broken; return what the table says of each.

        Drawing and writing mostly leave the interpreter's lock, so a few threads share the items.
        """
        medium, faults = self.media[column], self.faults[column]
        shown = shown_by(faults["mismatched"])
        none = ~self.partial.get(column, np.ones(self.config.n_items, dtype=bool)) | faults["missing"]
        (folder / f"{column}s").mkdir()

        def make(item: int) -> str | None:
            if none[item]:
                return None
            name = f"{column}s/{self.ids[item]}{medium.wrong if faults['misnamed'][item] else medium.ending}"
            if not faults["lost"][item]:
                write(folder / name, int(shown[item]))
            if faults["truncated"][item]:
                cut_short(folder / name)
            return name

        n = self.config.n_items
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool, progress(label, n, "items") as advance:
            names = []
            for name in pool.map(make, range(n)):
                names.append(name)
                advance(1)
        return names
