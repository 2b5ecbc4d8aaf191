"""What language a text is in, also where the text is a short title."""

from __future__ import annotations

import unicodedata
from collections import Counter
from copy import copy
from functools import cache, lru_cache
from typing import Any

_READ = 400
"""Characters that are looked at; more tell nothing new."""
_HEAVY = {"CJK": 3, "HIRAGANA": 3, "KATAKANA": 3, "HANGUL": 3}
"""Letters that stand for a syllable or a word weigh more than one of an alphabet."""
_KANA = 0.1
"""Share of kana among Chinese characters and kana from which on a text is Japanese."""
_ONE = {
    "HANGUL": "ko", "GREEK": "el", "HEBREW": "he", "THAI": "th", "ARMENIAN": "hy", "GEORGIAN": "ka", "BENGALI": "bn",
    "TAMIL": "ta", "TELUGU": "te", "GUJARATI": "gu", "KANNADA": "kn", "MALAYALAM": "ml", "SINHALA": "si", "KHMER": "km",
    "LAO": "lo", "MYANMAR": "my", "GURMUKHI": "pa",
}  # fmt: skip
"""Scripts that, as good as always, write one language."""
_SEVERAL = {
    "LATIN": ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "sv", "da", "no", "fi", "cs", "hu", "ro", "id", "vi"),
    "CYRILLIC": ("ru", "uk", "bg", "sr", "be", "kk"),
    "ARABIC": ("ar", "fa", "ur"),
    "DEVANAGARI": ("hi", "mr", "ne"),
}  # fmt: skip
_PRIOR = {"LATIN": ("en", 6.0), "CYRILLIC": ("ru", 4.0)}
"""The language that a short text is in unless it says otherwise, and the log-odds for it; English only in plain letters."""
_AHEAD = 2.0
"""Log-odds by which the best language must lead the next."""


def language(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language.

    The script decides where it can: Chinese characters without kana are `zh`, with kana `ja`, Hangul is `ko`. Among the
    languages of one script, naive Bayes over byte n-grams does (Lui and Baldwin, "langid.py", ACL 2012), with a prior for
    English in texts of plain Latin letters and for Russian among those in Cyrillic ones.

    Missing data:
        None where there is no letter, where the script is unknown, or where two languages are about as likely; so it
        is with many names ("Margaret").

    Example:
        >>> language("a red mug"), language("红色的杯子"), language("赤いマグカップ"), language("2001")
        ('en', 'zh', 'ja', None)
    """
    script = _script(text)
    if script in _SEVERAL:
        return _likeliest(text, script)
    return {"CJK": "zh", "KANA": "ja"}.get(script) or _ONE.get(script)


def certain_language(text: str) -> str | None:
    """Return `language(text)` where the script alone tells it, without a model: Chinese, Japanese, Korean and others."""
    return None if _script(text) in _SEVERAL else language(text)


def _script(text: str) -> str:
    """Return the script of most letters; "KANA" for Chinese characters with kana, "" without letters."""
    weight: Counter[str] = Counter()
    for letter, times in Counter(text[:_READ]).items():
        if letter.isalpha():
            name = _script_of(letter)
            weight[name] += times * _HEAVY.get(name, 1)
    kana = weight.pop("HIRAGANA", 0) + weight.pop("KATAKANA", 0)
    if kana:
        weight["CJK"] += kana
    if not weight:
        return ""
    best = max(sorted(weight), key=weight.__getitem__)
    return "KANA" if best == "CJK" and kana > _KANA * weight["CJK"] else best


@lru_cache(1 << 14)
def _script_of(letter: str) -> str:
    """Return the first word of a letter's name, which is its script: LATIN SMALL LETTER A, CJK UNIFIED IDEOGRAPH-4E00."""
    return unicodedata.name(unicodedata.normalize("NFKC", letter)[0], "").partition(" ")[0]


def _likeliest(text: str, script: str) -> str | None:
    text = unicodedata.normalize("NFKC", text[:_READ])
    odds = dict(_among(script).rank(text))
    code, prior = _PRIOR.get(script, ("", 0.0))
    if code and (code != "en" or text.isascii()):
        odds[code] += prior
    best, second = sorted(odds, key=lambda code: (-odds[code], code))[:2]
    return best if odds[best] - odds[second] >= _AHEAD else None


@cache
def _among(script: str) -> Any:
    """Return the model, confined to the languages of a script."""
    model = copy(_whole())
    model.set_languages(_SEVERAL[script])
    return model


@cache
def _whole() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
