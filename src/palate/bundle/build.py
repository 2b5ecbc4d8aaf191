"""Names and settings to models, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from palate import fusion, models
from palate.core.errors import ConfigError
from palate.fusion import late
from palate.models import Model
from palate.models._late import LateFused

if TYPE_CHECKING:
    from palate.bundle.recipe import Recipe


def build_model(recipe: Recipe, parts: Iterable[str]) -> Model[Any]:
    """Return the model of a recipe, not yet fitted; `parts` are those there are, where the recipe names none."""
    _check_words(recipe)
    settings = recipe.settings if recipe.parts is None else {**recipe.settings, "parts": recipe.parts}
    spec = _spec(recipe.model, settings)
    if recipe.fuse is not None:
        spec["fusion"] = _spec(recipe.fuse, recipe.fuse_settings)
    if recipe.late is None:
        return model_of(spec)
    names = sorted(recipe.parts or parts)
    if not names:
        raise ConfigError(f"the late fusion '{recipe.late}' joins one model per part: name the parts, or encode some")
    members = {name: {**spec, "settings": {**settings, "parts": (name,)}} for name in names}
    return model_of({"name": LateFused.name, "members": members, "late": _spec(recipe.late, recipe.late_settings)})


def model_of(spec: Mapping[str, Any]) -> Model[Any]:
    """Return the model of a spec, as `Model.spec` gives it: name and settings, and its fusion or its members."""
    if "members" in spec:
        members = {name: model_of(member) for name, member in spec["members"].items()}
        return LateFused(members, late.registry.get(spec["late"]["name"])(**spec["late"]["settings"]))
    kind: Any = models.registry.get(spec["name"])
    config = kind.config_type.of(spec["settings"])
    if "fusion" not in spec:
        return kind(config)  # type: ignore[no-any-return]
    joined = fusion.registry.get(spec["fusion"]["name"])(**spec["fusion"]["settings"])
    return kind(config, fusion=joined)  # type: ignore[no-any-return]


def described(model: Model[Any]) -> dict[str, Any]:
    """Return a recipe's fields for a model that was made without one; settings that have their default are left out."""
    fields: dict[str, Any] = {
        "model": model.name,
        "settings": model.config.model_dump(mode="json", exclude_defaults=True),
    }
    joined = model.spec().get("fusion")
    if joined is not None:
        fields |= {"fuse": joined["name"], "fuse_settings": joined["settings"]}
    return fields


def _spec(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "settings": dict(settings)}


def _check_words(recipe: Recipe) -> None:
    """Refuse words of a recipe that have nothing to act on, which would otherwise silently do nothing."""
    reads = "features" in models.registry.get(recipe.model).requires
    for word, value in (("parts", recipe.parts), ("fuse", recipe.fuse), ("late", recipe.late)):
        if value is not None and not reads:
            raise ConfigError(
                f"the model '{recipe.model}' reads no parts: leave out '{word}', or choose a model by content"
            )
    if recipe.fuse is None and recipe.fuse_settings:
        raise ConfigError("the recipe has fuse_settings and no fusion is named: add fuse")
    if recipe.late is None and recipe.late_settings:
        raise ConfigError("the recipe has late_settings and no late fusion is named: add late")
