"""Full text: items whose texts hold the words that are looked for, best by BM25."""

from __future__ import annotations

import re
import sqlite3
import threading
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.progress import progress
from palate.core.types import Codes, Floats
from palate.data.catalogue import Catalogue
from palate.interfaces import Ranked
from palate.linalg.topk import top_k
from palate.retrieval.phrases import joined, runs, spaced

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
        >>> import polars as pl
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
        if self.columns:
            with self._lock:
                self._opened()

    def updated(self, catalogue: Catalogue, codes: Codes) -> WordIndex:
        """Return the index of a catalogue that has other rows at `codes`, which may go on behind the end; this one stays as it is.

        What was indexed is copied, so that it takes milliseconds; where nothing was yet, the new one waits to be asked, too.
        """
        other = WordIndex(catalogue)
        with self._lock:
            if self._table is not None:
                other._table = _connected()
                self._table.backup(other._table)
        if other._table is not None:
            other._write(other._table, codes)
        return other

    def search(self, text: str, k: int = 10, only: Codes | None = None, share: float = 0) -> Ranked:
        """Return the k best items for a text, one row.

        Args:
            text: the first 64 words or pairs of signs of it count.
            k: how many.
            only: the codes that may be found; None lets all.
            share: leaves out what holds less of the text (see `held`) than this share of what the fullest holds.

        Raises:
            DataError: the text is empty or holds no word, or words cannot be looked for.
        """
        wanted = " OR ".join(phrase for phrases in self._asked(text) for phrase in phrases)
        rows = self._rows("SELECT rowid, -bm25(words) FROM words WHERE words MATCH ?", wanted)
        found = np.array(rows, dtype=[("code", np.int32), ("score", np.float64)])
        if only is not None:
            found = found[np.isin(found["code"], only)]
        found = found[found["score"] >= _LEAST * found["score"].max(initial=0)]
        if share:
            held = self.held(text)[found["code"]]
            found = found[held >= share * held.max(initial=0)]
        found = np.sort(found, order="code")
        best = top_k(found["score"].astype(np.float32)[None, :], k)
        return Ranked(
            np.where(best.items < 0, -1, np.append(found["code"], -1)[best.items]).astype(np.int32), best.scores
        )

    def held(self, text: str) -> Floats:
        """Return which share of a text each item holds; rare words count more, by the logarithm of their rarity.

        In a run of Chinese, Japanese or Korean each sign counts by the commoner of its two pairs, since the rarer one
        mostly lies across two words, and is held where either pair is. What no item holds does not count.

        Shapes:
            float32[n], from 0 to 1.

        Example:
            >>> import polars as pl
            >>> goods = Catalogue(pl.DataFrame({"title": ["red lamp", "red cup", "台灯"]}), {"title": "text"})
            >>> WordIndex(goods).held("red lamp 复古台灯").round(2).tolist()
            [0.6000000238418579, 0.1899999976158142, 0.4000000059604645]
        """
        n = len(self._catalogue)
        held, whole = np.zeros(n), 0.0
        for phrases in self._asked(text):
            rows = [self._holding(phrase) for phrase in phrases]
            rarity = [np.log1p((n - len(row) + 0.5) / (len(row) + 0.5)) if len(row) else np.inf for row in rows]
            for sign in range(len(rows) + 1):  # a word counts as a run of two signs, with one pair
                pairs = slice(max(0, sign - 1), sign + 1)
                weight = min(rarity[pairs]) / 2
                if np.isfinite(weight):
                    held[np.unique(np.concatenate(rows[pairs]))] += weight
                    whole += weight
        return (held / max(whole, 1e-9)).astype(np.float32)

    def matched(self, text: str, codes: list[int]) -> list[dict[str, list[str]]]:
        """Return for each item the columns that hold words of the text, and those words as the column writes them.

        Words that more than half of the items hold, such as "the", are not told where the text has others.
        """
        asked = [phrase for phrases in self._asked(text) for phrase in phrases]
        telling = [phrase for phrase in asked if 2 * self._count(phrase) <= len(self._catalogue)]
        marked = ", ".join(f"highlight(words, {place}, char(2), char(3))" for place in range(len(self.columns)))
        wanted = ", ".join(str(int(code)) for code in codes)
        query = f"SELECT rowid, {marked} FROM words WHERE words MATCH ? AND rowid IN ({wanted})"
        found = {row[0]: row[1:] for row in self._rows(query, " OR ".join(telling or asked))}
        return [
            {
                name: words
                for name, cell in zip(self.columns, found.get(code, ()), strict=False)
                if (words := _marked(cell))
            }
            for code in codes
        ]

    def _asked(self, text: str) -> list[tuple[str, ...]]:
        """Return the runs of a text."""
        if not self.columns:
            raise DataError(
                "there are no texts to look for words in: the catalogue has no column of texts or categories"
            )
        found = runs(text)
        if not found:
            raise DataError(
                "the text to search for is empty: give a few words"
                if not text.strip()
                else f"'{text.strip()[:40]}' holds no word to look for: give letters or digits"
            )
        return found

    def _holding(self, phrase: str) -> npt.NDArray[np.int64]:
        """Return the codes of the items that hold a phrase."""
        rows = self._rows("SELECT rowid FROM words WHERE words MATCH ?", phrase)
        return np.array(rows, np.int64).ravel()

    def _count(self, phrase: str) -> int:
        return int(self._rows("SELECT count(*) FROM words WHERE words MATCH ?", phrase)[0][0])

    def _rows(self, query: str, phrases: str) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._opened().execute(query, (phrases,)).fetchall()

    def _opened(self) -> sqlite3.Connection:
        if self._table is None:
            table = _connected()
            names = ", ".join(f"c{place}" for place in range(len(self.columns)))
            form = f"fts5({names}, tokenize='porter unicode61 remove_diacritics 2')"
            try:
                table.execute(f"CREATE VIRTUAL TABLE words USING {form}")
            except sqlite3.OperationalError as error:
                raise DataError(
                    f"words cannot be looked for, since the SQLite of this Python lacks FTS5 ({error}): search by vectors"
                ) from error
            self._write(table)
            self._table = table
        return self._table

    def _write(self, table: sqlite3.Connection, codes: Codes | None = None) -> None:
        """Index some rows of the catalogue anew, or all where nothing is indexed."""
        rows = np.arange(len(self._catalogue)) if codes is None else codes
        texts = [spaced(self._catalogue.table[name].gather(rows)).to_list() for name in self.columns]
        names = ", ".join(("rowid", *(f"c{place}" for place in range(len(texts)))))
        marks = ", ".join("?" * (1 + len(texts)))
        table.execute("BEGIN")
        if codes is not None:
            table.executemany("DELETE FROM words WHERE rowid = ?", ((code,) for code in codes.tolist()))
        cells = zip(rows.tolist(), *texts, strict=True)
        with progress("indexing words" if codes is None else None, len(rows), "items") as advance:
            for batch in iter(lambda: list(islice(cells, _BATCH)), []):
                table.executemany(f"INSERT INTO words({names}) VALUES ({marks})", batch)
                advance(len(batch))
        table.execute("COMMIT")


def _connected() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)


def _marked(cell: str) -> list[str]:
    words = (joined(word) for word in re.findall("\x02(.*?)\x03", cell, re.DOTALL))
    return list({word.lower(): word for word in words}.values())
