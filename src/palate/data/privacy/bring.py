"""A media file brought to its place without its metadata."""

from __future__ import annotations

from pathlib import Path

from palate.data.media import EXTENSIONS, bring
from palate.data.privacy.clips import Untouched, without_tags
from palate.data.privacy.pictures import Unknown, without_metadata

_BARE = {".bmp"}
"""Pictures that can hold no metadata."""


def bring_clean(source: Path, target: Path, clean: bool = True) -> str | None:
    """Put a file at `target`, written anew where it holds metadata; returns why it keeps them, where it does.

    The file at `source` is never changed. A file that is neither a picture, a sound nor a video is brought as it is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not clean or target.exists():
        bring(source, target)
        return None
    ending = source.suffix.lower()
    if ending in EXTENSIONS["audio"] | EXTENSIONS["video"]:
        try:
            without_tags(source, target)
        except Untouched as error:
            target.unlink(missing_ok=True)
            bring(source, target)
            return str(error)
        return None
    content = source.read_bytes()
    try:
        plain = without_metadata(content)
    except Unknown as error:
        bring(source, target)
        return str(error) if ending in EXTENSIONS["image"] - _BARE else None
    if plain == content:
        bring(source, target)
    else:
        target.write_bytes(plain)
    return None
