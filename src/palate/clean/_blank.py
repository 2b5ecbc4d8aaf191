"""Pictures that show nothing: of one colour, or as good as."""

from __future__ import annotations

from PIL import Image, ImageStat

FLAT = 2.0
"""Deviation of each channel, of 255, below which a picture shows nothing."""


def colour_if_blank(picture: Image.Image) -> str | None:
    """Return the one colour of a picture as `#rrggbb`; None where it shows something. What is transparent is white.

    Example:
        >>> colour_if_blank(Image.new("RGB", (8, 8), (255, 0, 0)))
        '#ff0000'
    """
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    seen = ImageStat.Stat(picture.convert("RGB"))
    if max(seen.stddev) >= FLAT:
        return None
    return "#" + "".join(f"{round(value):02x}" for value in seen.mean)
