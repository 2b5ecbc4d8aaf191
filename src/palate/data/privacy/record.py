"""What was done for the people in a dataset, as its dataset.toml says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Privacy:
    """What holds of a dataset; every copy of it keeps this."""

    key: str = ""
    """Fingerprint of the key by which ids of users became pseudonyms; empty where they are as they came."""
    texts: bool = False
    """Whether e-mail addresses, telephone and card numbers were masked in its texts."""
    media: bool = False
    """Whether its media files were written anew without their metadata."""

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> Self:
        """Read the table [privacy] of a dataset.toml."""
        return cls(str(about.get("key", "")), bool(about.get("texts", False)), bool(about.get("media", False)))

    def as_dict(self) -> dict[str, Any]:
        """Return what holds; empty where nothing was done."""
        return {name: value for name, value in asdict(self).items() if value}
