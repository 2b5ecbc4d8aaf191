"""What all ways to fine-tune share: which likes teach, how the engine is run, and what comes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

import numpy as np

from palate.core.errors import DataError
from palate.core.part import Part
from palate.core.rng import generator
from palate.core.types import CSR, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.encoders._changes import Change, Side
from palate.encoders._tuned import Tuning
from palate.finetune._config import TunerConfig
from palate.fusion._tastes import of_things
from palate.interfaces import Run
from palate.linalg.standard import Standard, trained_rows, varies
from palate.nn import device

if TYPE_CHECKING:
    from palate.encoders.pipeline.states import Behind
    from palate.training.loop import History

K = TypeVar("K", bound=TunerConfig)
_FEWEST = 20
"""Likes with which it is worth to begin."""


class Tuner(Part[K], ABC):
    """Base of the ways to fine-tune: `_change` is what a new one writes, and `states` where it reads hidden states.

    What is learned is learned from the training part alone: its likes, and the vectors of the items that are met in it. Validation may
    only say when to stop; where it sees no gain at all, the vectors stay as they were.

    Raises:
        DataError: too few like two things at least that have the part, or its vectors are all the same.
    """

    extra: ClassVar[str] = "deep"

    tuning: Tuning
    """What was learned."""
    history: History
    """How it went; of a fitted one."""

    @abstractmethod
    def _change(self, table: FeatureTable, states: Behind | None) -> Change:
        """Return what is to be learned for such vectors and states."""

    def states(self, data: Dataset, part: str) -> Behind | None:
        """Return what gives hidden states by codes; None where vectors alone are read."""
        return None

    def fit(self, train: Dataset, valid: Dataset | None = None, run: Run | None = None, *, part: str) -> Self:
        """Learn from the likes of `train`; validation stops early."""
        run = run or Run()
        table = train.item_parts((part,))[part]
        liked = teaching(train, table, part)
        states = self.states(train, part)
        self.tuning = self._begun(table, states, train, part)
        with device.on(device.device_for(run.device)):
            self._learn(table, states, liked, train, valid, run)
        return self

    def _begun(self, table: FeatureTable, states: Behind | None, train: Dataset, part: str) -> Tuning:
        """Return a change that has learned nothing yet.

        Raises:
            DataError: the vectors are the same for all items.
        """
        trained = table.present & trained_rows(train, "items")
        standard, change = Standard.of(table, trained), self._change(table, states)
        spread = table.values[trained].std(axis=0, dtype=np.float64)
        size = np.where(varies(spread, standard.mean), standard.scale, 0).astype(np.float32)
        if not size.any():
            raise DataError(
                f"the vectors of the part '{part}' are the same for all items of training, so that none can be told from another: "
                "choose another part"
            )
        begun = Tuning(change, {}, standard.mean, standard.scale, size, {"part": part})
        if states is None or not isinstance(change, Side):
            return begun
        flat = states(np.flatnonzero(trained).astype(np.int32))[:, change.layers].reshape(int(trained.sum()), -1)
        own = Standard.of(FeatureTable(flat, np.ones(len(flat), bool), ""), np.ones(len(flat), bool))
        mean, scale = (values.reshape(len(change.layers), -1) for values in (own.mean, own.scale))
        return replace(begun, state_mean=mean, state_scale=scale)

    def _learn(
        self, table: FeatureTable, states: Behind | None, liked: CSR, train: Dataset, valid: Dataset | None, run: Run
    ) -> None:
        from palate.finetune._together import Pulling, Together
        from palate.training.judge import Judge
        from palate.training.loop import Settings
        from palate.training.loop import train as descend
        from palate.training.samplers import registry as samplers

        config, label = self.config, f"fine-tune-{self.name}"
        kind = samplers.get(config.sampler)
        drawn = {"count": config.negatives} if "count" in kind.config_type.model_fields else {}
        rng = generator(run.seed, label)
        network = Pulling(config, self.tuning, table, states, liked, trained_rows(train, "items"), rng)
        sampler, balance = kind(**drawn), config.balance_items
        batches = Together(liked, sampler, config.batch_size, config.history, balance_items=balance)
        judge = None if valid is None else Judge(train, valid, config.judge_by)
        judge = judge if judge is not None and len(judge.users) else None
        settings = Settings.of(run, label, config, train, valid)
        unmoved = network.weights.arrays()
        frozen = -np.inf if judge is None else judge(network.scorer())
        self.history = descend(network, batches, config, judge, settings)
        if self.history.best_value is not None and self.history.best_value <= frozen:
            network.weights.load(unmoved)
            self.history.best_epoch, self.history.best_value = 0, frozen
        self.tuning = replace(self.tuning, learned=network.weights.arrays())


def teaching(train: Dataset, table: FeatureTable, part: str) -> CSR:
    """Return the likes of items that have the part, of people who like two of them at least; sparse[n_users, n_items].

    Raises:
        DataError: there are too few.
    """
    liked = of_things(train.liked, table.present)
    enough = np.diff(liked.indptr) >= 2
    left = of_people(liked, enough)
    if left.nnz < _FEWEST:
        raise DataError(
            f"{left.nnz} likes are of items with the part '{part}' and of people who like two of them at least, and {_FEWEST} are the "
            "fewest to learn from: encode more of the items, or bring more interactions"
        )
    return left


def of_people(liked: CSR, chosen: Mask) -> CSR:
    """Return the same matrix, in which others than the chosen like nothing."""
    return of_things(liked.T.tocsr(), chosen).T.tocsr()


def changed(table: FeatureTable, tuning: Tuning, states: Behind | None = None) -> Floats:
    """Return the vectors of all items as fine-tuning has them; zeros where absent."""
    codes = np.flatnonzero(table.present).astype(np.int32)
    values = np.zeros_like(table.values)
    for block in np.array_split(codes, -(-len(codes) // 4096)) if len(codes) else ():
        values[block] = tuning.applied(table.values[block], None if states is None else states(block))
    return values
