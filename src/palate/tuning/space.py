"""What may be tried: for each model the settings that matter, over the ranges that the literature uses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeAlias

from palate import align, fusion
from palate.bundle.build import takes_fusion
from palate.core.config import Config
from palate.core.errors import ConfigError, did_you_mean
from palate.core.registry import Registry
from palate.fusion.concat import Concat
from palate.models import Model, registry


@dataclass(frozen=True)
class Between:
    """Numbers from low to high; `log` tries as many below their geometric middle as above."""

    low: float
    high: float
    log: bool = True

    def asked(self, trial: Any, name: str) -> float:
        """Return the number that a trial of Optuna proposes, of three digits."""
        drawn = float(f"{trial.suggest_float(name, self.low, self.high, log=self.log):.3g}")
        return float(min(max(drawn, self.low), self.high))

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies in the range."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def ends(self) -> tuple[Any, ...]:
        """Return both ends."""
        return self.low, self.high

    def stretched(self, value: Any) -> Dimension:
        """Return the range that reaches to a value."""
        low = min(self.low, value)
        return Between(low, max(self.high, value), self.log and low > 0)


@dataclass(frozen=True)
class Whole:
    """Whole numbers from low to high."""

    low: int
    high: int
    log: bool = False

    def asked(self, trial: Any, name: str) -> int:
        """Return the number that a trial of Optuna proposes."""
        return int(trial.suggest_int(name, self.low, self.high, log=self.log))

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies in the range."""
        return isinstance(value, int) and self.low <= value <= self.high

    def ends(self) -> tuple[Any, ...]:
        """Return both ends."""
        return self.low, self.high

    def stretched(self, value: Any) -> Dimension:
        """Return the range that reaches to a value."""
        low = min(self.low, value)
        return Whole(low, max(self.high, value), self.log and low > 0)


@dataclass(frozen=True)
class OneOf:
    """Some values, in no order."""

    values: tuple[Any, ...]

    def asked(self, trial: Any, name: str) -> Any:
        """Return the value that a trial of Optuna proposes."""
        return trial.suggest_categorical(name, self.values)

    def holds(self, value: Any) -> bool:
        """Tell whether a value is one of them."""
        return value in self.values

    def ends(self) -> tuple[Any, ...]:
        """Return all of them."""
        return self.values

    def stretched(self, value: Any) -> Dimension:
        """Return the values with one more among them."""
        return self if value in self.values else OneOf((*self.values, value))


Dimension: TypeAlias = Between | Whole | OneOf
Space: TypeAlias = Mapping[str, Dimension]
"""Setting -> what may be tried; those of `JOINS` are the recipe's words."""
JOINS = ("align", "fuse")
"""Words of a recipe that say how one vector is made of the parts."""

_FUSE = OneOf(("concat", "weighted", "mean"))
_SHRINK = Between(1, 1000)
_POWER = Between(0, 0.5, log=False)
_DIM = OneOf((32, 64, 128))
_SHARE = Between(0, 0.8, log=False)

NETWORKS: Space = {
    "dim": _DIM,
    "lr": Between(3e-4, 1e-2),
    "reg": OneOf((0.0, 1e-5, 1e-4, 1e-3, 1e-2)),
    "layers": Whole(1, 3),
    "temperature": Between(0.05, 1.0),
    "negatives": OneOf((1, 4, 16)),
    "dropout": _SHARE,
    "dropped": _SHARE,
    "hidden": _SHARE,
    "neighbours": OneOf((5, 10, 20)),
    "content": Between(1e-4, 100),
    "contrast": Between(1e-4, 1),
    "contrast_temperature": Between(0.05, 1.0),
}
"""What networks are tried with, by the names that they share; one that has no such setting goes without."""

