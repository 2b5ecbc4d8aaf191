"""Several views of one value, by what the value holds and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from palate.augment._base import Augmentation
from palate.augment._registry import registry
from palate.core.errors import ConfigError
from palate.core.fingerprint import fingerprint
from palate.core.rng import generator
from palate.core.types import JSON


@dataclass(frozen=True)
class Views:
    """How to make views of a value: each goes through all methods, in their order.

    Raises:
        ConfigError: there is no method, they act on different media, or there are fewer views than 1.

    Example:
        >>> views = Views.named(["word-dropout"], count=3)
        >>> list(views.of("a red mug of clay", "a red mug of clay"))
        ['red mug of clay', 'a red clay']
    """

    methods: tuple[Augmentation[Any], ...]
    count: int = 4
    """How many views a value has, the value itself among them."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(
                f"{self.count} views were asked for: 1 or more are allowed, and the value itself is the first"
            )
        if self.seed < 0:
            raise ConfigError(f"the seed of the views was {self.seed}: give 0 or more")
        if not self.methods:
            raise ConfigError("views need a method that makes them: 'palate augmentations' lists them")
        if len({method.modality for method in self.methods}) > 1:
            told = ", ".join(f"{method.name} on {method.modality}" for method in self.methods)
            raise ConfigError(f"the methods of one column act on different media ({told}): choose those of one of them")

    @classmethod
    def named(cls, names: Sequence[str], count: int = 4, seed: int = 0) -> Self:
        """Return views by methods with their usual settings.

        Raises:
            UnknownNameError: there is no such method.
        """
        return cls(tuple(registry.get(name)() for name in names), count, seed)

    @classmethod
    def restored(cls, spec: Mapping[str, Any]) -> Self:
        """Return the views that `spec` describes."""
        kinds = [(registry.get(method["name"]), method["settings"]) for method in spec["methods"]]
        return cls(tuple(kind(kind.config_type.of(told)) for kind, told in kinds), spec["count"], spec["seed"])

    @property
    def modality(self) -> str:
        """What all methods act on."""
        return self.methods[0].modality

    def spec(self) -> dict[str, JSON]:
        """Return the methods with their settings, the number of views and the seed, for a manifest."""
        return {"methods": [method.spec() for method in self.methods], "count": self.count, "seed": self.seed}

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that decides what the views are, besides the value."""
        return fingerprint("views", self.spec(), [method.version for method in self.methods])

    def of(self, content: Any, identity: str | bytes) -> Iterator[Any]:
        """Return the views of a content, without the content itself.

        Args:
            content: a text, a picture or samples.
            identity: what the content holds, so that equal contents have equal views and each its own chance.
        """
        name = fingerprint(identity)
        for number in range(1, self.count):
            rng, view = generator(self.seed, "view", name, number), content
            for method in self.methods:
                view = method.view(view, rng)
            yield view
