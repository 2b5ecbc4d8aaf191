"""What the parts of items mean, in words, where their encoder can say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property

from palate.core.errors import PalateError
from palate.data.features import FeatureTable
from palate.encoders import restore
from palate.interfaces import Describes

_MOST = 3
_LOOKED_AT = 50


class SharedWords:
    """What an item has in common with those that somebody liked, part by part, by the words of the parts' encoders.

    Args:
        features: parts by name, with the encoders that made them.
    """

    def __init__(self, features: Mapping[str, FeatureTable]) -> None:
        self.features = features
        self._said: dict[tuple[str, int], list[str]] = {}

    @cached_property
    def _encoders(self) -> dict[str, Describes]:
        """Encoders that can describe; one that is not installed, or whose weights cannot be had, describes nothing."""
        found: dict[str, Describes] = {}
        for name, table in self.features.items():
            try:
                encoder = restore(table.encoder) if table.encoder is not None and table.of == "items" else None
                if isinstance(encoder, Describes):
                    encoder.describe(table.values[:1])
                    found[name] = encoder
            except PalateError:
                continue
        return found

    def of(self, part: str, item: int, liked: Sequence[int]) -> list[str]:
        """Return words of an item's part that also fit what was liked, those of the most liked items first.

        Missing data:
            No words where the item or every liked one lacks the part, or the encoder has no words.
        """
        own = self._words(part, item)
        counts = Counter(word for code in liked[-_LOOKED_AT:] for word in self._words(part, code)) if own else Counter()
        return sorted((word for word in own if counts[word]), key=lambda word: (-counts[word], own.index(word)))[:_MOST]

    def _words(self, part: str, item: int) -> list[str]:
        if part not in self._encoders or not self.features[part].present[item]:
            return []
        if (part, item) not in self._said:
            (words,) = self._encoders[part].describe(self.features[part].values[item : item + 1])
            self._said[part, item] = words
        return self._said[part, item]
