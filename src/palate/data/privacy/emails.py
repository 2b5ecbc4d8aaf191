"""E-mail addresses in free text."""

from __future__ import annotations

import re

_AT = r"(?:[@＠]|\s?[\[({]\s?at\s?[\])}]\s?)"
_DOT = r"(?:\.|\s?[\[({]\s?dot\s?[\])}]\s?)"
_ADDRESS = re.compile(
    rf"(?<![\w.+%-])[\w.!#$%&'*+/=?^`|~-]{{1,64}}{_AT}(?:[^\W_](?:[\w-]{{0,61}}[^\W_])?{_DOT}){{1,8}}([^\W\d_]{{2,24}})(?![\w@])",
    re.IGNORECASE,
)
_FILES = {"png", "jpg", "jpeg", "gif", "webp", "svg", "css", "js", "mp3", "mp4"}
"""Endings of files, as in photo@2x.png, which are no top-level domains."""


def emails(text: str) -> list[tuple[int, int]]:
    """Return where e-mail addresses stand: start and end of each; "ann (at) mail (dot) org" is one too.

    Example:
        >>> text = "Write to ann.lee@mail.example, not to @ann or icon@2x.png."
        >>> [text[start:end] for start, end in emails(text)]
        ['ann.lee@mail.example']
    """
    return [match.span() for match in _ADDRESS.finditer(text) if match[1].lower() not in _FILES]
