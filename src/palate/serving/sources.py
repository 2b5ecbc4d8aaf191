"""Where the settings of a service come from: a file, the environment over it, the command line over both."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from palate.core.errors import ConfigError, did_you_mean
from palate.serving.settings import ServingSettings

PREFIX = "PALATE_SERVE_"
"""What the name of a variable of the environment begins with, before that of the setting in capitals."""
COMMAND_LINE = "the command line"
_PASSWORD = re.compile(r"(://[^:/@]*):[^@]*@")


@dataclass(frozen=True)
class InForce:
    """The settings of a service, and for each that was given where it came from."""

    settings: ServingSettings
    sources: Mapping[str, str]

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Return name, value and source of each setting; a password is left out."""
        for name, value in self.settings.model_dump(mode="json").items():
            shown = "-" if value is None else _PASSWORD.sub(r"\1:…@", str(value))
            yield name, shown, self.sources.get(name, "default")


def gather(file: Path | None, environment: Mapping[str, str], given: Mapping[str, Any]) -> InForce:
    """Return the settings in force.

    Args:
        file: TOML, a line each, as in `max_k = 50`.
        environment: variables such as `PALATE_SERVE_MAX_K`; a list is written with commas.
        given: from the command line; None is not given.

    Raises:
        ConfigError: a setting is unknown, or its value is not allowed; the message says which, where and what is.

    Example:
        >>> gather(None, {"PALATE_SERVE_MAX_K": "50"}, {"port": 8001}).sources
        {'max_k': 'PALATE_SERVE_MAX_K', 'port': 'the command line'}
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    wanted = {name: value for name, value in given.items() if value is not None}
    for told, where in ((_read(file), str(file)), (_of(environment), None), (wanted, COMMAND_LINE)):
        for name, value in told.items():
            source = where or PREFIX + name.upper()
            values[name] = getattr(ServingSettings.of({name: value}, source), name)
            sources[name] = source
    return InForce(ServingSettings.of(values), sources)


def _read(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"the settings {file} cannot be read ({error.strerror}): name a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the settings {file} are no TOML ({error}): write a line for each, as in max_k = 50"
        ) from error


def _of(environment: Mapping[str, str]) -> dict[str, Any]:
    fields = ServingSettings.model_fields
    known = {PREFIX + name.upper(): name for name in fields}
    told: dict[str, Any] = {}
    for variable, value in environment.items():
        if variable.startswith(PREFIX):
            if variable not in known:
                raise ConfigError(f"{variable} sets nothing: {did_you_mean(variable, known)}")
            name = known[variable]
            told[name] = _several(value) if "tuple" in str(fields[name].annotation) else value
    return told


def _several(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