SPACES: Mapping[str, Space] = {
    "popularity": {},
    "item-knn": {"shrink": _SHRINK, "user_power": _POWER, "neighbours": OneOf((0, 50, 200))},
    "user-knn": {"shrink": _SHRINK, "item_power": _POWER, "neighbours": Whole(50, 1000, log=True)},
    "ease": {"reg": Between(1, 3000)},
    "cease": {"reg": Between(1, 3000), "content": Between(0.01, 10)},
    "slim": {"l1": Between(0.1, 10), "reg": Between(1, 300)},
    "vector-space": {"fuse": _FUSE},
    "content-knn": {"neighbours": Whole(5, 100, log=True), "fuse": _FUSE},
    "als": {"dim": _DIM, "reg": Between(0.1, 300), "alpha": Between(1, 40), "epochs": OneOf((10, 20))},
    "bpr": {"dim": _DIM, "lr": Between(0.01, 0.1), "reg": Between(1e-3, 0.1), "epochs": OneOf((30, 100, 300))},
    "two-tower": {"fuse": OneOf(("mlp", "gated", "attention", "low-rank-bilinear"))},
    "logistic": {"reg": Between(0.1, 100), "negatives": OneOf((1, 4, 10)), "dim": _DIM, "fuse": _FUSE},
    "mlp-ctr": {
        "epochs": Whole(5, 20), "lr": Between(1e-3, 1e-2), "reg": Between(1e-4, 1), "negatives": OneOf((4, 10)), "dim": _DIM,
    },
    "lgmrec": {"hyperedges": OneOf((4, 8, 32)), "alpha": Between(0.05, 1)},
    "umami": {
        "hop": Between(0, 2, log=False), "unmet": Between(0, 0.5, log=False), "item_power": Between(0.3, 0.9, log=False),
        "shrink": _SHRINK, "user_power": _POWER, "ease_reg": Between(10, 1000),
    },
}  # fmt: skip
"""What each model is tried with; a network, beside what is its own here, with what networks share."""

OF_PARTS = frozenset({"content", "hop", "neighbours", "unmet"})
"""Settings that do nothing without parts, of models that can do without."""
BESIDE = {
    "shrink": ("item-knn",),
    "user_power": ("item-knn",),
    "ease_reg": ("ease", "cease"),
    "ease_content": ("cease",),
}
"""Setting of umami -> the models beside its cosines that it is of."""


def space_of(
    name: str, settings: Mapping[str, Any], words: Mapping[str, Dimension] | None = None, *, parts: bool = True
) -> Space:
    """Return what to try of a model: what is on the list, without what is settled or has nothing to act on.

    Each range on the list reaches to the model's default, which is the first trial; those of `words` stay as they are.

    Args:
        name: of the model.
        settings: what is settled, by the recipe; its `align` and `fuse` too.
        words: further settings to try, or other ranges.
        parts: whether the items have parts.

    Raises:
        ConfigError: nothing can be tried, the model has no such setting, does not take a value of it, or one is settled and
            tried, or no number and has a range.
        UnknownNameError: an aligner or a fusion to be tried is not there.
    """
    kind: type[Model[Any]] = registry.get(name)
    if name == "ensemble":
        raise ConfigError("an ensemble has nothing to try, since validation weighs its members: tune these")
    settled = {word: value for word, value in settings.items() if word not in JOINS}
    config = kind.config_type.of(settled)
    more = dict(words or {})
    known = [*kind.config_type.model_fields, *(JOINS if takes_fusion(name) else [])]
    for word in more:
        if word not in known:
            raise ConfigError(f"{name} has no setting '{word}' to try: {did_you_mean(word, known)}")
        if word in settings:
            raise ConfigError(
                f"'{word}' of {name} is settled as {settings[word]!r} and is to be tried too: leave out one of the two"
            )
        if not isinstance(more[word], OneOf) and not _takes_numbers(getattr(config, word, "")):
            raise ConfigError(
                f"'{word}' of {name} is no number, so a range says nothing: give values, as in {word}=this|that"
            )
    listed = {**(NETWORKS if kind.extra == "deep" else {}), **SPACES.get(name, {})}
    idle = OF_PARTS if not parts and "features" in kind.accepts else frozenset()
    defaults = {**dict(config), "fuse": Concat.name}
    found = {
        word: dimension if defaults.get(word) is None else dimension.stretched(defaults[word])
        for word, dimension in listed.items()
        if word in JOINS or (word not in idle and _acts(word, config))
    }
    for word, dimension in more.items():
        if word in idle:
            raise ConfigError(
                f"'{word}' of {name} does nothing here, since the items have no parts: leave out --try {word}"
            )
        found[word] = _taken(kind.config_type, settled, word, dimension)
    space = {word: dimension for word, dimension in sorted(found.items()) if word not in settings}
    if not space:
        raise ConfigError(f"of {name} there is nothing to try that is not settled: leave out some --set, or give --try")
    return space


