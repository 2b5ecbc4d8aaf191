"""Texts that say nothing, and texts in a language that hardly any other is in."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl

from palate.clean._spoilt import Spoilt
from palate.core.progress import track
from palate.core.types import Codes
from palate.data.dataset import Dataset
from palate.data.features import OF, part_name
from palate.data.language import certain_language, language
from palate.data.markup import plain

_READ = 1000
_NOTHING = frozenset(("n/a", "n.a.", "null", "nan", "nil", "undefined", "#n/a", "lorem ipsum", "<na>"))
"""What no thing is called."""
_FILLER = frozenset((
    "none", "unknown", "untitled", "no title", "no name", "no description", "not available", "tbd", "tba", "todo", "test",
    "title", "description", "无", "暂无", "未知", "没有", "测试",
))  # fmt: skip
"""What a thing might be called, but hardly `_SEVERAL` of them."""
_SEVERAL = 3
_SENTENCE = 50
"""Letters from which on the words, and not the script alone, tell a language for sure; names of films seem to be in any."""
RARE, FEWEST = 0.05, 20
"""A language is stray if fewer than this share of the texts are in it, among at least so many whose language is told."""


def of_texts(data: Dataset) -> list[Spoilt]:
    """Find texts without a word or with a filler in place of one, and texts in a stray language; all columns of text."""
    found = []
    for of in OF:
        table = data.table_of(of)
        for column in table.of_type("text"):
            name = part_name(column, of)
            rows, texts = _filled(table.table[column])
            empty = np.array([says_nothing(text, times) for text, times in _with_counts(texts)], dtype=bool)
            what = f"{{n}} texts of '{name}' say nothing"
            told = tuple(f"({text[:40]!r})" for text, void in zip(texts, empty, strict=True) if void)
            found.append(Spoilt("empty-text", what, of, column, rows[empty], told))
            tongues = [language(text) for text in track(texts, f"reading {name}", len(texts), "texts")]
            stray = _stray(tongues)
            rare = [code in stray and _is_sure(text) for text, code in zip(texts, tongues, strict=True)] & ~empty
            what = f"{{n}} texts of '{name}' are in a language that fewer than {RARE:.0%} of them are in"
            told = tuple(f"({code})" for code, is_rare in zip(tongues, rare, strict=True) if is_rare)
            found.append(Spoilt("stray-language", what, of, column, rows[rare], told))
    return found


def says_nothing(text: str, times: int = 1) -> bool:
    """Tell whether a text that stands in so many rows says nothing.

    Example:
        >>> [says_nothing(text) for text in ("...", "N/A", "xxxxx", "Z", "unknown")], says_nothing("unknown", 3)
        ([True, True, True, False, False], True)
    """
    text = text.strip().casefold()
    letters = [letter for letter in text if letter.isalnum()]
    if not letters or text in _NOTHING or text.startswith("lorem ipsum"):
        return True
    if len(letters) >= 5 and len(set(letters)) == 1:
        return True
    return times >= _SEVERAL and text in _FILLER


def _filled(column: pl.Series) -> tuple[Codes, list[str]]:
    rows = np.flatnonzero(column.is_not_null().to_numpy()).astype(np.int32)
    return rows, [plain(text[:_READ]) for text in column.drop_nulls().to_list()]


def _with_counts(texts: list[str]) -> list[tuple[str, int]]:
    counts = Counter(text.strip().casefold() for text in texts)
    return [(text, counts[text.strip().casefold()]) for text in texts]


def _is_sure(text: str) -> bool:
    """Tell whether the language of a text is beyond doubt: a sentence, or written as no other language is."""
    return sum(map(str.isalpha, text)) >= _SENTENCE or certain_language(text) is not None


def _stray(tongues: list[str | None]) -> set[str]:
    counts = Counter(code for code in tongues if code is not None)
    n = counts.total()
    return {code for code, times in counts.items() if times < RARE * n} if n >= FEWEST else set()
