"""Texts in words, such as they can be dropped, swapped and cut by."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SIGNS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that put no blanks between words: Thai, Lao, Burmese, Khmer, kana and Chinese signs."""
_UNIT = re.compile(rf"(?:[{_SIGNS}]|[^\s{_SIGNS}]+)\s*")


def units(text: str) -> list[str]:
    """Return the words of a text, each with the white space after it; each sign of a script without blanks is one.

    Example:
        >>> units("a red  mug"), units("红色 mug")
        (['a ', 'red  ', 'mug'], ['红', '色 ', 'mug'])
    """
    return _UNIT.findall(text)


def joined(words: Sequence[str]) -> str:
    """Return words as one text; those that would run together get a blank.

    Example:
        >>> joined(["mug", "red  ", "a "]), joined(["色 ", "红"])
        ('mug red  a', '色 红')
    """
    text = ""
    for word in words:
        together = text and not (text[-1].isspace() or _alone(text[-1]) or _alone(word[0]))
        text += f" {word}" if together else word
    return text.strip()


def _alone(sign: str) -> bool:
    return re.match(rf"[{_SIGNS}]", sign) is not None
