"""A dataset cut in three, and what every splitter shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field, model_validator

from palate.core.config import Config
from palate.core.errors import ConfigError, DataError
from palate.core.fingerprint import fingerprint
from palate.core.part import Part
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.interactions import LABELS
from palate.data.taught import refuse_taught

TRAIN, VALID, TEST = 0, 1, 2
Labels = npt.NDArray[np.int8]
Index = npt.NDArray[np.int64]
C = TypeVar("C", bound=Config)


class Shares(Config):
    """What goes to validation and to test; the rest is for training."""

    valid: float = Field(0.1, ge=0, lt=1)
    """Share that goes to validation."""
    test: float = Field(0.1, gt=0, lt=1)
    """Share that goes to test."""

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        if self.valid + self.test >= 1:
            raise ConfigError(f"valid was {self.valid:g} and test {self.test:g}: together they must stay below 1")
        return self


@dataclass(frozen=True, eq=False)
class Split:
    """Train, validation and test: the same users, items and features, other interactions.

    Training takes `train` (and `valid` to choose); only evaluation opens `test`.
    """

    train: Dataset
    valid: Dataset
    test: Dataset
    how: str
    """The protocol's name: random-per-user, leave-last-out, global-time, cold-items, as-labelled."""
    seed: int = 0

    def __repr__(self) -> str:
        sizes = (f"{name} {len(getattr(self, name).interactions):,}" for name in LABELS)
        return f"Split({self.how}, seed {self.seed}: {', '.join(sizes)})"

    @property
    def fingerprint(self) -> str:
        """Digest of all three."""
        return fingerprint(self.how, self.seed, self.train.fingerprint, self.valid.fingerprint, self.test.fingerprint)

    def refit(self) -> Split:
        """Return the split whose training part holds validation too (the `refit` protocol)."""
        return replace(self, train=self.train.joined(self.valid))


class Splitter(Part[C]):
    """Base of splitters: gives each interaction a label, 0 train, 1 valid, 2 test.

    All rows of one user and item get the same label, so that nothing in test was seen in training.
    """

    def labels(self, data: Dataset, rng: np.random.Generator) -> Labels:
        """Return int8[n], one label a row of `data.interactions`."""
        raise TypeError(f"{type(self).__name__} must define labels(data, rng)")

    def labels_of(self, data: Dataset, seed: int = 0) -> Labels:
        """Return the labels under a seed.

        Raises:
            DataError: train or test would be empty, or the dataset lacks what the splitter needs.
        """
        if not len(data.interactions):
            raise DataError(f"'{data.name}' has no interactions to split: it is a catalogue only")
        labels = self.labels(data, generator(seed, "split", self.name))
        for part in (TRAIN, TEST):
            if not (labels == part).any():
                raise DataError(
                    f"'{self.name}' leaves {LABELS[part]} empty: the {len(labels):,} interactions of "
                    f"{len(data.users):,} users in '{data.name}' are too few for it, try another way to split"
                )
        return labels

    def split(self, data: Dataset, seed: int = 0) -> Split:
        """Cut a dataset in three.

        Raises:
            DataError: train or test would be empty, the dataset lacks what the splitter needs, or an encoder has
                learned from interactions that would come into the test, or a part from those of another cut.
        """
        labels = self.labels_of(data, seed)
        if self.name != "as-labelled":
            _refuse_learned(data)
        train, valid, test = (data.take_interactions(labels == part) for part in range(3))
        refuse_taught(data, train, f"--how {self.name} --seed {seed}")
        return Split(train, valid, test, self.name, seed)


def _refuse_learned(data: Dataset) -> None:
    """Refuse parts whose encoder has learned from the training rows of the split column, which another cut mixes up."""
    for name, table in data.features.items():
        if table.of == "interactions" and table.encoder is not None and table.encoder.state.arrays:
            raise DataError(
                f"the part '{name}' was learned by '{table.encoder.name}' from the training rows of the split column: "
                f"cut with as-labelled, encode with one that learns nothing, such as use, or remove features/{name}"
            )


@dataclass(frozen=True, eq=False)
class Pairs:
    """The distinct pairs of user and item, sorted by user and then item.

    Shapes:
        user, item: int64[p]; of_row: int64[n], the pair of each interaction.
    """

    user: Index
    item: Index
    of_row: Index

    @classmethod
    def of(cls, data: Dataset) -> Pairs:
        """Find them."""
        width = max(len(data.items), 1)
        keys = data.interactions.user.astype(np.int64) * width + data.interactions.item
        distinct, of_row = np.unique(keys, return_inverse=True)
        return cls(distinct // width, distinct % width, of_row.astype(np.int64))

    def last_time(self, data: Dataset) -> Index:
        """Return the time of each pair's last interaction; int64[p]."""
        assert data.interactions.time is not None
        last = np.full(len(self.user), np.iinfo(np.int64).min)
        np.maximum.at(last, self.of_row, data.interactions.time)
        return last

    def last_row(self) -> Index:
        """Return the last row of each pair; int64[p]."""
        last = np.zeros(len(self.user), dtype=np.int64)
        last[self.of_row] = np.arange(len(self.of_row))
        return last


def rank_in_group(group: Index) -> tuple[Index, Index]:
    """Return each row's place in its group and its group's size; rows of a group must stand together.

    Example:
        >>> [part.tolist() for part in rank_in_group(np.array([4, 4, 4, 7]))]
        [[0, 1, 2, 0], [3, 3, 3, 1]]
    """
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(group)])
    return np.arange(len(group)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)


def need_times(data: Dataset, how: str) -> npt.NDArray[np.int64]:
    """Return the times of the interactions.

    Raises:
        DataError: there are none.
    """
    if data.interactions.time is None:
        raise DataError(
            f"'{how}' needs a timestamp for each interaction and '{data.name}' has none: use random-per-user or cold-items"
        )
    return data.interactions.time


def label_column(labels: Labels) -> pl.Series:
    """Return labels as the text column that a dataset folder keeps."""
    return pl.Series("split", np.array(LABELS)[labels].tolist(), dtype=pl.String)
