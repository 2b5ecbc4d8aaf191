"""Attention over the parts of an item and over what a person liked; the weights of both are the reason shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from pydantic import Field, PositiveInt

from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries
from palate.linalg.parallel import cuts_by_work, map_blocks
from palate.models._deep_parts import Prepared, parts_for
from palate.models._fusing import FusingModel, Joined
from palate.models._heads import HeadsConfig, HeadsNetwork, Sides
from palate.models._predicting import Frozen, PredictingModel
from palate.nn._torch import Tensor, torch
from palate.nn.rows import rows

_BLOCK = 1 << 18
"""Pairs of a liked item and an item to be scored that are worked on at a time: they stay in the cache."""
_STEEP = 60.0
"""Attention sees differences up to so much, so that its exponentials stay numbers without a look for the highest."""


class MMALConfig(HeadsConfig):
    """How far attention looks."""

    hidden: float = Field(0.2, ge=0, lt=1)
    """Share of items' own vectors and of their parts that each step hides, never all of an item."""
    longest: PositiveInt = 50
    """So many likes of a person, drawn anew each epoch, are looked at in training; scoring looks at all."""


class _Read(NamedTuple):
    """All items, as pairs need them.

    Shapes:
        views, keys: float32[1 + m, n, dim], own vector and parts, and what attention over them sees; there: bool[1 + m, n];
        joint: float32[n, dim], the mean of the views; alike, sharp: float32[n, dim], of length one, and times how sharply
        attention sees likeness; tells: float32[n, dim], what an item that was liked says of taste; summed: float32[n_users,
        dim], joint over histories.
    """

    sides: Sides
    views: Tensor
    keys: Tensor
    there: Tensor
    joint: Tensor
    alike: Tensor
    sharp: Tensor
    tells: Tensor
    summed: Tensor