def _taken(kind: type[Config], settled: Mapping[str, Any], word: str, dimension: Dimension) -> Dimension:
    """Return what is to be tried as a setting takes it: a range of whole numbers, or of all.

    Raises:
        ConfigError: an end of the range, or a value, is none that it takes, or no name of an aligner or a fusion.
        UnknownNameError: an aligner or a fusion is not there.
    """
    if word in JOINS:
        kinds: Registry[Any] = align.registry if word == "align" else fusion.registry
        for value in dimension.ends():
            if not isinstance(value, str):
                raise ConfigError(
                    f"'{word}' was to be tried as {json.dumps(value)}, which is no name: {did_you_mean('', kinds.names())}"
                )
            kinds.get(value)
        return dimension
    for value in dimension.ends():
        kind.of({**settled, word: value})
    if isinstance(dimension, OneOf):
        return dimension
    low, high, log = dimension.low, dimension.high, dimension.log
    between = low if low % 1 else low + min(0.5, (high - low) / 2)
    try:
        kind.of({**settled, word: between})
    except ConfigError:
        return Whole(int(low), int(high), log)
    return Between(low, high, log)


def _takes_numbers(default: Any) -> bool:
    """Tell whether a setting may be a number; of one whose default is nothing that shows in the trials."""
    return default is None or (isinstance(default, int | float) and not isinstance(default, bool))


def _acts(word: str, config: Config) -> bool:
    """Tell whether a model has a setting, a number, and whether under the others it does anything."""
    if not isinstance(getattr(config, word, None), int | float):
        return False
    if hasattr(config, "beside") and word in BESIDE:
        late = getattr(config, "late", None)  # what validation does not choose is item-knn
        return late != 0 and (config.beside or ("item-knn" if late else None)) in (None, *BESIDE[word])
    if hasattr(config, "hop") and word in ("hop", "neighbours"):
        return bool(config.hop and getattr(config, "neighbours", 0))
    if hasattr(config, "loss") and word in ("temperature", "log_q"):
        from palate.training.losses import registry as losses

        return word in losses.get(config.loss).config_type.model_fields
    if hasattr(config, "sampler") and word == "negatives":
        from palate.training.samplers import registry as samplers

        return "count" in samplers.get(config.sampler).config_type.model_fields
    return True


def parse_space(pairs: list[str]) -> dict[str, Dimension]:
    """Read `name=low..high` and `name=a|b|c` words of a command line.

    A range of numbers that spans a factor of ten or more is tried by its logarithm.

    Example:
        >>> parse_space(["lr=1e-4..1e-2", "layers=1..3", "dim=32|64"])
        {'lr': Between(low=0.0001, high=0.01, log=True), 'layers': Whole(low=1, high=3, log=False), 'dim': OneOf(values=(32, 64))}
    """
    space: dict[str, Dimension] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        low, dots, high = text.partition("..")
        numbers: Any = (_number(low), _number(high)) if dots else ()
        if not name or not equals or not text or (dots and (None in numbers or numbers[0] >= numbers[1])):
            raise ConfigError(f"'{pair}' is nothing to try: write a range as lr=1e-4..1e-2, or values as dim=32|64|128")
        if name in space:
            raise ConfigError(
                f"'{name}' is to be tried twice: give one range, or all its values, as in {name}=this|that"
            )
        if not dots:
            space[name] = OneOf(_values(name, text))
            continue
        kind: Any = Whole if all(isinstance(end, int) for end in numbers) else Between
        space[name] = kind(*numbers, log=numbers[0] > 0 and numbers[1] / numbers[0] >= 10)
    return space


def _values(name: str, text: str) -> tuple[Any, ...]:
    values = tuple(map(_value, text.split("|")))
    if any(isinstance(value, str) and "," in value and not value.startswith("[") for value in values):
        told = text.replace(", ", "|").replace(",", "|")
        raise ConfigError(f"'{name}={text}' has commas, and values stand between |: write '{name}={told}', in quotes")
    return values


def _number(text: str) -> Any:
    return int(text) if re.fullmatch(r"-?\d+", text) else _float(text)


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
