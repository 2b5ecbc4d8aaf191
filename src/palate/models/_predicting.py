"""What networks with several tasks come to: arrays, by which numpy alone ranks items and foretells pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeVar

import numpy as np

from palate.core.errors import RequestError
from palate.core.state import Array, State
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Queries
from palate.linalg.products import ones_where
from palate.models._deep import DeepConfig, DeepModel
from palate.models._outcomes import OutcomesConfig
from palate.models._pointwise import sigmoid

_CELLS = 8_000_000


class PredictingConfig(OutcomesConfig, DeepConfig):
    """What a model that ranks and foretells can be told."""


K = TypeVar("K", bound=PredictingConfig)


class Frozen(ABC):
    """A trained network as arrays.

    Shapes:
        placed: bool[n_items], what can be scored; known: bool[n_users], who has a vector; heads: float32[tasks, width].
    """

    def __init__(self, arrays: Mapping[str, Array], tasks: Sequence[str], parts: Sequence[str]) -> None:
        self.arrays, self.tasks, self.parts = arrays, tuple(tasks), tuple(parts)

    @abstractmethod
    def outcome(self, task: str, queries: Queries, history: CSR, codes: Codes) -> Floats:
        """Return what the head of a task says, without levels; history: ones at what was liked and can be scored."""

    def score(self, queries: Queries, items: Codes | None) -> Floats:
        """Return what the head of the ranking says, or that of an outcome where nothing else was learned; float32[q, n]."""
        codes = np.arange(len(self.arrays["placed"]), dtype=np.int32) if items is None else items
        return self._said(self.tasks[0], queries, codes)

    def predict(self, task: Literal["click", "rating"], queries: Queries, rows: Codes, items: Codes) -> Floats:
        """Foretell pairs; int32[n] each -> float32[n]."""
        arrays = self.arrays
        codes, place = np.unique(items, return_inverse=True)
        level = np.where(queries.user >= 0, arrays[f"users {task}"][np.maximum(queries.user, 0)], np.float32(0))
        found = np.asarray(level[rows] + arrays[f"items {task}"][items], dtype=np.float32)
        step = max(1, _CELLS // max(1, len(codes)))
        for start in range(0, len(queries), step):
            part = Queries(queries.history[start : start + step], queries.user[start : start + step])
            mine = (rows >= start) & (rows < start + step)
            found[mine] += self._said(task, part, codes)[rows[mine] - start, place[mine]]
        if task == "rating":
            low, high = arrays["bounds rating"]
            return np.clip(found, low, high).astype(np.float32)
        return sigmoid(found.astype(np.float64)).astype(np.float32)

    def people(self, own: str, message: str, queries: Queries, history: CSR) -> Floats:
        """Return vectors of people: their own, and what the history adds over the root of its length; float32[q, d]."""
        lengths = np.maximum(np.diff(history.indptr), 1).astype(np.float32)
        people = np.asarray(history @ self.arrays[message], dtype=np.float32)
        people /= np.sqrt(lengths)[:, None]
        mine = queries.user >= 0
        people[mine] += self.arrays[own][queries.user[mine]]
        return people

    def usable(self, queries: Queries) -> CSR:
        """Return ones at what was liked and can be scored; sparse[q, n_items]."""
        return ones_where(queries.history, self.arrays["placed"])

    def _said(self, task: str, queries: Queries, codes: Codes) -> Floats:
        history = self.usable(queries)
        said = self.outcome(task, queries, history, codes)
        said[:, ~self.arrays["placed"][codes]] = np.nan
        said[self.strangers(queries, history)] = np.nan
        return said

    def strangers(self, queries: Queries, history: CSR) -> Mask:
        """Tell of whom nothing is known; bool[q]."""
        known = (queries.user >= 0) & self.arrays["known"][queries.user]
        return np.asarray(~known & (np.diff(history.indptr) == 0))


class PredictingModel(DeepModel[K]):
    """Base of the networks that rank items and also foretell what comes of a pair."""

    requires = frozenset({"interactions", "features"})
    frozen_type: ClassVar[type[Frozen]]
    frozen: Frozen

    @property
    def predicts(self) -> Literal["click", "rating"]:
        """Whether predictions are probabilities of a like, or ratings."""
        return self.config.target

    def _take(self, network: Any, train: Dataset) -> None:
        self.frozen = network.frozen()

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return what ranks items for people; float32[q, n]."""
        return self.frozen.score(queries, items)

    def predict(self, queries: Queries, rows: Codes, items: Codes) -> Floats:
        """Foretell pairs: the probability of a like, or a rating between the lowest and the highest seen.

        Where the training data hold dislikes, a probability is of a like among what is met; where they hold none, among one
        like and `negatives` others.

        Shapes:
            rows: int32[n], rows of queries; items: int32[n] -> float32[n].
        Missing data:
            NaN for an item with neither likes nor parts, and for people of whom nothing is known.
        Raises:
            RequestError: it did not learn to.
        """
        if self.predicts not in self.frozen.tasks:
            raise RequestError(
                f"this {self.name} did not learn to foretell {self.predicts}s, as tasks gave these no weight: train it with "
                f"tasks={{'{self.predicts}': 1}}"
            )
        return self.frozen.predict(self.predicts, queries, rows, items)

    def state(self) -> State:
        """What the network came to, and for how long it was learned."""
        frozen = self.frozen
        meta = {"epochs": self.epochs, "tasks": list(frozen.tasks), "parts": list(frozen.parts)}
        return State(dict(frozen.arrays), meta)

    def load_state(self, state: State) -> Self:
        """Take over what the network came to."""
        self.frozen = self.frozen_type(state.arrays, state.meta["tasks"], state.meta["parts"])
        self.epochs = state.meta["epochs"]
        return self