class _Attention(Frozen):
    def outcome(self, task: str, queries: Queries, history: CSR, codes: Codes) -> Floats:
        arrays, place = self.arrays, self.tasks.index(task)
        wants, own = self.people("wants", "message", queries, history), self.own(queries)
        said = np.empty((len(queries), len(codes)), np.float32)
        lengths = np.maximum(np.diff(history.indptr), 1)
        wide = max(1, min(len(codes), _BLOCK // int(lengths.max(initial=1))))

        def fill(start: int, stop: int) -> None:
            mine = history[start:stop]
            tells = np.concatenate([own[start:stop], arrays["tells"][mine.indices]])
            owner = sp.csr_array(
                (np.ones(mine.nnz, np.float32), np.arange(mine.nnz), mine.indptr), shape=(stop - start, mine.nnz)
            )
            for first in range(0, len(codes), wide):
                some = codes[first : first + wide]
                parts = self.over_parts(wants[start:stop], some)
                likes = self.over_history(mine, some)
                whole = np.maximum(owner @ likes, np.float32(1e-30))
                block = np.broadcast_to(arrays["first"][:, some, place].sum(0), parts.shape[1:]).copy()
                for share, view in zip(parts, arrays["views"][:, some] * arrays["heads"][place], strict=True):
                    alike = tells @ view.T
                    block += share * (alike[: stop - start] + owner @ (likes * alike[stop - start :]) / whole)
                said[start:stop, first : first + wide] = block

        map_blocks(fill, cuts_by_work(lengths * wide, _BLOCK))
        return said

    def own(self, queries: Queries) -> Floats:
        """Return what people say of their taste beside what they liked; float32[q, dim], 0 of new ones."""
        own = self.arrays["people"][np.maximum(queries.user, 0)].copy()
        own[queries.user < 0] = 0
        return own

    def over_parts(self, wants: Floats, codes: Codes) -> Floats:
        """Return how much of their attention people give to each view of items; float32[1 + m, q, n]."""
        keys, there = self.arrays["keys"][:, codes], self.arrays["there"][:, None, codes]
        shares = np.exp(np.clip(wants @ keys.swapaxes(1, 2), -_STEEP, _STEEP)) * there
        return np.asarray(shares / np.maximum(shares.sum(axis=0), np.float32(1e-30)), dtype=np.float32)

    def over_history(self, history: CSR, codes: Codes) -> Floats:
        """Return how much each liked item counts for each item, before they are made to add up to 1; float32[likes, n]."""
        steep = self.arrays["alike"][history.indices] @ self.arrays["sharp"][codes].T
        return np.asarray(np.exp(np.clip(steep, -_STEEP, _STEEP)), dtype=np.float32)


class MMAL(FusingModel[MMALConfig], PredictingModel[MMALConfig]):
    """Score an item by what attention makes of its parts and of what the person liked, each seen from the other.

    score = <z, e> + b; e = sum_m a_m x_m over an item's own vector and its projected parts, a = softmax(<w_u, k_m>), w_u what the
    person wants to look at; z = o_u + sum_j c_j t_j over what they liked, c = softmax(s cos(q_j, q_i)), by likeness to the item
    that is asked about (Zhou et al. 2018, equation 3, with likeness for their network, and made to add up to one). Every task
    weighs the numbers of z * e and has its own b. `explain` divides a score by both attentions: a liked item's amount is
    c_j <t_j, e>, a part's a_m <z, x_m>; b is spread evenly over what was liked, and <o_u, e> is the person's own.

    Missing data:
        Attention gives nothing to a part that an item lacks, nor to the own vector of one that nobody liked. NaN for items with
        neither, and for people with neither a history nor a vector of their own.
    """

    name = "mmal"
    config_type = MMALConfig
    frozen_type = _Attention

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, self._read(parts_for(self.config, train), train, rng), rng)

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked and over the parts; "behaviour" is the item's own vector."""
        frozen, codes = self.frozen, np.array([item], np.int32)
        assert isinstance(frozen, _Attention)
        score = float(frozen.score(query, codes)[0, 0])
        if np.isnan(score):
            return Explanation(np.nan)
        arrays, history = frozen.arrays, frozen.usable(query)
        parts = frozen.over_parts(frozen.people("wants", "message", query, history), codes)[:, 0, 0]
        likes = frozen.over_history(history, codes)[:, 0]
        likes = likes / max(float(likes.sum()), 1e-30)
        views = arrays["views"][:, item] * arrays["heads"][0] * parts[:, None]
        said = (arrays["tells"][history.indices] @ views.T) * likes[:, None]
        own, first = views @ frozen.own(query)[0], arrays["first"][:, item, 0]
        of_likes = dict(
            zip(history.indices.tolist(), (said.sum(axis=1) + first.sum() / max(len(likes), 1)).tolist(), strict=True)
        )
        of_parts = dict(zip(("behaviour", *frozen.parts), (said.sum(axis=0) + own + first).tolist(), strict=True))
        return Explanation(score, of_likes, of_parts, float(own.sum() if of_likes else score))


class _Network(HeadsNetwork):
    def __init__(
        self, config: MMALConfig, train: Dataset, parts: Mapping[str, Prepared | Joined], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, parts, rng, width=config.dim)
        dim, weights = config.dim, self.weights
        self.wants = weights.table("wants", len(train.users), dim)
        self.kinds = weights.table("kinds", 1 + len(parts), dim)
        self.turn, self.key, self.sees, self.tells = (
            weights.linear(name, dim, dim, bias=False) for name in ("turn", "key", "sees", "tells")
        )
        self.log_sharpness = weights.put("log_sharpness", np.full(1, np.log(4), np.float32))
        self.starts, self.order = train.liked.indptr.astype(np.int64), train.liked.indices.astype(np.int64)

    def begin_epoch(self, rng: np.random.Generator) -> None:
        """Draw examples, and the likes of long histories that are looked at."""
        super().begin_epoch(rng)
        rows = np.repeat(np.arange(len(self.degrees)), self.degrees)
        self.order = self.train.liked.indices[np.lexsort((rng.random(len(rows)), rows))].astype(np.int64)

    def read(self, sides: Sides) -> _Read:
        """Put the views of items together."""
        views = torch.stack([sides.things, *sides.parts.values()])
        there = sides.there.T
        joint = views.sum(0) / there.sum(0).clamp(min=1)[:, None]
        keys = self.key(views) + self.kinds[:, None]
        alike = torch.nn.functional.normalize(self.sees(joint), dim=1)
        sharp = alike * self.log_sharpness.exp()
        return _Read(sides, views, keys, there, joint, alike, sharp, self.tells(joint), self.likes(joint))

    def joint(self, read: _Read) -> Tensor:
        """Return the mean of an item's views."""
        return read.joint

    def histories(self, users: Tensor, without: Tensor) -> tuple[Tensor, Tensor]:
        """Return what people liked, but for one item; int64[b, l], and which of it counts, bool[b, l]."""
        rows = users.cpu().numpy()
        lengths = np.minimum(self.degrees[rows], self.config.longest)
        steps = np.arange(lengths.max(initial=1))
        liked = self.order[np.minimum(self.starts[rows][:, None] + steps, len(self.order) - 1)]
        counts = (steps < lengths[:, None]) & (liked != without.cpu().numpy()[:, None])
        return self.weights.constant(liked), self.weights.constant(counts)

    def taste(self, read: _Read, users: Tensor, items: Tensor, without: Tensor) -> Tensor:
        """Return z, what people look for in items; float32[b, c, dim]."""
        liked, counts = self.histories(users, without)
        steep = (rows(read.sharp, items) @ rows(read.alike, liked).transpose(1, 2)).clamp(-_STEEP, _STEEP)
        shares = torch.softmax(steep.masked_fill(~counts[:, None], -1e9), dim=2) * counts[:, None]
        return rows(self.people, users)[:, None] + shares @ rows(read.tells, liked)

    def pairs(self, read: _Read, users: Tensor, items: Tensor, without: Tensor, noise: Any) -> Tensor:
        """Return z * e, number by number."""
        wants = rows(self.wants, users) + self.turn(self.others(read.joint, read.summed, users, without))
        keys, views = (torch.stack([rows(view, items) for view in side]) for side in (read.keys, read.views))
        steep = (keys * wants[:, None]).sum(-1).clamp(-_STEEP, _STEEP)
        shares = torch.softmax(steep.masked_fill(~read.there[:, items], -1e9), dim=0)
        item = (shares[..., None] * views).sum(0)
        return self.taste(read, users, items, without) * item

    def alone(self, read: _Read, users: Tensor, items: Tensor, without: Tensor) -> Mapping[str, Tensor]:
        """Return the product of what people look for and each part."""
        taste = self.taste(read, users, items, without)
        return {name: (taste * part[items]).sum(-1) for name, part in read.sides.parts.items()}

    def frozen(self) -> _Attention:
        """Return the views of items, and what both attentions see."""
        with torch.no_grad():
            read = self.read(self.sides(self.there))
            arrays = {name: getattr(read, name) for name in ("views", "keys", "there", "alike", "sharp", "tells")}
            arrays |= {
                "people": self.people,
                "wants": self.wants,
                "message": self.turn(read.joint),
                "first": read.sides.first,
            }
            found = {name: value.detach().cpu().numpy().copy() for name, value in arrays.items()}
        return _Attention({**self.kept(), **found}, tuple(self.heads), tuple(self.maps))
