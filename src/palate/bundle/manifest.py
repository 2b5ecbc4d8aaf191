"""What a bundle says of itself, and the seal on each of its files."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Self

from pydantic import Field

import palate
from palate.core.config import Config
from palate.core.errors import BundleError, ConfigError, StoreError
from palate.core.files import read_json, write_json
from palate.core.fingerprint import file_fingerprint

FORMAT = 1
NAME = "manifest.json"


class Place(Config):
    """Where the dataset folder was: as it stood, and as seen from the bundle, so that both can move together."""

    absolute: str
    relative: str | None = None

    @classmethod
    def seen_from(cls, folder: Path, bundle: Path) -> Self:
        """Remember a folder for a bundle that is saved at `bundle`."""
        folder = folder.resolve()
        try:
            relative = Path(os.path.relpath(folder, bundle.resolve())).as_posix()
        except ValueError:  # another drive
            relative = None
        return cls(absolute=str(folder), relative=relative)

    def find(self, bundle: Path) -> Path | None:
        """Return the folder, or None where it is gone."""
        beside = [] if self.relative is None else [Path(os.path.normpath(bundle.resolve() / self.relative))]
        return next((place for place in (*beside, Path(self.absolute)) if place.is_dir()), None)


class Manifest(Config):
    """What was saved, by what, made of what."""

    format: int = FORMAT
    palate: str = palate.__version__
    """Version that wrote it."""
    name: str
    """Of the dataset."""
    licence: str = ""
    """Of the dataset."""
    positive: str
    """The rule for likes."""
    model: dict[str, Any]
    """Name and settings from which the model is built again."""
    completer: dict[str, Any] | None = None
    """Name and settings of what estimated parts that items lacked, where anything did."""
    standardiser: dict[str, Any] | None = None
    """Name and settings of what brought dimensions to a common scale, where anything did by name."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    """How it was made; `recipe.toml` says the same to people."""
    parts: tuple[str, ...] = ()
    """Features of items that the bundle holds; those of interactions are pooled to items in it."""
    types: dict[str, str] = Field(default_factory=dict)
    """Types of the catalogue's columns."""
    data: str
    """Fingerprint of the whole dataset, with only those parts."""
    split: str | None = None
    """Fingerprint of the split, where there was one."""
    metrics: dict[str, Any] = Field(default_factory=dict)
    """What was measured when it was trained."""
    learned: tuple[str, int] | None = None
    """The store of a service from which it learned, and up to which place in it."""
    dataset: Place | None = None
    """The dataset folder."""
    media: Place | None = None
    """The folder that media columns are relative to."""
    files: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of every other file."""

    def sealed(self, folder: Path) -> Self:
        """Return the manifest with the seals of the files that lie in `folder`."""
        files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        return self.model_copy(update={"files": {name: file_fingerprint(path) for name, path in files.items()}})

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        write_json(folder / NAME, _finite(self.model_dump(mode="json")))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it and make sure that this Palate can open the bundle and that no file is missing or changed.

        Raises:
            BundleError: there is none, it is of another version, or a file is missing or damaged.
        """
        if not folder.exists():
            raise BundleError(
                f"there is no bundle at {folder}: make one with 'palate train DS --model NAME --out {folder}'"
            )
        if not (folder / NAME).is_file():
            raise BundleError(
                f"{folder} is no bundle: it has no {NAME}; give the folder that 'palate train --out' wrote"
            )
        manifest = cls._parsed(folder)
        manifest._check_files(folder)
        return manifest

    @classmethod
    def _parsed(cls, folder: Path) -> Self:
        try:
            plain = read_json(folder / NAME)
        except StoreError as error:
            raise BundleError(f"the bundle {folder} is damaged ({NAME} is not JSON): make it again") from error
        if not isinstance(plain, dict) or not isinstance(plain.get("format"), int):
            raise BundleError(f"{folder} is no bundle: its {NAME} names no format")
        version = str(plain.get("palate", "?"))
        if plain["format"] != FORMAT or version.split(".")[0] != palate.__version__.split(".")[0]:
            raise BundleError(
                f"the bundle {folder} was written by Palate {version} in format {plain['format']} and this is Palate "
                f"{palate.__version__} with format {FORMAT}: train it again, or open it with that version"
            )
        try:
            return cls.of(plain)
        except ConfigError as error:
            raise BundleError(f"the bundle {folder} is damaged ({error}): make it again") from error

    def _check_files(self, folder: Path) -> None:
        for name, seal in self.files.items():
            path = folder / name
            if not path.is_file():
                raise BundleError(f"the bundle {folder} lacks the file {name}: make it again")
            if file_fingerprint(path) != seal:
                raise BundleError(f"the bundle {folder} is damaged ({name} is not what was written): make it again")


def _finite(value: Any) -> Any:
    """Put null for numbers that JSON has no word for, such as the AUC of a model that could not be judged."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
