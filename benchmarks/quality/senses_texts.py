"""What the encoders of texts make of real captions, as tables in Markdown.

    python benchmarks/quality/senses_texts.py STAMPS [--encoders bag-of-words,tf-idf,word2vec,minilm,use] [--across use]

STAMPS is a folder with items.csv (category, text_en, text_zh). Categories: the share of different captions whose nearest
other caption by cosine is of the same category; the majority is the share of the largest. Translation: each different English caption asks for its
Chinese one among all different Chinese captions; chance is one of these.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from palate.encoders import BrokenInput, Encoder, registry
from palate.linalg.neighbours import unit_rows

ENCODERS = "bag-of-words,tf-idf,word2vec,minilm,use"


def nearest_category(stamps: Path, name: str, column: str) -> dict[str, float]:
    """Return the accuracy of the nearest other caption, the majority, how many there are and milliseconds a caption."""
    table = pl.read_csv(stamps / "items.csv").filter(pl.col(column).fill_null("") != "")
    table = table.unique(column, keep="first", maintain_order=True)
    encoder = registry.get(name)()
    encoder.prepare()
    encoder.fit(table[column].to_list())
    began = time.perf_counter()
    values, present = encoder.encode([_decoded(encoder, text) for text in table[column]])
    took = time.perf_counter() - began
    kinds = table["category"].to_numpy()
    likeness = unit_rows(values) @ unit_rows(values).T
    np.fill_diagonal(likeness, -2)
    right = (kinds[likeness.argmax(axis=1)] == kinds) & present  # what has no vector is not right
    most = max(float((kinds == kind).mean()) for kind in set(kinds))
    return {"right": float(right.mean()), "majority": most, "n": len(kinds), "ms": 1000 * took / len(kinds)}


def _decoded(encoder: Encoder[Any], text: str) -> object:
    try:
        return encoder.decode(text)
    except BrokenInput:  # nothing that it can read, as Chinese for an encoder of English
        return None


def translated(stamps: Path, name: str) -> dict[str, float]:
    """Return how often the nearest Chinese caption is a translation of the English one, chance, and how many there are."""
    table = pl.read_csv(stamps / "items.csv").filter(
        (pl.col("text_en").fill_null("") != "") & (pl.col("text_zh").fill_null("") != "")
    )
    pairs = table.select("text_en", "text_zh").unique(maintain_order=True)
    right = {english: set(group["text_zh"]) for (english,), group in pairs.group_by("text_en")}
    asked, answers = list(right), pairs["text_zh"].unique(maintain_order=True).to_list()
    encoder = registry.get(name)()
    encoder.prepare()
    queries, known = (encoder.encode([encoder.decode(text) for text in texts])[0] for texts in (asked, answers))
    found = (unit_rows(queries) @ unit_rows(known).T).argmax(axis=1)
    first = np.mean([answers[place] in right[text] for text, place in zip(asked, found, strict=True)])
    return {"first": float(first), "chance": 1 / len(answers), "n": len(asked)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamps", type=Path)
    parser.add_argument("--encoders", default=ENCODERS)
    parser.add_argument("--across", default="use")
    asked = parser.parse_args()
    print(
        "| encoder | captions | same category | majority | captions judged | ms a caption |\n|---|---|---|---|---|---|"
    )
    for name in filter(None, asked.encoders.split(",")):
        for column, language in (("text_en", "English"), ("text_zh", "Chinese")):
            row = nearest_category(asked.stamps, name, column)
            print(
                f"| `{name}` | {language} | {row['right']:.1%} | {row['majority']:.1%} | {row['n']} | {row['ms']:.2f} |",
                flush=True,
            )
    print("\n| encoder | English caption → its Chinese one, first | chance | captions asked |\n|---|---|---|---|")
    for name in filter(None, asked.across.split(",")):
        row = translated(asked.stamps, name)
        print(f"| `{name}` | {row['first']:.1%} | {row['chance']:.2%} | {row['n']} |", flush=True)


if __name__ == "__main__":
    main()
