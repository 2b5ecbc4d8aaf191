"""Every registered way to join parts, as recipes: what a comparison of fusions goes through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Self

from palate.align import registry as aligners
from palate.bundle.build import takes_fusion
from palate.bundle.recipe import Recipe
from palate.core.errors import ConfigError, did_you_mean
from palate.evaluation._study import Kind
from palate.evaluation.fusions import REFERENCE, Method
from palate.fusion import LearnedFusion
from palate.fusion import registry as fusions
from palate.fusion._tastes import TastesConfig
from palate.fusion.aligned import Aligned
from palate.fusion.late import registry as score_fusions
from palate.models import registry as recommenders
from palate.training.config import TrainingConfig

MODELS = ("content-knn", "vector-space", "two-tower")
"""Compared where none is named, as far as they are there."""
ALL = "all"


@dataclass(frozen=True)
class Ways:
    """Which models, and by which fusions their parts are joined; names are known and settings right.

    Example:
        >>> list(Ways.of(["content-knn"], early=["mean"]).recipes("content-knn", ["title"]))
        ['concat', 'mean', 'title alone']
    """

    models: tuple[str, ...]
    early: tuple[str, ...]
    """With `concat`, which the others are held against."""
    late: tuple[str, ...]
    aligned: tuple[tuple[str, str], ...]
    """Aligner and the fusion after it."""
    parts: tuple[str, ...] | None = None
    """Those to read; None means all there are."""
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By the name of a model, a fusion or an aligner."""

    @classmethod
    def of(
        cls,
        models: Iterable[str] | None = None,
        early: Iterable[str] | None = None,
        late: Iterable[str] | None = None,
        align: Iterable[str] = (),
        parts: Iterable[str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Self:
        """Choose by names; "all" stands for all there are.

        Args:
            models: those that take a fusion; `MODELS` where none are named.
            early: fusions of vectors; all where neither these nor late ones are named, else none but `concat`.
            late: fusions of scores; the same.
            align: aligners; each is followed by the early fusions that were named, or else by `mean`.
            parts: which parts to read; all where none are named.
            settings: of models, fusions and aligners, as in {"content-knn.neighbours": 20}.

        Raises:
            UnknownNameError: there is none of that name.
            ConfigError: a model takes no fusion, or a setting is not theirs.
        """
        neither = early is None and late is None
        joining = _chosen([ALL] if neither else early or (), fusions)
        after = [name for name in joining if name != Aligned.name] if early is not None else []
        made = cls(
            models=_models(models),
            early=tuple(dict.fromkeys([REFERENCE, *joining])),
            late=_chosen([ALL] if neither else late or (), score_fusions),
            aligned=tuple((aligner, name) for aligner in _chosen(align, aligners) for name in after or ["mean"]),
            parts=None if parts is None else tuple(parts),
        )
        return cls(**{**vars(made), "settings": made._settings(settings or {})})

    def recipes(self, model: str, parts: Sequence[str]) -> dict[str, tuple[Kind, Recipe]]:
        """Return kind and recipe of each method of a model, by what the table calls it; `parts` are those there are.

        What a model is told of a fusion that learns along with it, such as `hidden` of `two-tower`, the others go without.
        """
        plain = Recipe.of({"model": model, "settings": dict(self.settings.get(model, {})), "parts": self.parts})

        def told(**words: str) -> Recipe:
            own = {f"{word}_settings": dict(self.settings.get(name, {})) for word, name in words.items()}
            return _acting(plain.model_copy(update={**words, **own}))

        found: dict[str, tuple[Kind, Recipe]] = {name: ("early", told(fuse=name)) for name in self.early}
        found |= {f"{one} + {name}": ("aligned", told(align=one, fuse=name)) for one, name in self.aligned}
        found |= {f"late {name}": ("late", told(late=name)) for name in self.late}
        for part in sorted(self.parts or parts):
            found[f"{part} alone"] = ("alone", plain.model_copy(update={"parts": (part,)}))
        return found

    def methods(self, parts: Sequence[str]) -> dict[str, list[Method]]:
        """Return the methods of each model; `parts` are those there are."""
        return {
            model: [
                Method(label, kind, lambda recipe=recipe: recipe.build(parts), recipe.parts)  # type: ignore[misc]
                for label, (kind, recipe) in self.recipes(model, parts).items()
            ]
            for model in self.models
        }

    def idle(self, model: str, parts: Sequence[str]) -> dict[str, list[str]]:
        """Return by setting of a model the methods that go without it, since it would do nothing there."""
        found: dict[str, list[str]] = {}
        for label, (_, recipe) in self.recipes(model, parts).items():
            for setting in self.settings.get(model, {}).keys() - recipe.settings.keys():
                found.setdefault(setting, []).append(label)
        return found

    @property
    def trains(self) -> bool:
        """Whether any of them trains a network, with torch there to do it."""
        kinds = (kind for each in self._kinds().values() for kind in each)
        return _has_torch() and any(getattr(kind, "extra", None) == "deep" for kind in kinds)

    def _kinds(self) -> dict[str, list[Any]]:
        """Return the classes of what is compared, by name."""
        kinds: dict[str, list[Any]] = {}
        for registry, names in (
            (recommenders, self.models), (fusions, [*self.early, *(name for _, name in self.aligned)]),
            (score_fusions, self.late), (aligners, [one for one, _ in self.aligned]),
        ):  # fmt: skip
            for name in dict.fromkeys(names):
                kinds.setdefault(name, []).append(registry.get(name))
        return kinds

    def _settings(self, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the settings by whose they are, each tried on its config."""
        kinds = self._kinds()
        own: dict[str, dict[str, Any]] = {}
        for key, value in given.items():
            name, dot, setting = key.partition(".")
            if not dot or not setting:
                raise ConfigError(
                    f"the setting '{key}' says not whose it is: write NAME.{key}, as in {self.models[0]}.{key}"
                )
            if name not in kinds:
                raise ConfigError(
                    f"the setting '{key}' is for '{name}', which is not compared: {did_you_mean(name, kinds)}"
                )
            own.setdefault(name, {})[setting] = value
        for name, settings in own.items():
            for kind in kinds[name]:
                kind.config_type.of(settings)
        return own


def _acting(recipe: Recipe) -> Recipe:
    """Return the recipe without settings of the model that need a fusion which learns along, where the one it names does not."""
    if recipe.fuse is None or not issubclass(recommenders.get(recipe.model).config_type, TastesConfig):
        return recipe
    kind = fusions.get(recipe.fuse)
    config: Any = kind.config_type.of(recipe.fuse_settings)
    if recipe.align is None and issubclass(kind, LearnedFusion) and config.learn == "likes":
        return recipe
    idle = TastesConfig.model_fields.keys() - TrainingConfig.model_fields.keys()
    settings = {name: value for name, value in recipe.settings.items() if name not in idle}
    return recipe.model_copy(update={"settings": settings})


def _models(names: Iterable[str] | None) -> tuple[str, ...]:
    known = recommenders.names()
    if names is None:
        return tuple(name for name in MODELS if name in known and _can_run(name))
    found = tuple(dict.fromkeys(names))
    if not found:
        raise ConfigError(f"no model was named: give some, as in {MODELS[0]},{MODELS[1]}")
    for name in found:
        if not takes_fusion(name):
            able = [each for each in known if takes_fusion(each)]
            raise ConfigError(
                f"the model '{name}' takes no fusion, so that none can be compared in it: {did_you_mean(name, able)}"
            )
    return found


def _can_run(model: str) -> bool:
    """Tell whether the libraries that a model needs are installed."""
    return recommenders.get(model).extra != "deep" or _has_torch()


def _has_torch() -> bool:
    return find_spec("torch") is not None


def _chosen(names: Iterable[str], registry: Any) -> tuple[str, ...]:
    """Return names that are known, each once."""
    given = list(dict.fromkeys(names))
    if ALL in given:
        return tuple(registry.names())
    for name in given:
        registry.get(name)
    return tuple(given)
