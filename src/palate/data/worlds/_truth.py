"""What is true of a generated world, which a method has to find out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.files import read_json, write_text
from palate.core.types import Floats, Mask
from palate.data.features import FeatureTable, features_of
from palate.data.worlds._faults import FAULTS, UNREADABLE

if TYPE_CHECKING:
    from palate.data.worlds._crowd import Crowd
    from palate.data.worlds._items import Items, S

FILE = "world.json"
TEXTS = ("title", "description", "caption")
"""Columns of text; an item without texts lacks them all."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Attributes, tastes, the worth of each modality, and what was broken on request."""

    scenario: str
    version: int
    """Of the scenario's generator."""
    settings: Mapping[str, Any]
    items: Sequence[str]
    users: Sequence[str]
    attributes: Mapping[str, Mapping[str, Sequence[str]]]
    """Modality -> attribute -> the value of each item, in words."""
    traits: Mapping[str, Floats]
    """Modality (or `hidden`) -> what tastes are about; float32[items, d]."""
    tastes: Mapping[str, Floats]
    """Modality (or `hidden`) -> float32[users, d]; tastes · traits is the utility."""
    worth: Mapping[str, float]
    """Recall@20 of ranking by the true utility: of all together, of one modality alone, of popularity, of chance; and of a
    hint, such as the genre of a track, by what it foretells of the modality that it hints at."""
    faults: Mapping[str, Any]
    """Fault -> column -> items; `duplicates`: copy -> original; `bots`: users."""
    partial: Mapping[str, Sequence[str]]
    """Column -> the items that have a file there, where not all are meant to."""

    def made_by(self, scenario: str, version: int, config: Config) -> bool:
        """Tell whether this scenario with these settings makes this world."""
        settings = config.model_dump(mode="json")
        return (self.scenario, self.version, self.settings) == (scenario, version, settings)

    def part(self, modality: str) -> FeatureTable:
        """Return the attributes of a modality as a perfect encoder would see them.

        Raises:
            DataError: there is no such modality.
        """
        if modality not in self.attributes:
            raise DataError(
                f"there is no modality '{modality}' in this world: allowed are {', '.join(self.attributes)}"
            )
        return features_of(self.traits[modality], source=f"truth of {modality}", modality=modality)

    def whole(self, column: str) -> Mask:
        """Return bool[items]: which have something in this column that can be read; a part such as clip.sound is one too."""
        file, _, track = column.partition(".")
        file = "text" if file in TEXTS else file
        heard = track or file == "sound"
        spoilt = {item for fault in UNREADABLE for item in self.faults[fault].get(file, ())}
        spoilt |= set(self.faults["silent"].get(file, ())) if heard else set()
        there = set(self.partial.get(file, self.items)) - spoilt
        return np.array([item in there for item in self.items])

    def save(self, folder: Path) -> None:
        """Write `world.json` into the folder."""
        value = {
            "scenario": self.scenario,
            "version": self.version,
            "settings": dict(self.settings),
            "worth": dict(self.worth),
            "faults": dict(self.faults),
            "partial": {column: list(items) for column, items in self.partial.items()},
            "items": list(self.items),
            "users": list(self.users),
            "attributes": {modality: dict(values) for modality, values in self.attributes.items()},
            "traits": {name: _rows(table) for name, table in self.traits.items()},
            "tastes": {name: _rows(table) for name, table in self.tastes.items()},
        }
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value[key], ensure_ascii=False)}" for key in value)
        write_text(folder / FILE, "{\n" + lines + "\n}\n")

    @classmethod
    def load(cls, folder: Path) -> Truth:
        """Read the `world.json` of a folder.

        Raises:
            StoreError: it is missing or damaged.
        """
        value = read_json(folder / FILE)
        for name in ("traits", "tastes"):
            value[name] = {key: np.array(rows, dtype=np.float32) for key, rows in value[name].items()}
        return cls(**value)


def truth_of(scenario: str, version: int, items: Items[S], crowd: Crowd[S]) -> Truth:
    """Write down what is true of these items and people."""
    by_fault: dict[str, Any] = {
        fault: {column: _chosen(items.ids, masks[fault]) for column, masks in items.faults.items()} for fault in FAULTS
    }
    by_fault["missing"]["text"] = _chosen(items.ids, items.untold)
    copies = np.flatnonzero(items.source != np.arange(len(items.ids)))
    by_fault["duplicates"] = {items.ids[copy]: items.ids[int(items.source[copy])] for copy in copies}
    by_fault["bots"] = _chosen(crowd.ids, crowd.is_bot)
    words = {
        modality: {name: [items.vocabulary[modality][name][code] for code in codes] for name, codes in of.items()}
        for modality, of in items.attributes.items()
    }
    return Truth(
        scenario, version, items.config.model_dump(mode="json"), items.ids, crowd.ids, words, crowd.traits, crowd.tastes,
        crowd.worth(), by_fault, {column: _chosen(items.ids, mask) for column, mask in items.partial.items()},
    )  # fmt: skip


def _chosen(ids: Sequence[str], mask: Mask) -> list[str]:
    return [ids[int(index)] for index in np.flatnonzero(mask)]


def _rows(table: Floats) -> list[list[float]]:
    rows: list[list[float]] = np.round(table.astype(np.float64), 4).tolist()
    return rows
