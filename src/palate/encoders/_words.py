"""The words of a text, for the encoders that count them."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import chain
from threading import Lock
from typing import Annotated, Any, Self

from pydantic import AfterValidator, PositiveInt, model_validator

from palate.core.config import Config
from palate.core.types import JSON
from palate.data.language import certain_language


def _rising(sizes: tuple[int, int]) -> tuple[int, int]:
    if sizes[0] > sizes[1]:
        raise ValueError(f"n-grams cannot go from {sizes[0]} to {sizes[1]}: give the shorter first")
    return sizes


Range = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_rising)]
"""The shortest and the longest n-grams."""


class Grams(Config):
    """What an encoder counts."""

    words: Range | None = (1, 2)
    """From how many to how many neighbouring words make a term; None counts no words."""
    characters: Range | None = None
    """From how many to how many neighbouring characters of a word do, as in [2, 4]: then "mug" and "mugs" are alike, and
    texts take about three times as long."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.words is None and self.characters is None:
            raise ValueError("words and characters cannot both be None: nothing would be counted")
        return self


def _marks() -> str:
    """Return the inside of a class of all combining marks, such as the vowel signs of Hindi, which belong to a word."""
    codes = [code for code in range(0x300, 0x20000) if unicodedata.category(chr(code)).startswith("M")]
    starts = [code for code, before in zip(codes, [0, *codes], strict=False) if code != before + 1]
    ends = [code for code, after in zip(codes, [*codes[1:], 0], strict=True) if after != code + 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SCRIPTS = f"\u3040-\u30ff{_HAN}"
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer, which put no blanks between words."""
_MARKS = _marks()
_WORD = re.compile(
    rf"[{_SCRIPTS}]|[{_UNSPACED}][{_MARKS}]*|[^\W_{_SCRIPTS}{_UNSPACED}]+(?:[{_MARKS}]+[^\W_{_SCRIPTS}{_UNSPACED}]*)*"
)
_CHINESE = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+(?:[{_MARKS}]+[^\W_{_HAN}]*)*")
_ANY_HAN = re.compile(rf"[{_HAN}]")
_INSIDE = "·"
"""Marks n-grams of characters, lest they be taken for words."""
_lock = Lock()
_segmenters: list[Any] = []


def words_of(text: str) -> list[str]:
    """Return the words of a text, lower case, in compatibility form (NFKC).

    A Chinese text is segmented by jieba (a dictionary, and a hidden Markov model for what it lacks). In other texts each
    Chinese character and each kana is a word, and so is each letter of Thai, Lao, Burmese and Khmer with its marks.

    Example:
        >>> words_of("Red Mug-2"), words_of("红色的杯子 XL"), words_of("赤いマグ")
        (['red', 'mug', '2'], ['红色', '的', '杯子', 'xl'], ['赤', 'い', 'マ', 'グ'])
    """
    text = unicodedata.normalize("NFKC", text).lower()
    if _ANY_HAN.search(text) and certain_language(text) == "zh":
        return list(chain.from_iterable(map(_segmented, _CHINESE.findall(text))))
    return _WORD.findall(text)


def terms_of(text: str, words: Range | None = (1, 2), characters: Range | None = None) -> list[str]:
    """Return the n-grams of words, and of characters within words with a blank at either end.

    Among single words, one that jieba found is followed by its characters: a short text seldom has a whole word in
    common with another that means the like.

    Example:
        >>> terms_of("red mug"), terms_of("red", words=None, characters=(3, 3)), terms_of("红色杯", words=(1, 1))
        (['red', 'mug', 'red mug'], ['· re', '·red', '·ed '], ['红色', '红', '色', '杯'])
    """
    found = words_of(text)
    terms: list[str] = []
    if words is not None:
        for n in range(words[0], words[1] + 1):
            terms += chain.from_iterable(map(_with_characters, found)) if n == 1 else _grams(found, n)
    if characters is not None:
        terms += _inside(found, characters)
    return terms


def reader() -> JSON:
    """Return the versions of what cuts texts into words, for fingerprints."""
    return {"jieba": version("jieba")}


def _grams(words: list[str], n: int) -> Iterable[str]:
    return map(" ".join, zip(*(words[start:] for start in range(n)), strict=False))


def _with_characters(word: str) -> Iterable[str]:
    return (word, *word) if len(word) > 1 and _ANY_HAN.match(word) else (word,)


def _inside(words: list[str], characters: Range) -> Iterator[str]:
    for word in words:
        padded = f" {word} "
        for n in range(characters[0], characters[1] + 1):
            for start in range(max(1, len(padded) - n + 1)):
                yield _INSIDE + padded[start : start + n]


def _segmented(run: str) -> Iterable[str]:
    return _segmenter().cut(run) if _ANY_HAN.match(run) else (run,)


def _segmenter() -> Any:
    """Return jieba with its dictionary read, which takes a second; it neither logs nor leaves a file behind."""
    with _lock:
        if not _segmenters:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it has escapes that newer Pythons warn of
                import jieba
            segmenter = jieba.Tokenizer()
            segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
            segmenter.initialized = True  # else it would write a cache into the folder for temporary files
            _segmenters.append(segmenter)
        return _segmenters[0]
