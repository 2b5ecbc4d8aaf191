"""A factorization machine and a network over the same fields: person, item, and each part of the item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, PositiveInt

from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Queries
from palate.linalg.parallel import even_cuts, map_blocks
from palate.models._deep_parts import Prepared, parts_for
from palate.models._fusing import FusingModel, Joined
from palate.models._heads import HeadsConfig, HeadsNetwork, Sides
from palate.models._predicting import Frozen, PredictingModel
from palate.nn._torch import Tensor, torch
from palate.nn.noise import dropped
from palate.nn.rows import rows

_BLOCK = 1 << 18
"""Numbers of the first hidden layer worked on at a time: they stay in the cache."""


class MMDFMConfig(HeadsConfig):
    """How wide the fields are, and the network over them."""

    layers: tuple[PositiveInt, ...] = Field((64, 32), min_length=1, max_length=4)
    """Widths of the hidden layers."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the numbers that each hidden layer loses in a step of training."""


class _Read(NamedTuple):
    """All items, as pairs need them.

    Shapes:
        joint, cross: float32[n, dim], the sum of an item's fields, and the products of its pairs of fields; layer: float32[n, h],
        what these bring to the first hidden layer; summed: float32[n_users, dim], joint over histories.
    """

    sides: Sides
    joint: Tensor
    cross: Tensor
    layer: Tensor
    summed: Tensor


class _Fields(Frozen):
    def outcome(self, task: str, queries: Queries, history: CSR, codes: Codes) -> Floats:
        arrays, place = self.arrays, self.tasks.index(task)
        dim = arrays["joint"].shape[1]
        pairs, top = np.split(arrays["heads"][place], [dim])
        people = self.people("people", "message", queries, history)
        said: Floats = (people * pairs) @ arrays["joint"][codes].T
        said += arrays["cross"][codes] @ pairs + arrays["first"][codes, place]
        entered, layer = people @ arrays["enter"].T, arrays["layer"][codes]
        width = layer.shape[1]
        wide = max(1, min(len(codes), _BLOCK // width))

        def fill(start: int, stop: int) -> None:
            for first in range(0, len(codes), wide):
                items = slice(first, first + wide)
                hidden = np.maximum(entered[start:stop, None] + layer[items], 0)
                said[start:stop, items] += (self._onward(hidden.reshape(-1, width)) @ top).reshape(hidden.shape[:2])

        map_blocks(fill, even_cuts(len(queries), max(1, _BLOCK // (width * wide))))
        return said

    def _onward(self, hidden: Floats) -> Floats:
        """Return the last hidden layer from the first; float32[n, h] each."""
        for number in range(sum(name.startswith("weight ") for name in self.arrays)):
            hidden = hidden @ self.arrays[f"weight {number}"].T
            hidden += self.arrays[f"bias {number}"]
            np.maximum(hidden, 0, out=hidden)
        return hidden


class MMDFM(FusingModel[MMDFMConfig], PredictingModel[MMDFMConfig]):
    """Score pairs by products of fields and by a network that reads the same fields.

    y = first order + sum over pairs of fields <v_a, v_b> + w . MLP([v_person; v_item; v_part; ...]) (Guo et al. 2017,
    equations 1 to 4 before the sigmoid, with a field for each part: v_m = W_m f_m + b_m). The person's field is a vector of
    their own and W times the sum of the joint vectors of what they liked, over the root of its number, without the like that
    is being learned. With loss=bce it is learned pointwise, with bpr or sampled-softmax by comparing. Every task has its own
    weights of the products, of the last hidden layer and of the first order, and to outcomes the levels of item and person
    are added.

    Missing data:
        A part that an item lacks adds nothing. An item that nobody liked has its parts alone; NaN where it has none, and for
        people with neither a history nor a vector of their own.
    """

    name = "mmdfm"
    config_type = MMDFMConfig
    frozen_type = _Fields

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, self._read(parts_for(self.config, train), train, rng), rng)


class _Network(HeadsNetwork):
    def __init__(
        self, config: MMDFMConfig, train: Dataset, parts: Mapping[str, Prepared | Joined], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, parts, rng, width=config.dim + config.layers[-1])
        dim, (width, *more), linear = config.dim, config.layers, self.weights.linear
        self.turn = linear("turn", dim, dim, bias=False)
        self.enter, self.enter_item = linear("enter person", dim, width), linear("enter item", dim, width, bias=False)
        self.enter_part = {name: linear(f"enter part {name}", dim, width, bias=False) for name in parts}
        self.deeper = [
            linear(f"layer {number}", inner, outer)
            for number, (inner, outer) in enumerate(zip([width, *more], more, strict=False))
        ]

    def read(self, sides: Sides) -> _Read:
        """Put the fields of items together."""
        fields = [sides.things, *sides.parts.values()]
        joint = sum(fields)
        cross = (joint.square() - sum(field.square() for field in fields)) / 2
        layer = self.enter_item(sides.things) + sum(self.enter_part[name](part) for name, part in sides.parts.items())
        return _Read(sides, joint, cross, layer, self.likes(joint))

    def joint(self, read: _Read) -> Tensor:
        """Return the sum of an item's fields."""
        return read.joint

    def person(self, read: _Read, users: Tensor, without: Tensor) -> Tensor:
        """Return the field of people; float32[b, dim]."""
        return rows(self.people, users) + self.turn(self.others(read.joint, read.summed, users, without))

    def pairs(self, read: _Read, users: Tensor, items: Tensor, without: Tensor, noise: Any) -> Tensor:
        """Return the products of fields, summed over pairs of them, and the last hidden layer."""
        person = self.person(read, users, without)
        products = person[:, None] * rows(read.joint, items) + rows(read.cross, items)
        hidden = self._dropped(torch.relu(self.enter(person)[:, None] + rows(read.layer, items)), noise)
        for layer in self.deeper:
            hidden = self._dropped(torch.relu(layer(hidden)), noise)
        return torch.cat([products, hidden], dim=-1)

    def _dropped(self, hidden: Tensor, noise: Any) -> Tensor:
        return dropped(hidden, self.config.dropout, noise) if self.config.dropout else hidden

    def alone(self, read: _Read, users: Tensor, items: Tensor, without: Tensor) -> Mapping[str, Tensor]:
        """Return the product of the person's field and each part's."""
        person = self.person(read, users, without)[:, None]
        return {name: (person * part[items]).sum(-1) for name, part in read.sides.parts.items()}

    def frozen(self) -> _Fields:
        """Return the fields, and the network over them."""
        with torch.no_grad():
            read = self.read(self.sides(self.there))
            arrays = {
                "people": self.people,
                "message": self.turn(read.joint),
                "joint": read.joint,
                "cross": read.cross,
                "first": read.sides.first.sum(0),
                "enter": self.enter.weight,
                "layer": read.layer + self.enter.bias,
            }
            for number, layer in enumerate(self.deeper):
                arrays |= {f"weight {number}": layer.weight, f"bias {number}": layer.bias}
            found = {name: value.detach().cpu().numpy().copy() for name, value in arrays.items()}
        return _Fields({**self.kept(), **found}, tuple(self.heads), tuple(self.maps))
