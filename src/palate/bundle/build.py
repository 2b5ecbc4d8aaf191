"""Names and settings to models, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from palate import fusion, models
from palate.core.errors import ConfigError
from palate.models import Model

if TYPE_CHECKING:
    from palate.bundle.recipe import Recipe


def build_model(recipe: Recipe) -> Model[Any]:
    """Return the model of a recipe, not yet fitted."""
    settings = dict(recipe.settings)
    if recipe.parts is not None:
        settings["parts"] = recipe.parts
    spec: dict[str, Any] = {"name": recipe.model, "settings": settings}
    if recipe.fuse is not None:
        spec["fusion"] = {"name": recipe.fuse, "settings": recipe.fuse_settings}
    return model_of(spec)


def model_of(spec: Mapping[str, Any]) -> Model[Any]:
    """Return the model that a spec describes: `{"name", "settings"}`, with `"fusion"` likewise where it has one."""
    kind = models.registry.get(spec["name"])
    if "fusion" not in spec:
        return kind(**spec["settings"])
    if "features" not in kind.requires:
        raise ConfigError(
            f"the model '{spec['name']}' reads no parts, so there is nothing to fuse: leave the fusion out"
        )
    return kind(**spec["settings"], fusion=fusion.registry.get(spec["fusion"]["name"])(**spec["fusion"]["settings"]))
