"""The loss that a config names, with the settings of it that the config holds."""

from __future__ import annotations

from typing import Any

from palate.core.errors import ConfigError
from palate.training.config import TrainingConfig
from palate.training.losses import Loss, registry


def ranking_loss(config: TrainingConfig) -> Any:
    """Return the loss of a ranking that a config names.

    Raises:
        UnknownNameError: there is no such loss.
        ConfigError: it is no loss of a ranking.
    """
    kind = registry.get(config.loss)
    if not issubclass(kind, Loss):
        raise ConfigError(
            f"the loss '{config.loss}' ranks nothing, it is a term beside another: choose one of "
            + ", ".join(name for name in registry.names() if issubclass(registry.get(name), Loss))
        )
    given = {name: getattr(config, name) for name in kind.config_type.model_fields if hasattr(config, name)}
    return kind(**given)
