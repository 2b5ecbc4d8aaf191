"""What a thing of the shop can be: the visible attributes of each modality, which no other modality tells."""

from __future__ import annotations

from palate.core.rng import generator
from palate.core.types import Codes

ATTRIBUTES: dict[str, dict[str, tuple[str, ...]]] = {
    "text": {
        "kind": ("lamp", "mug", "backpack", "scarf", "notebook", "clock", "armchair", "teapot", "bicycle", "guitar"),
        "theme": ("ocean", "forest", "space", "city", "football", "flower", "dinosaur", "winter"),
        "style": ("minimalist", "vintage", "playful", "luxury", "rugged", "romantic"),
    },
    "picture": {
        "colour": ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"),
        "motif": ("circle", "square", "triangle", "star", "ring", "cross", "heart", "moon"),
        "texture": ("plain", "stripes", "dots", "checker", "waves", "gradient"),
    },
    "sound": {
        "timbre": ("pure", "reed", "string", "bell", "breath"),
        "pitch": ("lowest", "low", "middle", "high", "highest"),
        "rhythm": ("steady", "beats", "trill", "rising"),
    },
}
"""Modality -> attribute -> values."""

Attributes = dict[str, dict[str, Codes]]
"""Modality -> attribute -> the value's number, one for each item."""


def draw_attributes(n_items: int, seed: int) -> Attributes:
    """Give each item a value of each attribute: equally often each, independent of all the others.

    Example:
        >>> sorted(draw_attributes(3, 0)["sound"])
        ['pitch', 'rhythm', 'timbre']
    """
    drawn: Attributes = {}
    for modality, attributes in ATTRIBUTES.items():
        drawn[modality] = {}
        for name, values in attributes.items():
            rng = generator(seed, "attribute", modality, name)
            drawn[modality][name] = (rng.permutation(n_items) % len(values)).astype("int32")
    return drawn


def named(attributes: Attributes, item: int, modality: str) -> dict[str, str]:
    """Return the values of one item in one modality, in words."""
    return {name: ATTRIBUTES[modality][name][int(codes[item])] for name, codes in attributes[modality].items()}
