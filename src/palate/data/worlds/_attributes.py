"""What an item of a world can be: attributes by modality, each shown by that modality and by no other."""

from __future__ import annotations

from collections.abc import Mapping

from palate.core.rng import generator
from palate.core.types import Codes

Values = Mapping[str, tuple[str, ...]]
"""Attribute -> what it can be."""
Vocabulary = Mapping[str, Values]
"""Modality -> attribute -> what it can be; no two attributes of a world bear the same name."""
Attributes = dict[str, dict[str, Codes]]
"""Modality -> attribute -> the value's number, one for each item."""


def draw_attributes(vocabulary: Vocabulary, n_items: int, seed: int) -> Attributes:
    """Give each item a value of each attribute: equally often each, independent of all the others.

    Example:
        >>> {name: codes.tolist() for name, codes in draw_attributes({"sound": {"pitch": ("low", "high")}}, 3, 0)["sound"].items()}
        {'pitch': [0, 0, 1]}
    """
    drawn: Attributes = {}
    for modality, attributes in vocabulary.items():
        drawn[modality] = {}
        for name, values in attributes.items():
            rng = generator(seed, "attribute", modality, name)
            drawn[modality][name] = (rng.permutation(n_items) % len(values)).astype("int32")
    return drawn


def duplicated(attributes: Attributes, source: Codes) -> Attributes:
    """Return the attributes with those of a copy's original in the place of its own."""
    return {
        modality: {name: codes[source] for name, codes in of_modality.items()}
        for modality, of_modality in attributes.items()
    }
