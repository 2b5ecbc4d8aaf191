"""What recommenders with a network share: how they are trained, and how two tables of vectors score without torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import numpy as np
from pydantic import PositiveInt

from palate.core.rng import generator
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries, Run
from palate.models._base import Model
from palate.nn import device
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.config import TrainingConfig
from palate.training.judge import Scores

if TYPE_CHECKING:
    from palate.training.batches import Batches
    from palate.training.loop import History, Network
    from palate.training.samplers import Sampler


class DeepConfig(TrainingConfig):
    """What every model with a network can be told."""

    dim: PositiveInt = 64
    """Width of a vector."""


K = TypeVar("K", bound=DeepConfig)
_KEPT = ("own", "message", "vectors", "known", "placed")
_RIDGE = 1e-3
"""Of the map from histories to people, as a share of the mean eigenvalue."""


class VectorNetwork(ABC):
    """Base of the networks that score by products of vectors."""

    weights: Weights
    placed: Mask
    """bool[n_items]: which items have a vector."""

    @abstractmethod
    def final(self) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items whose products are the scores, as the network stands."""

    def scorer(self) -> Scores:
        """Return what scores all items for users, as the network stands."""
        people, items = self.final()

        def scores(users: Codes) -> Floats:
            return np.asarray((people[torch.from_numpy(users).long()] @ items.T).cpu().numpy(), dtype=np.float32)

        return scores


