"""What the scenarios share: items, people who choose among them, plain files, and the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.files import replacing_folder
from palate.core.part import Part
from palate.data.worlds._crowd import Crowd
from palate.data.worlds._items import Items, S
from palate.data.worlds._truth import FILE, Truth, truth_of

Reactions = tuple[npt.NDArray[np.number[Any]], Sequence[str]]
"""Weight and kind of each event."""


class Scenario(Part[S], ABC):
    """Base of the worlds: says what there is, and how much people make of what they chose."""

    version: ClassVar[int]
    columns: ClassVar[Mapping[str, Any]]
    items_type: ClassVar[type[Items[Any]]]

    @abstractmethod
    def _reactions(self, crowd: Crowd[S]) -> Reactions:
        """Return weight and kind of each of the crowd's events."""

    def write(self, folder: Path) -> Truth:
        """Write items.csv, users.csv, events.csv, a folder for each media column, and world.json; equal settings, equal bytes.

        Raises:
            DataError: the folder holds something that is not a generated world.
            MissingExtraError: the world has sound or clips that need a library of the `media` extra.
            StoreError: the disk refuses.
        """
        if folder.exists() and not (folder.is_dir() and (any(folder.glob(FILE)) or not any(folder.iterdir()))):
            raise DataError(f"{folder} holds something else than a generated world: name a new or empty folder")
        with replacing_folder(folder) as aside:
            items: Items[S] = self.items_type(self.config)
            crowd = Crowd(self.config, items)
            items.write(aside, crowd.release)
            crowd.write(aside, items.ids, *self._reactions(crowd))
            truth = truth_of(self.name, self.version, items, crowd)
            truth.save(aside)
        return truth
