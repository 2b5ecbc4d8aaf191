"""Names and settings to models, and back."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from palate import fusion, models
from palate.core.errors import ConfigError, did_you_mean
from palate.fusion import late
from palate.fusion.aligned import Aligned
from palate.fusion.late.weighted_scores import WeightedScores
from palate.models import Model
from palate.models.ensemble import Ensemble

if TYPE_CHECKING:
    from palate.bundle.recipe import Recipe

_OF_MEMBER = (
    "name", "model", "settings", "parts", "align", "align_settings", "fuse", "fuse_settings", "late", "late_settings",
)  # fmt: skip
"""What a member of an ensemble can be told."""
_JOINS = ("align", "fuse")
"""Words of a recipe that say how one vector is made of the parts."""
_BEFORE = ("complete", "standardise")
"""Words of a recipe that say what is made of the parts before a model sees them."""
_FUSING = "or choose a model that takes one, such as content-knn"


def build_model(recipe: Recipe, parts: Iterable[str]) -> Model[Any]:
    """Return the model of a recipe, not yet fitted; `parts` are those there are, where the recipe names none."""
    if recipe.model == Ensemble.name:
        return _ensemble(recipe, parts)
    _check_words(recipe)
    settings = recipe.settings if recipe.parts is None else {**recipe.settings, "parts": recipe.parts}
    spec = _spec(recipe.model, settings)
    if joined := _fusion(recipe):
        spec["fusion"] = joined
    if recipe.late is None:
        return model_of(spec)
    names = sorted(recipe.parts or parts)
    if not names:
        raise ConfigError(f"the late fusion '{recipe.late}' joins one model per part: name the parts, or encode some")
    members = {name: {**spec, "settings": {**settings, "parts": (name,)}} for name in names}
    late_spec = _spec(recipe.late, recipe.late_settings)
    return model_of({"name": Ensemble.name, "settings": {}, "members": members, "late": late_spec})


def model_of(spec: Mapping[str, Any]) -> Model[Any]:
    """Return the model of a spec, as `Model.spec` gives it: name and settings, and its fusion or its members."""
    if "members" in spec:
        members = {name: model_of(member) for name, member in spec["members"].items()}
        combine = late.registry.get(spec["late"]["name"])(**spec["late"]["settings"])
        return Ensemble(members, combine, Ensemble.config_type.of(spec["settings"]))
    kind: Any = models.registry.get(spec["name"])
    config = kind.config_type.of(spec["settings"])
    if "fusion" not in spec:
        return kind(config)  # type: ignore[no-any-return]
    joined = fusion.registry.get(spec["fusion"]["name"])(**spec["fusion"]["settings"])
    return kind(config, fusion=joined)  # type: ignore[no-any-return]


def takes_fusion(name: str) -> bool:
    """Tell whether a model by itself takes a fusion of the parts' vectors."""
    return "fusion" in inspect.signature(models.registry.get(name)).parameters


def has_fusion(spec: Mapping[str, Any]) -> bool:
    """Tell whether the model of a spec, or a member of it, fuses parts."""
    return "fusion" in spec or any(map(has_fusion, spec.get("members", {}).values()))


