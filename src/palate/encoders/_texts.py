"""Reading texts: markup, emoji and what cannot be seen are taken out before an encoder looks."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.metadata import version
from typing import Any

from palate.data.language import certain_language
from palate.data.markup import plain
from palate.interfaces import Raw

_VERSION = 2
"""Raised whenever `read_text` makes something else of the same text."""
_MARKED = 16
"""How many characters are looked at for each that is kept, since markup may be most of a text."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u20e3\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
"""Controls, zero-width and direction marks, soft hyphens, variation selectors, frames of keys, private use, halves of surrogate pairs."""
_TONES = re.compile("[\U0001f3fb-\U0001f3ff\u20e3\ufe0e\ufe0f]")
"""Skin tones, and what makes a plain sign an emoji: "1" with a frame around is 1."""
_PICTURED = re.compile("[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]")
_FIRST_NAMED = "\u2190"
"""©, ®, ™, ‼ and digits, which stand before it, are signs and not pictures."""


def read_text(raw: Raw, longest: int) -> str | None:
    """Return a text as an encoder should see it, at most `longest` characters of it.

    HTML becomes plain text (see `plain`). An emoji becomes its Unicode name, in Chinese, Japanese or Korean among such
    letters and else in English: to most encoders all emoji are the same unknown sign, while "pizza" is a word that they
    know; skin tones are dropped, and sequences and flags have one name. Controls and characters of no width go, letters
    are composed (NFC), white space is single blanks.

    Missing data:
        None where nothing is left, as of an empty text, of white space, or of markup only.

    Example:
        >>> read_text("<p>Best&nbsp;🍕 in town</p>  👍🏽", 100), read_text("<br/> ", 100)
        ('Best pizza in town thumbs up', None)
    """
    whole = str(raw)
    text = whole[: _MARKED * longest]
    if "<" in text or "&" in text:
        text = plain(text, len(text) < len(whole))
    if not text.isascii():
        if _PICTURED.search(text):
            text = named_emoji(text)
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    elif not text.isprintable():
        text = _UNSEEN.sub("", text)
    return " ".join(text.split())[:longest].rstrip() or None


def reading() -> str:
    """Return the version of `read_text` and of the names it gives to emoji, for the fingerprints of all that read texts."""
    return f"{_VERSION}, emoji {version('emoji')}"


def named_emoji(text: str) -> str:
    """Return a text with the name of each emoji in its place, between blanks.

    Example:
        >>> named_emoji("I ❤️ 👩🏽‍🚀").split(), named_emoji("我爱🍕").split(), named_emoji("🇨🇳").strip()
        (['I', 'red', 'heart', 'woman', 'astronaut'], ['我爱', '披萨'], 'China')
    """
    import emoji

    text = _TONES.sub("", text)
    code = certain_language(_PICTURED.sub("", text)) or "en"
    code = code if _load_names(code) else "en"

    def name(sign: str, data: dict[str, Any]) -> str:
        if sign[0] < _FIRST_NAMED:
            return sign
        return f" {(data.get(code) or data['en']).strip(':').replace('_', ' ')} "

    return str(emoji.replace_emoji(text, name))


@cache
def _load_names(code: str) -> bool:
    """Load the names of emoji in a language; tell whether there are any."""
    import emoji

    if code not in ("zh", "ja", "ko"):
        return False
    emoji.config.load_language(code)
    return True
