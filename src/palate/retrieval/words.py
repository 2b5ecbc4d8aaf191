"""Full text: items whose texts hold the words that are looked for, best by BM25."""

from __future__ import annotations

import re
import sqlite3
import threading
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from palate.core.errors import DataError
from palate.core.progress import progress
from palate.core.types import Codes
from palate.data.catalogue import Catalogue
from palate.data.rows import shown_text
from palate.interfaces import Ranked
from palate.linalg.topk import top_k

_CJK = "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"
"""Signs of Chinese, Japanese and Korean, which are written without spaces between words."""
_RUN = re.compile(f"[{_CJK}]+|[^{_CJK}\\s]+")
_GAP = re.compile(f"(?<=[{_CJK}]) +(?=[{_CJK}])")
_MOST = 64
"""Words of a text that count."""
_LEAST = 1e-3
"""Share of the best score under which an item is left out."""
_BATCH = 5000


class WordIndex:
    """BM25 over the columns of texts and categories, in an SQLite FTS5 table in memory.

    Robertson and Zaragoza, *The probabilistic relevance framework: BM25 and beyond*, 2009, equation 3.12, with
    k1 = 1.2 and b = 0.75. Words are compared by their stem (Porter 1980), without accents and without regard to
    case. Chinese, Japanese and Korean are cut into signs; a run of them is looked for by its overlapping pairs, so
    that a word of two signs is found inside any text. An item need not hold every word. Those that score less than a
    thousandth of the best hold nothing but words that most items hold, and are left out.

    What is looked for is always a text: the signs of the query language of FTS5 mean nothing in it.

    Args:
        catalogue: its columns of texts and categories are indexed when something is first looked for.

    Missing data:
        A missing text holds no words.

    Example:
        >>> goods = pl.DataFrame({"title": ["Red lamps", "红色台灯", "A cup"]})
        >>> index = WordIndex(Catalogue(goods, {"title": "text"}))
        >>> index.search("lamp", 2).items.tolist(), index.search("台灯", 2).items.tolist()
        ([[0, -1]], [[1, -1]])
        >>> index.matched("red LAMP", [0])
        [{'title': ['Red', 'lamps']}]
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.columns = catalogue.of_type("text", "category")
        self._catalogue = catalogue
        self._table: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Index now rather than at the first search."""
        with self._lock:
            self._opened()

    def search(self, text: str, k: int = 10, only: Codes | None = None) -> Ranked:
        """Return the k best items for a text, one row; of `only`, where that is given.

        The first 64 different words count.

        Raises:
            DataError: the text is empty or holds no word, or there is no column of texts.
        """
        rows = self._rows("SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?", text)
        found = np.array(rows, dtype=[("code", np.int32), ("score", np.float64)])
        if only is not None:
            found = found[np.isin(found["code"], only)]
        found = found[found["score"] >= _LEAST * found["score"].max(initial=0)]
        found = np.sort(found, order="code")
        best = top_k(found["score"].astype(np.float32)[None, :], k)
        return Ranked(
            np.where(best.items < 0, -1, np.append(found["code"], -1)[best.items]).astype(np.int32), best.scores
        )

    def matched(self, text: str, codes: list[int]) -> list[dict[str, list[str]]]:
        """Return for each item the columns that hold words of the text, and those words as the column writes them."""
        marked = ", ".join(f"highlight(words, {place}, char(2), char(3))" for place in range(len(self.columns)))
        wanted = ", ".join(str(int(code)) for code in codes)
        query = f"SELECT rowid, {marked} FROM words WHERE words MATCH ? AND rowid IN ({wanted})"
        found = {row[0]: row[1:] for row in self._rows(query, text)}
        return [
            {
                name: words
                for name, cell in zip(self.columns, found.get(code, ()), strict=False)
                if (words := _marked(cell))
            }
            for code in codes
        ]

    def _rows(self, query: str, text: str) -> list[tuple[Any, ...]]:
        if not self.columns:
            raise DataError(
                "there are no texts to look for words in: the catalogue has no column of texts or categories"
            )
        phrases = list(dict.fromkeys(_phrases(text)))[:_MOST]
        if not phrases:
            raise DataError(
                "the text to search for is empty: give a few words"
                if not text.strip()
                else f"'{text.strip()[:40]}' holds no word to look for: give letters or digits"
            )
        with self._lock:
            return self._opened().execute(query, (" OR ".join(phrases),)).fetchall()

    def _opened(self) -> sqlite3.Connection:
        if self._table is None:
            table = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            names = ", ".join(f"c{place}" for place in range(len(self.columns)))
            table.execute(
                f"CREATE VIRTUAL TABLE words USING fts5({names}, tokenize='porter unicode61 remove_diacritics 2')"
            )
            texts = [_spaced(self._catalogue.table[name]).to_list() for name in self.columns]
            marks = ", ".join("?" * (1 + len(texts)))
            table.execute("BEGIN")
            rows = zip(range(len(self._catalogue)), *texts, strict=True)
            with progress("indexing words", len(self._catalogue), "items") as advance:
                for batch in iter(lambda: list(islice(rows, _BATCH)), []):
                    table.executemany(f"INSERT INTO words(rowid, {names}) VALUES ({marks})", batch)
                    advance(len(batch))
            table.execute("COMMIT")
            self._table = table
        return self._table


def _spaced(column: pl.Series) -> pl.Series:
    """Return texts in one form (NFKC), with a space on both sides of each Chinese, Japanese or Korean sign."""
    text = shown_text(column).fill_null("").str.normalize("NFKC")
    return text.str.replace_all(r"[\x00-\x1f]", " ").str.replace_all(f"([{_CJK}])", " $1 ")


def _phrases(text: str) -> Iterator[str]:
    """Yield what to look for, each in the quotes of FTS5; signs without a letter or digit are nothing to look for."""
    clean = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
    for run in _RUN.findall(re.sub(r"[\x00-\x1f]", " ", clean)):
        if not any(sign.isalnum() for sign in run):
            continue
        if re.match(f"[{_CJK}]", run):
            pairs = [run[at : at + 2] for at in range(max(1, len(run) - 1))]
            yield from (f'"{" ".join(pair)}"' for pair in pairs)
        else:
            yield f'"{run.lower().replace(chr(34), chr(34) * 2)}"'


def _marked(cell: str) -> list[str]:
    words = (_GAP.sub("", word.strip()) for word in re.findall("\x02(.*?)\x03", cell, re.DOTALL))
    return list({word.lower(): word for word in words}.values())
