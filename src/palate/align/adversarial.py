"""Every part by a network to where nobody can tell which part a vector came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import NonNegativeFloat

from palate.align._base import Views
from palate.align._learned import LearnedAligner, LearnedConfig, PartsNetwork, Placed, mean
from palate.align._reading import Readers, apart, heaped
from palate.align._towers import Tower
from palate.nn._torch import Tensor, torch


class AdversarialConfig(LearnedConfig):
    """How much of each."""

    adversary: NonNegativeFloat = 0.3
    """How much it counts that the discriminator is misled."""
    agreement: NonNegativeFloat = 1.0
    """How much it counts that parts of the same thing lie near each other. With 0 only the clouds of the parts are brought to
    one shape, and which thing is which can be lost; with 2 or more all can fall on one spot."""


class Adversarial(LearnedAligner[AdversarialConfig]):
    """Teach a network for each part against a discriminator, until it cannot tell from a vector which part it came from.

    The discriminator, one hidden layer, learns to name the part of a vector (GAN: Goodfellow et al. 2014, equation 1, with as many
    answers as there are parts), the networks to make it answer all parts alike (cross-entropy with the even answer, Tzeng et al. 2015, equation 3). So
    that not everything falls on one spot, each row must come out of its vector again, parts of the same thing must lie near, and all
    things together must not: adversary * misled + mean |x_p made - x_p|^2 + agreement * mean (1 - v_p . v_q) + 2 |mean of v_p|^2 (after
    Wang et al. 2017, who use labels where this makes rows again).

    Missing data:
        A thing teaches by the parts that it has. Of a part that no thing has together with another, the cloud is aligned, not the
        things. A part alone is an autoencoder.
    """

    name = "adversarial"
    config_type = AdversarialConfig
    paper: ClassVar[str] = "Goodfellow et al. 2014; Tzeng et al. 2015; Wang et al. 2017"
    cost: ClassVar[str] = "epochs n h (w + m k)"

    def _network(self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator) -> PartsNetwork:
        return AdversarialNetwork(views, towers, rng, self.config)


class AdversarialNetwork(PartsNetwork):
    """The towers, the discriminator, and the networks that make the rows again."""

    config: AdversarialConfig

    def __init__(
        self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator, config: AdversarialConfig
    ) -> None:
        super().__init__(views, towers, rng, config)
        self.readers = Readers(self.weights, towers, config.hidden, config.dim)
        self.layers = (
            self.weights.linear("discriminator.inner", config.dim, config.hidden),
            self.weights.linear("discriminator.outer", config.hidden, len(towers)),
        )

    def lost(self, placed: Placed, noise: Any) -> Mapping[str, Tensor]:
        """Return what the discriminator and the towers lose, each of them taught by its own term alone."""
        present = placed.present
        vectors = torch.cat([placed.vectors[name][present[name]] for name in placed.vectors])
        counts = [int(mask.sum()) for mask in present.values()]
        whose = torch.repeat_interleave(torch.tensor(counts, device=vectors.device))
        made = [
            self.readers.lost(placed.vectors[name], present[name], {name: rows}, present)
            for name, rows in placed.rows.items()
        ]
        far = [
            apart(placed.vectors[one], placed.vectors[other], present[one] & present[other])
            for one, other in self.pairs
        ]
        losses = {"made again": mean(made, placed), "apart": self.config.agreement * mean(far, placed)}
        losses["heaped"] = mean([heaped(v, present[name]) for name, v in placed.vectors.items()], placed)
        if len(counts) > 1:
            told = torch.nn.functional.cross_entropy(self._answers(vectors.detach(), learning=True), whose)
            even = -self._answers(vectors, learning=False).log_softmax(1).mean()
            losses |= {"discriminator": told, "misled": self.config.adversary * even}
        return losses

    def _answers(self, vectors: Tensor, *, learning: bool) -> Tensor:
        """Return the discriminator's answers; float32[b, m]. It learns of its own term alone."""
        for number, layer in enumerate(self.layers):
            weight, bias = (value if learning else value.detach() for value in (layer.weight, layer.bias))
            vectors = torch.nn.functional.linear(torch.relu(vectors) if number else vectors, weight, bias)
        return vectors
