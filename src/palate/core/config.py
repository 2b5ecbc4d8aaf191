"""Frozen configs: the one place where a hyperparameter is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from palate.core.errors import ConfigError, did_you_mean

_BOUNDS = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
_OF_NUMBERS = {
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "int_type", "int_parsing", "int_from_float",
    "float_type", "float_parsing",
}  # fmt: skip
"""What pydantic calls numbers out of range, and what is no number."""


class Config(BaseModel):
    """Base of every config: immutable, unknown keys are errors, the docstring under a field documents it.

    Example:
        >>> class Knn(Config):
        ...     neighbours: int = 20
        >>> Knn.of({"neighbors": 3})
        Traceback (most recent call last):
        ...
        palate.core.errors.ConfigError: Knn has no setting 'neighbors': did you mean 'neighbours'? (allowed: neighbours)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)

    @classmethod
    def of(cls, settings: Mapping[str, Any], source: str | None = None) -> Self:
        """Build from plain values.

        Args:
            settings: by name.
            source: where they come from, for the message; the name of the config where nothing is said.

        Raises:
            ConfigError: an unknown key (with the nearest known one) or a value out of range.
        """
        named = source or cls.__name__
        for key in settings:
            if key not in cls.model_fields:
                raise ConfigError(f"{named} has no setting '{key}': {did_you_mean(key, cls.model_fields)}")
        try:
            return cls(**settings)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or named
            told = (first["type"] in _OF_NUMBERS and _allowed(cls.model_fields.get(where))) or first["msg"]
            raise ConfigError(f"{named}: setting '{where}' was {first['input']!r}: {told}") from error


def _allowed(field: FieldInfo | None) -> str:
    """Return the whole range of a number, or nothing where it has no bounds."""
    bounds = [
        f"{told} {limit:g}"
        for each in (field.metadata if field else ())
        for word, told in _BOUNDS.items()
        if isinstance(limit := getattr(each, word, None), int | float)
    ]
    kind = "whole number" if field and field.annotation is int else "number"
    return f"allowed is a {kind} that is {' and '.join(bounds)}" if bounds else ""


def parse_settings(pairs: Iterable[str]) -> dict[str, Any]:
    """Read `key=value` words of a command line; a value is JSON where it parses as JSON, else text.

    Words in a list need no quotes.

    Example:
        >>> parse_settings(["shrink=30", "parts=[title,\\"a b\\"]", "how=mean"])
        {'shrink': 30, 'parts': ['title', 'a b'], 'how': 'mean'}
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise ConfigError(f"'{pair}' is not a setting: write key=value, as in shrink=30")
        try:
            settings[key] = json.loads(_quoted(text))
        except json.JSONDecodeError:
            settings[key] = text
    return settings


def _quoted(text: str) -> str:
    """Put the bare words of a list in quotes."""
    if not text.startswith("["):
        return text
    return re.sub(r"(?<=[\[,])\s*([A-Za-z_][\w.-]*)\s*(?=[,\]])", lambda word: _word(word[1]), text)


def _word(text: str) -> str:
    return text if text in ("true", "false", "null") else f'"{text}"'
