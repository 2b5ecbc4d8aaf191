"""What the encoders of pictures see in real pictures, as tables in Markdown.

    python benchmarks/quality/senses_images.py STAMPS [--encoders colour-texture,efficientnet-lite0] [--shared conse] [--every 1]

STAMPS is a folder with items.csv (category, text_en, text_zh, image) and the files that it names. Categories: the share of
pictures whose nearest other picture by cosine is of the same category; the majority is the share of the largest. Texts: each
caption asks for its picture among all that have one, without any training on them; chance is what a shuffle would give.
Search: each caption asks for its item, whose text is the caption in the other language, by `use`; beside it the picture by
the shared encoder counts not at all, like the text, or as a search does by default.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from palate.core.fingerprint import file_fingerprint
from palate.data.features import FeatureTable, features_of
from palate.encoders import Encoder, registry
from palate.linalg.neighbours import unit_rows
from palate.retrieval import Searcher

ENCODERS = "colour-texture,efficientnet-lite0,efficientnet-lite2,conse"


def seen(stamps: Path, table: pl.DataFrame, name: str) -> tuple[np.ndarray, float]:
    """Return the vector of each picture, of unit length, and milliseconds a picture."""
    encoder = registry.get(name)()
    encoder.prepare()
    began = time.perf_counter()
    values = [encoder.encode([encoder.decode(stamps / path)])[0] for path in table["image"]]
    return unit_rows(np.concatenate(values)), 1000 * (time.perf_counter() - began) / len(table)


def nearest_category(values: np.ndarray, kinds: np.ndarray) -> dict[str, float]:
    """Return the accuracy of the nearest neighbour, leaving one out, the majority and how many pictures there are."""
    likeness = values @ values.T
    np.fill_diagonal(likeness, -2)
    right = float((kinds[likeness.argmax(axis=1)] == kinds).mean())
    return {"right": right, "majority": max(float((kinds == kind).mean()) for kind in set(kinds)), "n": len(kinds)}


def found_by_text(values: np.ndarray, texts: pl.Series, name: str, k: int = 10) -> dict[str, float]:
    """Return how often a caption's own picture is the nearest, or among the k nearest, and what chance gives."""
    asked = np.flatnonzero((texts.fill_null("") != "").to_numpy())
    reader = registry.get(name)().companion("text")
    assert reader is not None, f"{name} shares its space with no texts"
    queries, _ = reader.encode([reader.decode(text) for text in texts.gather(asked)])
    cosines = unit_rows(queries) @ values[asked].T
    ranks = (cosines > np.diag(cosines)[:, None]).sum(axis=1)
    n = len(asked)
    return {"first": float((ranks < 1).mean()), "among": float((ranks < k).mean()), "chance": k / n, "n": n}


def part_of(encoder: Encoder, values: np.ndarray, present: np.ndarray) -> FeatureTable:
    """Return vectors as a part of items that remembers its encoder."""
    made = features_of(np.where(present[:, None], values, np.float32(np.nan)), modality=encoder.modality)
    return replace(made, encoder=encoder.reference())


def told_by_search(searcher: Searcher, texts: list[str], k: int = 10) -> tuple[str, str]:
    """Return the share of texts whose own item a search finds first, and among the k first."""
    found = [searcher.by_text(text, k).ranked.items[0].tolist() for text in texts]
    first = np.mean([items[0] == row for row, items in enumerate(found)])
    return f"{first:.3f}", f"{np.mean([row in items for row, items in enumerate(found)]):.3f}"


def print_searches(pictures: np.ndarray, table: pl.DataFrame, name: str) -> None:
    """Print what a search by a caption finds by the other language's captions, and by pictures beside them."""
    both = table.select("text_en", "text_zh").fill_null("")
    rows = np.flatnonzero(((both["text_en"] != "") & (both["text_zh"] != "")).to_numpy())
    both, photo = both.gather(rows), registry.get(name)()
    reader = photo.companion("text")
    assert reader is not None, f"{name} shares its space with no texts"
    shown, kind = part_of(photo, pictures[rows], np.ones(len(rows), bool)), type(photo)
    default = kind.stand_in
    print(
        f"\n| caption to item by search | items with a text | texts alone: first | of 10 | `{name}` alike: first | of 10 "
        "| as by default: first | of 10 |\n|---|---|---|---|---|---|---|---|"
    )
    for asked, told, way in (
        ("text_zh", "text_en", "Chinese to English"),
        ("text_en", "text_zh", "English to Chinese"),
    ):
        values, _ = reader.encode([reader.decode(text) for text in both[told]])
        for share, present in (("all", rows >= 0), ("every second", np.arange(len(rows)) % 2 == 0)):
            texts = part_of(reader, values, present)
            cells = told_by_search(Searcher({"text": texts}), both[asked].to_list())
            for kind.stand_in in (False, default):
                cells += told_by_search(Searcher({"text": texts, "photo": shown}), both[asked].to_list())
            print(f"| {way} | {share} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamps", type=Path)
    parser.add_argument("--encoders", default=ENCODERS)
    parser.add_argument("--shared", default="conse")
    parser.add_argument("--every", type=int, default=1, help="take one picture in so many")
    asked = parser.parse_args()
    table = pl.read_csv(asked.stamps / "items.csv", infer_schema=False)
    content = pl.Series("content", [file_fingerprint(asked.stamps / path) for path in table["image"]])
    table = table.with_columns(content).unique("content", keep="first", maintain_order=True).gather_every(asked.every)
    kinds, vectors = table["category"].to_numpy(), {}
    print("| encoder | nearest of the same category | majority | pictures | ms a picture |\n|---|---|---|---|---|")
    for name in dict.fromkeys([*asked.encoders.split(","), asked.shared]):
        vectors[name], ms = seen(asked.stamps, table, name)
        row = nearest_category(vectors[name], kinds)
        print(f"| `{name}` | {row['right']:.3f} | {row['majority']:.3f} | {row['n']} | {ms:.0f} |", flush=True)
    print(
        f"\n| caption to picture by `{asked.shared}` | first | of the first 10 | chance of these | pictures |\n|---|---|---|---|---|"
    )
    for language, column in (("English", "text_en"), ("Chinese", "text_zh")):
        row = found_by_text(vectors[asked.shared], table[column], asked.shared)
        print(f"| {language} | {row['first']:.3f} | {row['among']:.3f} | {row['chance']:.3f} | {row['n']} |")
    print_searches(vectors[asked.shared], table, asked.shared)


if __name__ == "__main__":
    main()
