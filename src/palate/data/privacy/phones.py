"""Telephone numbers in free text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from palate.core.errors import ConfigError

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "CN", "JP", "IN", "BR", "AU")
"""Countries whose numbers are known in their national form; with + and the country's code, every country's are."""
_CUE = re.compile(
    r"(?:tel|phone|telephone|telefono|teléfono|telefon|téléphone|call|mobile|mobil|móvil|cell|cellulare|handy|fax|whatsapp"
    r"|电话|電話|手机|手機|致电|联系)[\w ]{0,12}[.:：,]?\s{0,3}$",
    re.IGNORECASE,
)
"""What stands before a number that is written without any grouping."""
_OTHER = re.compile(
    r"(?:isbn|issn|ean|gtin|upc|asin|sku|imei|iban|vat|art(?:icle)?|item|model|modell|part|order|serial|ref|product|no|nr|n°|id|#|№"
    r"|[$€£¥])(?:[-. ]?(?:number|nummer|no|nr|1[03]))?[.:# ]{0,3}$",
    re.IGNORECASE,
)
"""What stands before a number that is none of a telephone."""
_PLAIN = re.compile(r"\d+|\d+\.\d+|\d{5}-\d{4}|\d{1,3}([ ,.]\d{3})+")
"""Digits alone, a decimal number, a postal code of the United States, thousands."""
_ROW_BEFORE, _ROW_AFTER = re.compile(r"(?:[.,=_]|[A-Za-z]-|\d[ .:]?[-+]?)$"), re.compile(r"[A-Za-z]|[ .]?[-+]?\d")
"""What stands beside digits that belong to more digits or letters: a row of numbers, a decimal, a time, an assignment."""
_SIGNS = re.compile(r"\s(?:-|-?\.)\d")
"""Numbers with a sign of their own, or decimals without a first digit."""
_TRIES = 1000
"""Runs of digits that are no number, in one text and for one country, after which no more are looked at."""
_CHINESE = re.compile(r"1[3-9]\d{9}")
_BEFORE, _ENOUGH = 24, re.compile(r"\d(?:\D{0,4}\d){6}")


def phones(text: str, regions: Sequence[str] = REGIONS) -> list[tuple[int, int]]:
    """Return where telephone numbers stand.

    With + and the code of a country, every number counts that is as long as one there; in a national form of `regions`,
    one that is given out there, grouped as it is there. One without any grouping, or grouped as thousands are, needs a word such as "tel" or
    "call" before it, unless it is a mobile number of China; one after "ISBN", "item no." and the like never counts.

    Example:
        >>> text = "Call (212) 555-0123 or +44 20 7946 0958; ISBN 978-3-16-148410-0, 2026-01-31, 1.299,00 €"
        >>> [text[start:end] for start, end in phones(text)]
        ['(212) 555-0123', '+44 20 7946 0958']
    """
    if not _ENOUGH.search(text):
        return []
    from phonenumbers import Leniency, PhoneNumberMatcher

    found: list[tuple[int, int]] = []
    for region in (None, *regions):
        leniency = Leniency.POSSIBLE if region is None else Leniency.STRICT_GROUPING
        for match in PhoneNumberMatcher(text, region, leniency, _TRIES):
            span = (match.start, match.end)
            apart = all(span[1] <= start or end <= span[0] for start, end in found)
            before, after = text[max(0, span[0] - _BEFORE) : span[0]], text[span[1] : span[1] + 3]
            if apart and _likely(match.raw_string, before, after):
                found.append(span)
    return sorted(found)


def check_regions(regions: Sequence[str]) -> None:
    """Refuse what is no country.

    Raises:
        ConfigError: one is unknown.
    """
    from phonenumbers import SUPPORTED_REGIONS

    for region in regions:
        if region not in SUPPORTED_REGIONS:
            raise ConfigError(
                f"the region '{region}' is unknown: give two capital letters of ISO 3166, as in US, GB or DE for the United States, "
                "the United Kingdom or Germany"
            )


def _likely(number: str, before: str, after: str) -> bool:
    if _ROW_AFTER.match(after):
        return False
    if number.startswith(("+", "＋")):
        return not re.search(r"[A-Za-z0-9]$|\d $", before) and (
            _PLAIN.fullmatch(number[1:]) is None or number[1:].isdecimal()
        )
    if _OTHER.search(before) or _ROW_BEFORE.search(before) or _SIGNS.search(number):
        return False
    return (
        _PLAIN.fullmatch(number.strip("()")) is None
        or _CHINESE.fullmatch(number) is not None
        or _CUE.search(before) is not None
    )
