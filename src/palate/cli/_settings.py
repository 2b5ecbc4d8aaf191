"""Settings that are typed as NAME.key=value: of the model, or of what completes, standardises, aligns and fuses its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from palate.core.errors import ConfigError

_JOINING = ("complete", "standardise", "align", "fuse", "late")


def shared_out(
    fields: Mapping[str, Any], settings: Mapping[str, Any], joining: Sequence[str] = _JOINING
) -> dict[str, Any]:
    """Return the fields of a recipe with each setting given to whose it is; what names nobody is the model's.

    Args:
        fields: of the recipe so far, a model among them.
        settings: as they were typed. Of an ensemble, NAME may be a member, and the ensemble asks for it.
        joining: the options of the command that name what joins the parts.

    Raises:
        ConfigError: NAME is a completer, a standardiser, an aligner or a fusion that the recipe does not name, or several of these.

    Example:
        >>> shared_out({"model": "content-knn", "fuse": "mean"}, {"mean.dim": 8, "neighbours": 9})
        {'model': 'content-knn', 'fuse': 'mean', 'settings': {'neighbours': 9}, 'fuse_settings': {'dim': 8}}
    """
    given = {**fields, "settings": dict(fields.get("settings", {}))}
    for key, value in settings.items():
        field, setting = _whose(given, key, joining)
        given[field] = {**given.get(field, {}), setting: value}
    return given


def _whose(fields: Mapping[str, Any], key: str, joining: Sequence[str]) -> tuple[str, str]:
    """Return the field of the recipe that a setting goes to, and what it is called there."""
    name, _, setting = key.partition(".")
    if not setting:
        return "settings", key
    if name == fields["model"]:
        return "settings", setting
    found = [word for word in joining if fields.get(word) == name]
    if len(found) > 1:
        both = " and ".join(f"--{word} {name}" for word in found)
        raise ConfigError(f"the setting '{key}' may be of {both}: say which in a recipe, by {found[0]}_settings")
    if found:
        return f"{found[0]}_settings", setting
    if fields["model"] != "ensemble" and (able := _registered(name, joining)):
        ways = " or ".join(f"--{word} {name}" for word in able)
        raise ConfigError(f"the setting '{key}' is for '{name}', which is not named: add {ways}")
    return "settings", key


def _registered(name: str, joining: Sequence[str]) -> list[str]:
    """Return the options that take a name."""
    from palate.align import registry as aligners
    from palate.complete import registry as completers
    from palate.fusion import registry as fusions
    from palate.fusion.late import registry as late
    from palate.standardise import registry as standardisers

    registries: dict[str, Any] = {
        "complete": completers, "standardise": standardisers, "align": aligners, "fuse": fusions, "late": late,
    }  # fmt: skip
    return [word for word in joining if name in registries[word].names()]
