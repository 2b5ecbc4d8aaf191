"""What a change of vectors is learned by: things that the same people like should lie near each other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.features import FeatureTable
from palate.encoders._changes import Changing
from palate.encoders._tuned import Tuning
from palate.encoders.pipeline.states import Behind
from palate.finetune._config import TunerConfig
from palate.linalg.neighbours import nearest
from palate.linalg.standard import Standard
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.nn.noise import dropped
from palate.training.batches import Batches
from palate.training.judge import Scores
from palate.training.pairs import Batch, multiplied
from palate.training.ranking import ranking_loss
from palate.training.samplers import Sampler

_BLOCK = 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class Beside(Batch):
    """Likes, and some of what else the same people like.

    Shapes:
        beside: int32[b, h], items that the user of each like likes too, drawn with replacement.
    """

    beside: Codes


class Together(Batches):
    """Every like of people with at least two, each with some of the others.

    Shapes:
        liked: sparse[n_users, n_items]; `history` is how many others are drawn for each like.
    """

    def __init__(
        self, liked: CSR, sampler: Sampler[Any], size: int, history: int, *, balance_items: float = 0.0
    ) -> None:
        super().__init__(liked, sampler, size, balance_items=balance_items)
        self.liked, self.history = liked, history
        self.first, self.count = liked.indptr[:-1], np.diff(liked.indptr)

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of an epoch; what a like is held against within a batch is nothing that its user likes."""
        order = self._order(rng)
        for start in range(0, len(order), self.size):
            chosen = order[start : start + self.size]
            users, items = self.users[chosen], self.items[chosen]
            others = self.sampler.draw(users, items, rng)
            if others.items is items:
                others = dataclasses.replace(others, barred=self._known(users, items))
            own = self.first[users]
            luck = own[:, None] + rng.integers(0, self.count[users, None] - 1, size=(len(chosen), self.history))
            beside = self.items[luck + (luck >= chosen[:, None])]  # the like itself is stepped over
            yield Beside(users, items, self.likes.log_share[items], others, beside=beside)

    def _known(self, users: Codes, items: Codes) -> Any:
        """Return the places of a batch at which the item is one that the user likes; int64[2, x], rows in order."""
        width = self.liked.shape[1]
        columns = sp.csr_array((np.ones(len(items), np.float32), (items, np.arange(len(items)))), (width, len(items)))
        return np.stack(sp.csr_array(self.liked[users] @ columns).tocoo().coords).astype(np.int64)


class Pulling:
    """Change the vectors of items so that an item is nearer to what else its people like than items that they do not like.

    s_ui = cos(y_i, mean of y_j / |y_j| over others j that u likes), with y = z + f(z) and z the standardised vector: the taste of a
    person is the middle of what they like, so that an item that nobody met is placed as well as any, and no vector belongs to a person.

    Shapes:
        table: of n items; liked: sparse[n_users, n]; trained: bool[n], the items whose vectors may be measured.
    """

    def __init__(
        self,
        config: TunerConfig,
        tuning: Tuning,
        table: FeatureTable,
        states: Behind | None,
        liked: CSR,
        trained: Mask,
        rng: np.random.Generator,
    ) -> None:
        self.config, self.tuning, self.states, self.liked = config, tuning, states, liked
        self.weights = Weights(rng)
        self.change: Changing = tuning.change.built(self.weights)
        self.present, self.trained = table.present, trained
        self.entering = self.weights.constant(
            np.where(table.present[:, None], tuning.entering(table.values), np.float32(0))
        )
        self.there = self.weights.constant(table.present[:, None].astype(np.float32))
        self.moves = self.weights.constant((tuning.size > 0).astype(np.float32))
        self.loss = ranking_loss(config)

    def vectors(self, codes: Codes, noise: Any = None) -> tuple[Tensor, Tensor]:
        """Return the standardised vectors of items with what was added, zeros where absent, and that alone; float32[b, dim] each."""
        place = self.weights.constant(codes).long()
        entering = self.entering.index_select(0, place)
        read, states = entering, None
        if noise is not None and self.config.dropout:
            read = dropped(entering, self.config.dropout, noise)
        if self.states is not None:
            states = self.weights.constant(self.tuning.entering_states(self.states(codes)))
        added = self.change(read, states) * self.moves * self.there.index_select(0, place)
        return entering + added, added

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the ranking, and of how far vectors were moved."""
        assert isinstance(batch, Beside)
        size, others = len(batch), batch.others
        both = size + others.items.size
        codes, inverse = np.unique(np.concatenate([batch.both, batch.beside.reshape(-1)]), return_inverse=True)
        place: Codes = inverse.astype(np.int32)
        vectors, added = self.vectors(codes, noise)
        unit = torch.nn.functional.normalize(vectors, dim=1)
        people = unit.index_select(0, self.weights.constant(place[both:])).view(size, -1, unit.shape[1]).mean(1)
        items = place[:size]
        drawn = items if others.items is batch.items else place[size:both].reshape(others.items.shape)
        held = dataclasses.replace(others, items=drawn)
        near = dataclasses.replace(batch, users=np.arange(size, dtype=np.int32), items=items, others=held)
        losses = {self.config.loss: self.loss(multiplied(people, unit, near, cosine=True))}
        if self.config.reg:
            losses["reg"] = self.config.reg * added.square().mean()
        return losses

    def final(self) -> FeatureTable:
        """Return the vectors of all items as the network stands, standardised."""
        size = len(self.present)
        blocks = (np.arange(start, min(start + _BLOCK, size), dtype=np.int32) for start in range(0, size, _BLOCK))
        with torch.no_grad():
            made = torch.cat([self.vectors(codes)[0] for codes in blocks])
        return FeatureTable(made.cpu().numpy(), self.present, "")

    def scorer(self) -> Scores:
        """Return what scores all items for users as `content-knn` does, which standardises anew; NaN for items without the part."""
        made = self.final()
        units = Standard.of(made, self.trained).units(made.values, made.present)
        graph = nearest(units, self.present, self.config.neighbours, label="nearest items")
        graph.data = np.maximum(graph.data, 0)
        to = sp.csr_array(graph.T.tocsr())

        def scores(users: Codes) -> Floats:
            found = np.asarray((self.liked[users] @ to).toarray(), dtype=np.float32)
            found[:, ~self.present] = np.nan
            return found

        return scores
