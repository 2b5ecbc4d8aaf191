"""Views of a raw value: the same thing with words dropped, cropped, in other light, or at another loudness; one method a file.

A method knows nothing of files and encoders: it turns a text, a picture or samples into one of the same kind, by the
generator that it is handed. `Views` makes several of one value, and encoders take their mean (see `Encoder.with_views`).
"""

from __future__ import annotations

from palate.augment._base import Augmentation, PictureAugmentation, SoundAugmentation, TextAugmentation
from palate.augment._registry import registry
from palate.augment._views import Views

__all__ = ["Augmentation", "PictureAugmentation", "SoundAugmentation", "TextAugmentation", "Views", "registry"]
