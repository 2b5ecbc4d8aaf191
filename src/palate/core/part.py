"""What every exchangeable part shares: a name, a config, and a state that can be saved."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Self, TypeVar

from palate.core.config import Config
from palate.core.state import State

C = TypeVar("C", bound=Config)


class Part(Generic[C]):
    """Base of encoders, fusions and models: built from a config or from its fields.

    Example:
        >>> from palate.models.popularity import Popularity
        >>> Popularity().config
        PopularityConfig()
    """

    name: ClassVar[str]
    config_type: ClassVar[type[Config]]
    config: C

    def __init__(self, config: C | None = None, /, **settings: Any) -> None:
        self.config = config if config is not None else self.config_type.of(settings)  # type: ignore[assignment]

    def state(self) -> State:
        """Return what was learned; empty where nothing is."""
        return State()

    def load_state(self, state: State) -> Self:
        """Take over what another instance of the same config learned."""
        return self

    def spec(self) -> dict[str, Any]:
        """Return the name and the settings, from which a recipe rebuilds the part."""
        return {"name": self.name, "settings": self.config.model_dump(mode="json")}

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.config.model_dump(exclude_defaults=True).items())
        return f"{type(self).__name__}({settings})"
