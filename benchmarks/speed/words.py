"""How fast words are indexed and looked for beside reading every text for them.

    python benchmarks/speed/words.py [--items 100000]

Texts are drawn from 50,000 made-up words, a few of them in most texts and most of them in few, as in real catalogues; a
third of the texts are strings of Chinese signs. `times_faster` is the time of a scan of all texts in lower case by polars
over the time of the search, in the same run; both find the same items.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import polars as pl

from palate.data.catalogue import Catalogue
from palate.retrieval import WordIndex

WORDS, LENGTH, REPEATS = 50_000, 25, 5


def texts_of(n, rng):
    latin = np.array([f"w{index:x}z" for index in range(WORDS)])
    signs = np.array([chr(0x4E00 + index) for index in range(3000)])
    rows = []
    for row in range(n):
        if row % 3:
            rows.append(" ".join(latin[np.minimum(rng.zipf(1.3, LENGTH), WORDS) - 1]))
        else:
            rows.append("".join(signs[np.minimum(rng.zipf(1.2, 2 * LENGTH), 3000) - 1]))
    return rows


def best_of(work):
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=100_000)
    asked = parser.parse_args()
    texts = texts_of(asked.items, np.random.default_rng(0))
    catalogue = Catalogue(pl.DataFrame({"title": texts}), {"title": "text"})
    index = WordIndex(catalogue)
    start = time.perf_counter()
    index.prepare()
    build = time.perf_counter() - start
    lower = pl.Series(texts).str.to_lowercase()
    rows = []
    for word in ("w1388z", "w64z", "w3z", "w0z", chr(0x4E00 + 40) + chr(0x4E00 + 7), chr(0x4E00) + chr(0x4E01)):
        quick, found = best_of(lambda word=word: index.search(word, asked.items))
        slow, scanned = best_of(lambda word=word: lower.str.contains(word, literal=True))
        assert set(found.items[0][found.items[0] >= 0].tolist()) == set(np.flatnonzero(scanned.to_numpy()).tolist())
        rows.append({"word": word, "items": int((found.items >= 0).sum()), "milliseconds": round(1e3 * quick, 2),
                     "times_faster": round(slow / quick, 1)})  # fmt: skip
    print(
        json.dumps(
            {"items": asked.items, "index_seconds": round(build, 2), "searches": rows}, indent=2, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