def parts_read(spec: Mapping[str, Any], there: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the parts, out of those that are there, that the model of a spec reads; members' too."""
    names = sorted(there)
    if "members" in spec:
        read = {part for member in spec["members"].values() for part in parts_read(member, names)}
        return tuple(sorted(read))
    if not _reads_content(spec["name"]):
        return ()
    chosen = spec["settings"].get("parts")
    return tuple(names if chosen is None else sorted(chosen))


def described(model: Model[Any]) -> dict[str, Any]:
    """Return a recipe's fields for a model that was made without one; settings that have their default are left out."""
    fields: dict[str, Any] = {
        "model": model.name,
        "settings": model.config.model_dump(mode="json", exclude_defaults=True),
    }
    if isinstance(model, Ensemble):
        members = [{"name": name, **described(member)} for name, member in model.members.items()]
        fields["settings"]["members"] = members
        return fields | {"late": model.combine.name, "late_settings": model.combine.spec()["settings"]}
    joined = model.spec().get("fusion")
    if joined is not None and joined["name"] == Aligned.name:
        fields |= joined["settings"]
    elif joined is not None:
        fields |= {"fuse": joined["name"], "fuse_settings": joined["settings"]}
    return fields


def _fusion(recipe: Recipe) -> dict[str, Any] | None:
    """Return the spec of what makes one vector of the parts, where the recipe names an aligner or a fusion."""
    fuse = {} if recipe.fuse is None else {"fuse": recipe.fuse, "fuse_settings": recipe.fuse_settings}
    if recipe.align is not None:
        return _spec(Aligned.name, {"align": recipe.align, "align_settings": recipe.align_settings, **fuse})
    return None if recipe.fuse is None else _spec(recipe.fuse, recipe.fuse_settings)


def _ensemble(recipe: Recipe, parts: Iterable[str]) -> Model[Any]:
    """Build the members that the settings name, and join them; `item-knn.shrink=30` is a setting of the member item-knn."""
    from palate.bundle.recipe import Recipe

    settings = dict(recipe.settings)
    given = settings.pop("members", None)
    if not isinstance(given, (list, tuple)) or not given:
        raise ConfigError(
            f"an ensemble needs members, and 'members' was {given!r}: name some models, as in members=[item-knn,ease]"
        )
    named: dict[str, dict[str, Any]] = {}
    for entry in given:
        fields = _member_words(entry)
        name = fields.pop("name", fields["model"])
        if name in named:
            raise ConfigError(f"two members are called '{name}': give one a 'name' of its own")
        named[name] = fields
    for key in [key for key in settings if "." in key]:
        name = max((name for name in named if key.startswith(f"{name}.")), key=len, default=None)
        if name is None:
            other = key.partition(".")[0]
            raise ConfigError(f"a setting is for the member '{other}', and there is none: {did_you_mean(other, named)}")
        named[name]["settings"][key.removeprefix(f"{name}.")] = settings.pop(key)
    members = {
        name: build_model(_for_member(recipe, Recipe.of(fields), parts), parts) for name, fields in named.items()
    }
    if not any(parts_read(model.spec(), ("any",)) for model in members.values()):
        _refuse_idle(recipe, ("parts", *_BEFORE, *_JOINS))
    for word in _JOINS:
        if getattr(recipe, word) is not None and not any(has_fusion(model.spec()) for model in members.values()):
            raise ConfigError(f"no member of the ensemble takes a fusion of parts: leave out '{word}', {_FUSING}")
    _refuse_unnamed(recipe, (*_BEFORE, *_JOINS))
    combine = late.registry.get(recipe.late or WeightedScores.name)(**recipe.late_settings)
    return Ensemble(members, combine, Ensemble.config_type.of(settings))


def _member_words(entry: Any) -> dict[str, Any]:
    fields: dict[str, Any]
    fields = {"model": entry} if isinstance(entry, str) else dict(entry) if isinstance(entry, dict) else {}
    if "model" not in fields:
        raise ConfigError(f"a member of the ensemble was {entry!r}: give the name of a model, or a table with 'model'")
    for word in fields:
        if word not in _OF_MEMBER:
            raise ConfigError(f"a member of the ensemble has no '{word}': {did_you_mean(word, _OF_MEMBER)}")
    for word, kind, wanted in (("model", str, "a text"), ("name", str, "a text"), ("settings", dict, "a table")):
        if word in fields and (not isinstance(fields[word], kind) or fields[word] == ""):
            raise ConfigError(f"of a member of the ensemble '{word}' was {fields[word]!r}: give {wanted}")
    return {**fields, "settings": dict(fields.get("settings", {}))}


def _for_member(recipe: Recipe, member: Recipe, parts: Iterable[str]) -> Recipe:
    """Hand the ensemble's parts and fusion to a member that reads parts and names none."""
    _refuse_unnamed(member, _JOINS)
    if member.model == Ensemble.name:
        spec = build_model(member, recipe.parts or parts).spec()
        reads, takes = bool(parts_read(spec, ("any",))), has_fusion(spec)
    else:
        reads, takes = _reads_content(member.model), takes_fusion(member.model)
    if not reads:
        return member
    late = member.late is not None and member.model != Ensemble.name
    taken = [name for name in _JOINS if takes and getattr(member, name) is None and not (late and name == "align")]
    joins = {word: getattr(recipe, word) for name in taken for word in (name, f"{name}_settings")}
    return member.model_copy(update={"parts": member.parts or recipe.parts, **joins})


def _reads_content(name: str) -> bool:
    kind = models.registry.get(name)
    return "features" in kind.requires | kind.accepts


def _spec(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "settings": dict(settings)}


def _check_words(recipe: Recipe) -> None:
    """Refuse words of a recipe that have nothing to act on, which would otherwise silently do nothing."""
    if "features" not in models.registry.get(recipe.model).requires:
        if not _reads_content(recipe.model):
            _refuse_idle(recipe, ("parts", *_BEFORE, *_JOINS, "late"))
        elif recipe.late is not None:
            raise ConfigError(
                f"the model '{recipe.model}' learns from likes, and a late fusion trains one model per part: leave out "
                "'late', or choose a model by content"
            )
    if recipe.align is not None and recipe.late is not None:
        raise ConfigError(
            f"the late fusion '{recipe.late}' trains one model per part, so there is nothing to align: leave out 'align' or 'late'"
        )
    for word in _JOINS:
        if getattr(recipe, word) is not None and not takes_fusion(recipe.model):
            raise ConfigError(
                f"the model '{recipe.model}' joins the parts in a way of its own: leave out '{word}', {_FUSING}"
            )
    _refuse_unnamed(recipe, (*_BEFORE, *_JOINS, "late"))


def _refuse_unnamed(recipe: Recipe, words: Iterable[str]) -> None:
    for word, what in (
        ("complete", "completer"), ("standardise", "standardiser"), ("align", "aligner"), ("fuse", "fusion"),
        ("late", "late fusion"),
    ):  # fmt: skip
        if word in words and getattr(recipe, word) is None and getattr(recipe, f"{word}_settings"):
            raise ConfigError(f"the recipe has {word}_settings and no {what} is named: add {word}")


def _refuse_idle(recipe: Recipe, words: Iterable[str]) -> None:
    for word in words:
        if getattr(recipe, word) is not None:
            raise ConfigError(
                f"the model '{recipe.model}' reads no parts: leave out '{word}', or choose a model by content"
            )
