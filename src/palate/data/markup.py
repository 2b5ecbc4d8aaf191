"""HTML to plain text, by its tokens alone.

No tree is built: none is needed for the text, and a tree takes a time that grows with the square of its depth. Every
pattern below stops at the next "<" or at the end, so the time is linear in the length whatever the text is.
"""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5


def _names(names: str) -> str:
    return "|".join(sorted(names.split(), key=len, reverse=True))


_BLOCKS = (
    "address article aside blockquote body br button caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 head header hr html iframe img input legend li main menu nav object ol optgroup option p "
    "pre section select summary table tbody td textarea tfoot th thead title tr ul video audio"
)
"""Elements whose edges part words."""
_INLINE = (
    "a abbr acronym b base bdi bdo big canvas cite code col colgroup data del dfn em embed font i ins kbd label link map mark "
    "meta meter o output param picture progress q rp rt ruby s samp small source span strike strong "
    "sub sup time track tt u var wbr"
)
"""All others."""
_PARTS = frozenset(_BLOCKS.split())
_VALUE = r"""(?:"[^"<]*"|'[^'<]*'|[^\s"'<>]+)"""
_ATTRIBUTE = rf"\s+[a-z_:@][\w:.-]*\s*=\s*{_VALUE}"
_UNSEEN = "script style template noscript svg"
"""Elements whose content is not text. Before one is closed its bare name may be what a text is about: "the <style> tag"."""
_BARE = r"\s+(?:checked|compact|controls|disabled|hidden|itemscope|noshade|nowrap|open|readonly|required|selected)"
_SURE = re.compile(
    rf"</?(?:{_names(f'{_BLOCKS} {_INLINE}')})(?:{_ATTRIBUTE}|{_BARE})*+\s*/?>"
    rf"|<(?:{_names(_UNSEEN)})(?:{_ATTRIBUTE})++\s*/?>|</(?:{_names(_UNSEEN)})\s*>|<!--|<!doctype\b",
    re.IGNORECASE,
)
"""A tag that nobody would write by chance: of a known element, with attributes that have the form of attributes."""
_UNREAD = re.compile(rf"<!--.*?(?:-->|\Z)|<({_names(_UNSEEN)})\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"""</?([a-z][\w:-]*)(?:[^<>"']|"[^"<]*"|'[^'<]*'|["'])*>|<[!?][^<>]*>""", re.IGNORECASE)
_CUT_OFF = re.compile(r"</?[a-z][^<>]*\Z", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|([a-z][a-z0-9]{1,31}));", re.IGNORECASE)


def plain(text: str, cut: bool = False) -> str:
    """Return a text without HTML: tags, comments, scripts and styles dropped, entities written out.

    The edges of paragraphs, cells, list items and the like become blanks. A text without a sure tag keeps every "<" and
    "&" that is no entity. A text that only becomes HTML when its entities are written out was escaped once too often:
    its tags are dropped too.

    Args:
        text: plain or HTML, whole or not.
        cut: whether the text was cut at its end, maybe within a tag.

    Example:
        >>> plain("<p>Fish &amp; chips</p><p><b>f</b>resh</p>").split(), plain("a < b & c, <3")
        (['Fish', '&', 'chips', 'fresh'], 'a < b & c, <3')
    """
    if "<" in text and _SURE.search(text):
        return _written_out(_untagged(text, cut))
    if "&" not in text:
        return text
    text = _written_out(text)
    return _untagged(text, cut) if _SURE.search(text) else text


def _untagged(text: str, cut: bool) -> str:
    text = _TAG.sub(_edge, _UNREAD.sub(" ", text))
    return _CUT_OFF.sub("", text) if cut else text


def _edge(tag: re.Match[str]) -> str:
    return " " if (tag[1] or "").lower() in _PARTS else ""


def _written_out(text: str) -> str:
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(entity: re.Match[str]) -> str:
    """Return what an entity stands for; a name that HTML lacks stays as it is."""
    return entity[0] if entity[1] and f"{entity[1]};" not in html5 else unescape(entity[0])
