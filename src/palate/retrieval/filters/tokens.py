"""The words of a filter: names, texts, numbers, dates and signs, each with its place."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from palate.core.errors import RequestError

LONGEST = 4000
"""Characters that a filter may have."""

Kind = Literal["word", "name", "text", "number", "sign", "end"]

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』"}
_SIGNS = {
    "==": "=", "!=": "!=", "<=": "<=", ">=": ">=", "=": "=", "<": "<", ">": ">", "(": "(", ")": ")", "[": "[", "]": "]",
    ",": ",", "≤": "<=", "≥": ">=", "≠": "!=", "（": "(", "）": ")", "，": ",", "＝": "=", "＜": "<", "＞": ">",
    "［": "[", "］": "]",
}  # fmt: skip
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w.])")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])")
_WORD = re.compile(r"[^\W\d][\w.\-]*")


@dataclass(frozen=True)
class Token:
    """A word with its place, counted from 0."""

    kind: Kind
    text: str
    at: int


def unreadable(at: int, given: str, wanted: str) -> RequestError:
    """Build the error for a filter that cannot be read at a place."""
    shown = f"'{given}'" if given else "its end"
    return RequestError(f"the filter cannot be read at character {at + 1} ({shown}): {wanted}")


def tokens_of(text: str) -> list[Token]:
    """Return the words of a filter, and a last one that marks its end.

    Raises:
        RequestError: a sign is unknown, a quote is not closed, or the filter is too long.

    Example:
        >>> [token.text for token in tokens_of("price <= 2.50 and `in stock` = true")]
        ['price', '<=', '2.50', 'and', 'in stock', '=', 'true', '']
    """
    if len(text) > LONGEST:
        raise RequestError(f"the filter has {len(text):,} characters, and may have {LONGEST:,}: write a shorter one")
    if broken := re.search("[\ud800-\udfff]", text):
        raise unreadable(broken.start(), "?", "it is no Unicode text there")
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token, at = _next(text, at)
        found.append(token)
    return [*found, Token("end", "", len(text))]


def _next(text: str, at: int) -> tuple[Token, int]:
    """Return the word that begins at a place, and where it ends."""
    sign = text[at]
    if sign == "`":
        name, end = _name(text, at)
        return Token("name", name, at), end
    if sign in _QUOTES:
        content, end = _quoted(text, at, _QUOTES[sign])
        return Token("text", content, at), end
    if date := _DATE.match(text, at):
        return Token("text", date.group(), at), date.end()
    if number := _NUMBER.match(text, at):
        if not math.isfinite(float(number.group())):
            raise unreadable(at, number.group()[:20], "the number is too large")
        return Token("number", number.group(), at), number.end()
    if word := _WORD.match(text, at):
        return Token("word", word.group(), at), word.end()
    for length in (2, 1):
        if text[at : at + length] in _SIGNS:
            return Token("sign", _SIGNS[text[at : at + length]], at), at + length
    raise unreadable(
        at,
        re.split(r"\s", text[at : at + 12])[0],
        "expected a column, a value in quotes, a number or one of = != < <= > >= ( ) [ ] ,",
    )


def _name(text: str, at: int) -> tuple[str, int]:
    """Read a column name in backticks; two backticks in it stand for one."""
    end = at + 1
    while (end := text.find("`", end)) >= 0:
        if text[end + 1 : end + 2] != "`":
            return text[at + 1 : end].replace("``", "`"), end + 1
        end += 2
    raise unreadable(at, text[at : at + 12], "the backtick is never closed")


def _quoted(text: str, at: int, close: str) -> tuple[str, int]:
    """Read a text in quotes; a backslash stands before a quote or a backslash that is meant as such."""
    content: list[str] = []
    end = at + 1
    while end < len(text):
        sign = text[end]
        if sign == close:
            return "".join(content), end + 1
        if sign == "\\":
            end += 1
            sign = text[end : end + 1]
            if sign not in (close, "\\"):
                raise unreadable(
                    end - 1, "\\" + sign, f"a backslash stands only before {close} or another backslash: write \\\\"
                )
        content.append(sign)
        end += 1
    raise unreadable(at, text[at : at + 12], f"the quote is never closed: end the text with {close}")
