"""A fitted recommender with all that it needs to answer, as a value and as a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from palate.bundle.build import described, model_of
from palate.bundle.manifest import NAME, Manifest, Place
from palate.bundle.recipe import Recipe
from palate.complete import Completer
from palate.complete import registry as completers
from palate.core.errors import BundleError, DataError
from palate.core.files import replacing_folder
from palate.core.fingerprint import fingerprint
from palate.core.ids import IdMap
from palate.core.part import Part
from palate.core.registry import Registry
from palate.core.state import State, pack_csr, unpack_csr
from palate.core.types import Mask
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.folder import load, load_features, save_features
from palate.data.interactions import Interactions
from palate.data.positive import Positive
from palate.data.split._base import Split
from palate.models import Model
from palate.standardise import Standardiser
from palate.standardise import registry as standardisers

P = TypeVar("P", bound=Part[Any])


@dataclass(frozen=True, eq=False)
class Bundle:
    """A fitted model, the data it was fitted on, and how it was made.

    A folder: `manifest.json`, `recipe.toml`, `model.safetensors` and `.json`, `histories.safetensors`, `users.parquet`,
    `items.parquet` (ids and catalogue), `events.parquet`, `features/<part>/`; `completer.safetensors` and `.json` where one was used,
    `standardiser.safetensors` and `.json` likewise.

    Example:
        >>> bundle = Bundle.of(model, data)                 # doctest: +SKIP
        >>> bundle.save("shop.palate")                      # doctest: +SKIP
        >>> Bundle.open("shop.palate").model                # doctest: +SKIP
    """

    model: Model[Any]
    data: Dataset
    """What the model was fitted on: its interactions, all items, and the parts of items (those of interactions pooled)."""
    manifest: Manifest
    recipe: Recipe
    path: Path | None = None
    """Where it was opened."""
    completer: Completer[Any] | None = None
    """What estimated the parts that items lacked, where anything did; `data` have these as they are known, without estimates."""
    standardiser: Standardiser[Any] | None = None
    """What brought the dimensions of parts to a common scale, where anything did by name; `data` have these as an encoder made them."""

    @classmethod
    def of(
        cls,
        model: Model[Any],
        data: Dataset,
        split: Split | None = None,
        recipe: Recipe | None = None,
        metrics: Mapping[str, Any] | None = None,
        completer: Completer[Any] | None = None,
        standardiser: Standardiser[Any] | None = None,
    ) -> Bundle:
        """Take a fitted model and the dataset that it comes from.

        Args:
            model: fitted on the data or on the training part of a split of them.
            data: the whole dataset.
            split: the split, where there was one; evaluation then knows which part is test.
            recipe: how it was made; told from the model where it is not given.
            metrics: what was measured, to be kept beside it.
            completer: fitted, where one estimated what items lack before the model saw them.
            standardiser: fitted, where the model saw parts as it had standardised them.

        Raises:
            DataError: the model is not fitted, or was fitted on other users and items.
        """
        if not hasattr(model, "items"):
            raise DataError(f"the model {model.name} is not fitted: call fit first")
        if model.users != data.users or model.items != data.items:
            raise DataError(
                "the model was fitted on other users and items than the data have: give the data it comes from"
            )
        recipe = recipe or Recipe.of(
            described(model) | ({} if split is None else {"how": split.how, "seed": split.seed})
        )
        source = data if split is None else split.refit().train if recipe.protocol == "refit" else split.train
        fitted = source.take_interactions(_met(source.interactions, model))
        parts = _item_parts(data, fitted)
        data = data.without_features(*(set(data.features) - set(parts)))
        manifest = Manifest(
            name=data.name,
            licence=data.licence,
            positive=data.positive.rule,
            model=model.spec(),
            recipe=recipe.model_dump(mode="json", exclude_none=True),
            parts=tuple(parts),
            types=dict(data.catalogue.types),
            data=data.fingerprint,
            split=None if split is None else _split_fingerprint(split),
            metrics=dict(metrics or {}),
            completer=None if completer is None else completer.spec(),
            standardiser=None if standardiser is None else standardiser.spec(),
        )
        kept = replace(data, interactions=fitted.interactions, features=parts)
        return cls(model, kept, manifest, recipe, completer=completer, standardiser=standardiser)

    def save(self, path: Path | str) -> Path:
        """Write the bundle in place of `path`, all or nothing.

        Raises:
            StoreError: the disk is full or refuses; what stood there is untouched.
            BundleError: something that is not a bundle stands there.
        """
        path = Path(path)
        self.refuse_foreign(path)
        root, media = self.data.root, self.data.catalogue.root
        places = {
            "dataset": None if root is None else Place.seen_from(root, path),
            "media": None if media is None else Place.seen_from(media, path),
        }
        with replacing_folder(path) as aside:
            self.recipe.save(aside / "recipe.toml")
            self.model.state().save(aside, "model")
            for name, part in (("completer", self.completer), ("standardiser", self.standardiser)):
                if part is not None:
                    part.state().save(aside, name)
            histories = {**pack_csr("liked", self.model.liked), **pack_csr("seen", self.model.seen)}
            State(histories).save(aside, "histories")
            self.data.users.series.alias("user_id").to_frame().write_parquet(aside / "users.parquet")
            _items(self.data).write_parquet(aside / "items.parquet")
            _events(self.data.interactions).write_parquet(aside / "events.parquet")
            for name, table in self.data.features.items():
                save_features(aside, name, table, self.data.items)
            self.manifest.model_copy(update=places).sealed(aside).write(aside)
        return path

    @classmethod
    def open(cls, path: Path | str) -> Bundle:
        """Read a bundle.

        Raises:
            BundleError: there is none, it is damaged, or another version wrote it; the message says which.
        """
        path = Path(path)
        manifest = Manifest.read(path)
        recipe = Recipe.load(path / "recipe.toml")
        table = pl.read_parquet(path / "items.parquet", memory_map=False)
        users = IdMap(pl.read_parquet(path / "users.parquet", memory_map=False)["user_id"].to_list())
        items = IdMap(table["item_id"].to_list())
        media = None if manifest.media is None else manifest.media.find(path)
        data = Dataset(
            users,
            items,
            _interactions(pl.read_parquet(path / "events.parquet", memory_map=False)),
            Catalogue(table, manifest.types, media),
            features=load_features(path, items, users),
            positive=Positive(rule=manifest.positive),
            name=manifest.name,
            licence=manifest.licence,
            root=None if manifest.dataset is None else manifest.dataset.find(path),
        )
        histories = State.load(path, "histories").arrays
        model = model_of(manifest.model)
        model.load_state(State.load(path, "model"))
        model.remember(users, items, unpack_csr("liked", histories), unpack_csr("seen", histories))
        completer = _fitted(completers, manifest.completer, path, "completer")
        standardiser = _fitted(standardisers, manifest.standardiser, path, "standardiser")
        return cls(model, data, manifest, recipe, path, completer, standardiser)

    @cached_property
    def standardised(self) -> Dataset:
        """The data with the parts of items on the scale on which the model saw them, but without estimates; `data` where none was named."""
        if self.standardiser is None:
            return self.data
        parts = {name: self.data.part(name) for name in self.standardiser.parts}
        return self.data.with_features(**self.standardiser.standardise(parts))

    def dataset(self, folder: Path | str | None = None) -> Dataset:
        """Load the whole dataset that the model comes from, and make sure that it has not changed since.

        Args:
            folder: where it is now; the place it was trained from, where none is given.

        Raises:
            BundleError: it is gone, or it is not the same data.
        """
        place = self.data.root if folder is None else Path(folder)
        if place is None:
            was = "" if self.manifest.dataset is None else f" (it was at {self.manifest.dataset.absolute})"
            raise BundleError(f"the dataset folder of this bundle is not there{was}: give its place")
        whole = replace(load(place), positive=Positive(rule=self.manifest.positive))
        data = whole.without_features(*(set(whole.features) - set(self.manifest.parts)))
        if data.fingerprint != self.manifest.data:
            raise BundleError(
                f"the dataset at {place} is not the one that this bundle was trained on, or has changed since: "
                "give the place of the unchanged one, or train again"
            )
        return data

    def split(self, folder: Path | str | None = None) -> Split:
        """Cut the whole dataset again as it was cut for training, and make sure that it came out the same.

        Args:
            folder: where the dataset is now; the place it was trained from, where none is given.

        Raises:
            BundleError: the dataset is gone or has changed, or the model was fitted without a split.
        """
        if self.manifest.split is None:
            raise BundleError(
                "this bundle was made without a split, so that nothing was held back to judge it by: "
                "train it with 'palate train', or give Bundle.of a split"
            )
        cut = self.recipe.split(self.dataset(folder))
        if _split_fingerprint(cut) != self.manifest.split:
            raise BundleError("the split of this bundle cannot be made again by its recipe: train it again")
        return cut

    @staticmethod
    def refuse_foreign(path: Path) -> None:
        """Refuse to write a bundle over something else.

        Raises:
            BundleError: what stands at `path` is neither a bundle nor an empty folder.
        """
        if path.is_dir() and ((path / NAME).is_file() or not any(path.iterdir())):
            return
        if path.exists():
            raise BundleError(f"{path} exists and is no bundle, so it is not replaced: choose another place")

    def __repr__(self) -> str:
        return f"Bundle({self.model!r}, {self.manifest.name!r}, {len(self.data.users):,} users, {len(self.data.items):,} items)"


def _fitted(registry: Registry[P], spec: Mapping[str, Any] | None, path: Path, name: str) -> P | None:
    """Return the part of a bundle that was saved under a name, with what it learned; None where none was."""
    return None if spec is None else registry.get(spec["name"])(**spec["settings"]).load_state(State.load(path, name))


def _split_fingerprint(split: Split) -> str:
    return fingerprint(*(part.interactions.fingerprint for part in (split.train, split.valid, split.test)))


def _item_parts(data: Dataset, fitted: Dataset) -> dict[str, FeatureTable]:
    """Return the parts of items by name; those of interactions pooled over what the model was fitted on."""
    own = {name: table for name, table in data.features.items() if table.of == "items"}
    reviews = tuple(name for name in data.part_names() if name not in own and name in fitted.features)
    pooled = fitted.item_parts(reviews) if reviews else {}
    return dict(sorted({**own, **pooled}.items()))


def _met(interactions: Interactions, model: Model[Any]) -> Mask:
    """Tell the rows of pairs that the model knows: where no split is given, this leaves out what was held back."""
    # Copies: scipy wants to mark its index arrays writeable, and those that polars hands out refuse.
    users, items = np.array(interactions.user), np.array(interactions.item)
    pairs = model.seen[users, items] if len(interactions) else np.zeros(0)
    return np.asarray(np.asarray(pairs).ravel() > 0)


def _items(data: Dataset) -> pl.DataFrame:
    table = data.catalogue.table
    rest = table.drop("item_id") if "item_id" in table.columns else table
    return pl.DataFrame([data.items.series.alias("item_id"), *rest.get_columns()])


def _events(interactions: Interactions) -> pl.DataFrame:
    columns = {"user": interactions.user, "item": interactions.item, "weight": interactions.weight}
    frame = pl.DataFrame(columns)
    if interactions.time is not None:
        frame = frame.with_columns(pl.Series("timestamp", interactions.time))
    for name in ("event_id", "kind"):
        column = interactions.column(name)
        if column is not None:
            frame = frame.with_columns(column.cast(pl.String).alias(name))
    return frame


def _interactions(frame: pl.DataFrame) -> Interactions:
    rest = [name for name in ("event_id", "kind") if name in frame.columns]
    return Interactions(
        frame["user"].to_numpy(),
        frame["item"].to_numpy(),
        frame["weight"].to_numpy(),
        frame["timestamp"].to_numpy() if "timestamp" in frame.columns else None,
        frame.select(rest) if rest else None,
    )
