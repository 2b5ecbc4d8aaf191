"""Reading texts."""

from __future__ import annotations

import unicodedata

from palate.interfaces import Raw


def read_text(raw: Raw, longest: int) -> str | None:
    """Return a text in composed form, its white space made single blanks, cut at `longest` characters.

    Missing data:
        An empty text, or one of white space only, is None.
    """
    text = unicodedata.normalize("NFC", str(raw)[: 4 * longest])
    return " ".join(text.split())[:longest].rstrip() or None
