"""How a recommender is made, written down in names: the one place where names become objects."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import tomli_w
from pydantic import Field

from palate.bundle.build import build_model, parts_read
from palate.complete import Completer
from palate.complete import registry as completers
from palate.core.config import Config
from palate.core.errors import ConfigError, DataError
from palate.core.files import write_text
from palate.data.dataset import Dataset
from palate.data.positive import Positive
from palate.data.split import split
from palate.data.split._base import Split
from palate.models import Model
from palate.standardise import Standardiser
from palate.standardise import registry as standardisers
from palate.training.pseudo_labels import pseudo_labels


class Recipe(Config):
    """A model, its parts, the split, the protocol and the seed.

    Example:
        >>> recipe = Recipe.of({"model": "popularity", "seed": 3})
        >>> Recipe.from_toml(recipe.to_toml()) == recipe
        True
    """

    model: str
    """Name of the recommender ('palate models' lists them)."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of the recommender."""
    parts: tuple[str, ...] | None = Field(None, min_length=1)
    """Which parts of the items it reads; all where none are named."""
    complete: str | None = None
    """Name of what estimates parts that items lack ('palate completers' lists them); they stay absent where none is named."""
    complete_settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of that completer."""
    standardise: str | None = None
    """Name of what brings the dimensions of parts to a common scale ('palate standardisers' lists them); where none is named, models,
    aligners and fusions bring each to mean 0 and deviation 1."""
    standardise_settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of that standardiser."""
    pseudo_labels: int = Field(0, ge=0)
    """So many items nearest by content to what they liked are learned as likes of people with few; 0 of none."""
    pseudo_most_likes: int = Field(3, ge=1)
    """Who has more likes gets no pseudo-labels."""
    align: str | None = None
    """Name of what brings the parts into one space before they are fused ('palate aligners' lists them)."""
    align_settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of that aligner."""
    fuse: str | None = None
    """Name of the fusion of the parts' vectors ('palate fusions' lists them); the model's own choice where none is named."""
    fuse_settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of that fusion."""
    late: str | None = None
    """Name of the fusion of scores; the model is then trained once per part."""
    late_settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of that fusion."""
    how: str = "random-per-user"
    """Name of the split."""
    split_settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of the split."""
    seed: int = Field(0, ge=0)
    """Of the split and of the model."""
    positive: str | None = None
    """Which interactions count as liked, as in weight>=4; the dataset's own rule where none is given."""
    protocol: Literal["strict", "refit"] = "strict"
    """strict fits on train; refit chooses on validation, then fits on train and validation."""
    data: str | None = None
    """The dataset folder, seen from where the command runs."""
    out: str | None = None
    """Where the bundle goes."""

    def build(self, parts: Iterable[str] = ()) -> Model[Any]:
        """Return the model, not yet fitted.

        Args:
            parts: those that the data have; a late fusion takes one model for each, where the recipe names none.

        Raises:
            UnknownNameError: there is no part of that name.
            ConfigError: a setting is unknown, out of range, or does not belong to this model.
        """
        return build_model(self, parts)

    def completer(self) -> Completer[Any] | None:
        """Return what estimates parts that items lack, not yet fitted; None where the recipe names none.

        Raises:
            UnknownNameError: there is no completer of that name.
            ConfigError: a setting is unknown or out of range.
        """
        return None if self.complete is None else completers.get(self.complete)(**self.complete_settings)

    def standardiser(self) -> Standardiser[Any] | None:
        """Return what brings dimensions to a common scale, not yet fitted; None where the recipe names none.

        Raises:
            UnknownNameError: there is no standardiser of that name.
            ConfigError: a setting is unknown or out of range.
        """
        return None if self.standardise is None else standardisers.get(self.standardise)(**self.standardise_settings)

    def labelled(self, train: Dataset) -> Dataset:
        """Return what a model is fitted on: the training data, with pseudo-labels where the recipe asks for some.

        Raises:
            DataError: they are asked for, and items have none of the parts.
        """
        if not self.pseudo_labels:
            return train
        return pseudo_labels(train, self.pseudo_labels, most_likes=self.pseudo_most_likes, parts=self.parts)

    def check(self) -> None:
        """Make sure that every name and setting is known, before data are read."""
        self.build(["any"])
        self.completer()
        self.standardiser()

    def prepared(self, data: Dataset) -> Dataset:
        """Return the data under the recipe's rule for likes."""
        return data if self.positive is None else replace(data, positive=Positive(rule=self.positive))

    def split(self, data: Dataset) -> Split:
        """Cut the data as the recipe says.

        Raises:
            UnknownNameError: there is no splitter of that name.
        """
        data = self.prepared(data)
        if self.parts is not None:  # what is not read may have been learned from another cut
            read = parts_read(self.build().spec(), data.part_names())
            unread = (name for name, table in data.features.items() if table.taught is not None and name not in read)
            data = data.without_features(*unread)
        return split(data, self.how, self.seed, **self.split_settings)

    def to_toml(self) -> str:
        """Return the recipe as TOML; settings that have their default are left out."""
        return tomli_w.dumps(_given(self.model_dump(mode="json", exclude_defaults=True)))

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a recipe.

        Raises:
            ConfigError: it is not TOML, or a setting is unknown or missing.
        """
        try:
            plain = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"the recipe is not TOML: {error}") from error
        if "model" not in plain:
            raise ConfigError('the recipe names no model: begin it with a line such as model = "item-knn"')
        return cls.of(plain)

    def save(self, path: Path) -> None:
        """Write the recipe, all or nothing."""
        write_text(path, self.to_toml())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a recipe file.

        Raises:
            DataError: it cannot be read.
            ConfigError: it is not a recipe.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"the recipe {path} could not be read: {error}") from error
        return cls.from_toml(text)


def _given(value: Any) -> Any:
    """Leave out nothings, which TOML has no word for."""
    if isinstance(value, list):
        return [_given(item) for item in value]
    return {key: _given(item) for key, item in value.items() if item is not None} if isinstance(value, dict) else value
