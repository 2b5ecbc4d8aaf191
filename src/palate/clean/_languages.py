"""Which languages the texts of each column are in."""

from __future__ import annotations

from collections import Counter

import polars as pl

from palate.data.dataset import Dataset
from palate.data.features import OF, part_name
from palate.data.language import language
from palate.data.markup import plain

_LOOKED_AT = 1000
_READ = 1000
UNTOLD = "?"
"""Stands for texts whose language cannot be told."""


def languages(data: Dataset) -> dict[str, dict[str, float]]:
    """Return for each column of text the share of each language, the most frequent first.

    It is estimated from at most a thousand texts, spread evenly over the rows, and of each its beginning. What
    is empty, or markup only, is missing and no text.
    """
    found = {}
    for of in OF:
        table = data.table_of(of)
        for name in table.of_type("text"):
            shares = _shares(table.table[name])
            if shares:
                found[part_name(name, of)] = shares
    return found


def _shares(column: pl.Series) -> dict[str, float]:
    filled = column.drop_nulls()
    some = filled.gather_every(max(1, -(-len(filled) // _LOOKED_AT))).to_list()
    texts = [text for text in (plain(text[:_READ]).strip() for text in some) if text]
    count = Counter(language(text) or UNTOLD for text in texts)
    return {code: n / len(texts) for code, n in sorted(count.items(), key=lambda entry: (-entry[1], entry[0]))}
