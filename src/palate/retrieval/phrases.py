"""Texts to what is looked for: words, and pairs of signs where no spaces part the words."""

from __future__ import annotations

import re
import unicodedata

import polars as pl

from palate.data.rows import shown_text

MOST = 64
"""Phrases of a text that count."""

_CJK = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"
)
"""Signs of Chinese, Japanese and Korean, which are written without spaces between words."""
_RUN = re.compile(f"[{_CJK}]+|[^{_CJK}\\s]+")
_SIGN = re.compile(f"[{_CJK}]")
_GAP = re.compile(f"(?<=[{_CJK}]) +(?=[{_CJK}])")
_CONTROL = r"[\x00-\x1f]"


def spaced(column: pl.Series) -> pl.Series:
    """Return texts in one form (NFKC), with a space on both sides of each Chinese, Japanese or Korean sign.

    Example:
        >>> spaced(pl.Series(["Ｒｅｄ 台灯", None])).to_list()
        ['Red  台  灯 ', '']
    """
    text = shown_text(column).fill_null("").str.normalize("NFKC")
    return text.str.replace_all(_CONTROL, " ").str.replace_all(f"([{_CJK}])", " $1 ")


def joined(text: str) -> str:
    """Return a text without the spaces that `spaced` put between signs.

    Example:
        >>> joined("Red  台  灯 ")
        'Red  台灯'
    """
    return _GAP.sub("", text.strip())


def runs(text: str) -> list[tuple[str, ...]]:
    """Cut a text into runs, each a tuple of phrases in the quotes of FTS5: a word, or the overlapping pairs of signs.

    Signs without a letter or digit are no run, a run that comes again is left out, and after 64 phrases the rest is.

    Example:
        >>> runs('a "lamp": 红台灯')
        [('"a"',), ('\"\"\"lamp\"\":\"',), ('"红 台"', '"台 灯"')]
    """
    clean = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
    found: dict[tuple[str, ...], None] = {}
    left = MOST
    for run in _RUN.findall(re.sub(_CONTROL, " ", clean)):
        if left and any(sign.isalnum() for sign in run):
            phrases = _phrases(run)[:left]
            left -= 0 if phrases in found else len(phrases)
            found[phrases] = None
    return list(found)


def _phrases(run: str) -> tuple[str, ...]:
    if _SIGN.match(run):
        return tuple(f'"{" ".join(run[at : at + 2])}"' for at in range(max(1, len(run) - 1)))
    return (f'"{run.lower().replace(chr(34), chr(34) * 2)}"',)
