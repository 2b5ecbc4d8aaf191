"""Free text without the addresses and numbers of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from palate.data.privacy.cards import cards
from palate.data.privacy.emails import emails
from palate.data.privacy.phones import REGIONS, phones

_WORTH = r"[@＠]|(?i:[\[({]\s?at\s?[\])}])|\d(?:\D{0,4}\d){6}"
"""What a text has in it that may hold any of them."""


def masked(text: str, regions: Sequence[str] = REGIONS) -> tuple[str, dict[str, int]]:
    """Return a text with [email], [phone] and [card] in place of what they stand for, and how many of each.

    Of two that overlap the e-mail address counts before the card and the card before the telephone number. `regions`
    are the countries whose telephone numbers are known in their national form.

    Example:
        >>> masked("Ask ann@mail.example, tel. 0171 1234567.")
        ('Ask [email], tel. [phone].', {'email': 1, 'phone': 1})
    """
    spans: list[tuple[int, int, str]] = []
    for kind, find in (("email", emails), ("card", cards), ("phone", partial(phones, regions=regions))):
        for start, end in find(text):
            if all(end <= other or stop <= start for other, stop, _ in spans):
                spans.append((start, end, kind))
    for start, end, kind in sorted(spans, reverse=True):
        text = f"{text[:start]}[{kind}]{text[end:]}"
    return text, dict(Counter(kind for _, _, kind in sorted(spans)))


def masked_column(texts: pl.Series, regions: Sequence[str] = REGIONS) -> tuple[pl.Series, Mapping[str, int]]:
    """Mask a column of texts, as `masked` does each; returns it, and how many of each kind there were. Null stays null.

    Example:
        >>> column, counts = masked_column(pl.Series(["ann@mail.example", None, "fine"]))
        >>> column.to_list(), counts
        (['[email]', None, 'fine'], {'email': 1})
    """
    counts: Counter[str] = Counter()
    rows = texts.str.contains(_WORTH).fill_null(False).arg_true()
    clean = []
    for text in texts.gather(rows).to_list():
        plain, found = masked(text, regions)
        clean.append(plain)
        counts.update(found)
    return (texts.clone().scatter(rows, clean) if counts else texts), dict(counts)