class DeepModel(Model[K]):
    """Base of the models with a network: how it is built, trained and taken over."""

    extra = "deep"
    knows_people = True

    epochs: int
    """For how many epochs its weights had learned."""
    history: History
    """How it went; of a fitted model, not of one that was opened."""

    @abstractmethod
    def _network(self, train: Dataset, rng: np.random.Generator) -> Network:
        """Build the network over the training data."""

    @abstractmethod
    def _take(self, network: Any, train: Dataset) -> None:
        """Take over from a trained network what scoring needs."""

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        from palate.training import memory

        with device.on(device.device_for(run.device)), memory.told(self.name, self.config, train):
            self._learn(train, valid, run)

    def _learn(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        from palate.training.judge import Judge
        from palate.training.loop import Settings
        from palate.training.loop import train as descend
        from palate.training.samplers import registry as samplers

        config = self.config
        kind = samplers.get(config.sampler)
        drawn = {"count": config.negatives} if "count" in kind.config_type.model_fields else {}
        network = self._network(train, generator(run.seed, self.name))
        batches = self._batches(network, train, kind(**drawn))
        judge = None if valid is None else Judge(train, valid, config.judge_by)
        settings = Settings.of(run, self.name, config, train, valid)
        taught = self._taught(network, train)
        self.history = descend(taught, batches, config, judge if judge and len(judge.users) else None, settings)
        self.epochs = max(1, self.history.best_epoch)
        self._take(network, train)

    def _taught(self, network: Any, train: Dataset) -> Network:
        """Return the network as it learns."""
        return cast("Network", network)

    def _batches(self, network: Any, train: Dataset, sampler: Sampler[Any]) -> Batches:
        """Return the likes of an epoch in batches."""
        from palate.training.batches import Batches

        return Batches(train.liked, sampler, self.config.batch_size, balance_items=self.config.balance_items)

    def settled(self) -> Self:
        """Return an unfitted model that learns for as many epochs as validation found best, and looks at it no more."""
        return type(self)(self.config.model_copy(update=self._chosen()))

    def _chosen(self) -> dict[str, Any]:
        """Return the settings that validation chose."""
        return {"epochs": self.epochs, "patience": 0, "seconds": None}


def said_by(history: CSR, message: Floats) -> Floats:
    """Return what histories say: (sum of message[i] over the history) / sqrt(its length).

    Shapes:
        history: sparse[q, n], ones; message: float32[n, d] -> float32[q, d].
    """
    weight = (1 / np.sqrt(np.maximum(np.diff(history.indptr), 1))).astype(np.float32)[:, None]
    return np.asarray(history @ message, dtype=np.float32) * weight


class VectorModel(DeepModel[K]):
    """Base of the models that score by products of a person's vector and an item's.

    A person's vector is `own[user] + (sum of message[i] over the history) / sqrt(length of the history)`, so that what
    was liked since the training counts too, and a new person, whose own vector is 0, is served. With the history of
    the training it is what the network had. Scoring needs numpy alone.

    Shapes:
        own: float32[n_users, d]; message: float32[n_items, d]; vectors: float32[n_items, d].
    Missing data:
        NaN for items that training showed nothing of, and for people with neither a history nor a vector of their own.
    """

    own: Floats
    message: Floats
    vectors: Floats
    known: Mask
    """bool[n_users]: who has a vector of their own."""
    placed: Mask
    """bool[n_items]: which items can be scored."""

    def _take(self, network: Any, train: Dataset) -> None:
        """Take over from a trained network: own, message, vectors, known and placed."""
        with torch.no_grad():
            users, items = (side.cpu().numpy() for side in network.final())
        self._keep(users, items, network.placed, train)

    def _keep(self, users: Floats, items: Floats, placed: Mask, train: Dataset) -> None:
        """Keep the vectors of a network in which a person's is no sum over the history.

        The part of it that follows from the history is found by ridge regression, and is what a new person gets; the rest
        is the person's own. With the history of the training the two add up to what the network had.

        Shapes:
            users: float32[n_users, d]; items: float32[n_items, d]; placed: bool[n_items].
        """
        self.known = np.diff(train.liked.indptr) > 0
        self.placed, self.vectors = placed, items
        sums = said_by(train.history, items)
        gram = (sums.T @ sums).astype(np.float64)
        np.einsum("nn->n", gram)[:] += max(_RIDGE * float(np.trace(gram)) / len(gram), 1e-30)
        turn = np.linalg.solve(gram, (sums.T @ users).astype(np.float64)).astype(np.float32)
        self.message = items @ turn
        self.own = np.where(self.known[:, None], users - sums @ turn, 0).astype(np.float32)

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return products of people's vectors and items'; float32[q, n]."""
        chosen = slice(None) if items is None else items
        scores = np.asarray(self._people(queries) @ self.vectors[chosen].T, dtype=np.float32)
        scores[:, ~self.placed[chosen]] = np.nan
        scores[self._strangers(queries)] = np.nan
        return scores

    def _people(self, queries: Queries) -> Floats:
        """Return the vectors of people; float32[q, d]."""
        lengths = np.maximum(np.diff(queries.history.indptr), 1)
        people = np.asarray(queries.history @ self.message, dtype=np.float32)
        people /= np.sqrt(lengths).astype(np.float32)[:, None]
        own = queries.user >= 0
        people[own] += self.own[queries.user[own]]
        return people

    def _strangers(self, queries: Queries) -> Mask:
        """Tell of whom nothing is known; bool[q]."""
        known = (queries.user >= 0) & self.known[queries.user]
        return np.asarray(~known & (queries.history @ self.placed.astype(np.float32) == 0))

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked, exactly; what is left is of the person's own vector."""
        if not self.placed[item] or self._strangers(query)[0]:
            return Explanation(np.nan)
        amounts, own = self._amounts(query, item)
        liked = dict(zip(query.history.indices.tolist(), amounts.tolist(), strict=True))
        told = "behaviour" if (self.liked.indices == item).any() else "content"
        parts = {told: float(amounts.sum()), **({"person": own} if own else {})}
        return Explanation(sum(parts.values()), liked, parts, own)

    def _amounts(self, query: Queries, item: int) -> tuple[Floats, float]:
        """Return what each past like adds to a score, and what the person's own vector does; float32[h]."""
        history, vector = query.history.indices, self.vectors[item]
        amounts = self.message[history] @ vector / np.float32(np.sqrt(max(1, len(history))))
        user = query.user[0]
        return amounts, float(self.own[user] @ vector) if user >= 0 else 0.0

    def state(self) -> State:
        """The vectors of people and items, and for how long they were learned."""
        arrays = {name: getattr(self, name) for name in _KEPT}
        return State(arrays, {"epochs": self.epochs})

    def load_state(self, state: State) -> Self:
        """Take over the vectors of people and items."""
        for name in _KEPT:
            setattr(self, name, state.arrays[name])
        self.epochs = state.meta["epochs"]
        return self
