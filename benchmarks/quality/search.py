"""What search by vectors, by words and by both finds in a generated shop whose truth is known.

    python benchmarks/quality/search.py [--items 600]

Titles and descriptions are English or Chinese. Two kinds of queries: by meaning ("ocean lamp" or the same in Chinese: right is
every lamp of that theme, in either language), and by name ("Lumi 67": right is what is called so). Recall@10, of at most ten
that are right; the encoder is `use`, which knows both languages.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import product
from pathlib import Path

import numpy as np

from palate.bundle import Bundle
from palate.data.folder import load
from palate.data.sources import registry as sources
from palate.data.worlds import registry as worlds
from palate.data.worlds._texts import _CHINESE, _SERIES
from palate.encoders.pipeline import encode
from palate.models import ContentKNN
from palate.serving import Engine

THEMES = ("ocean", "forest", "space", "city", "football", "flower", "dinosaur", "winter")
K = 10


def shop_of(items, folder):
    """Generate, import and encode a shop; return an engine."""
    world = worlds.get("shop")(n_items=items, n_users=50, n_events=500, picture_size=32, missing_text=0)
    world.write(folder / "raw")
    kinds = ("text", "number", "category")
    settings = {name: world.columns[name] for name in ("items", "interactions", *kinds)}
    sources.get("table")(**settings).read(folder / "raw", folder / "ds")
    data = encode(load(folder / "ds"), title="use", description="use")
    return Engine(Bundle.of(ContentKNN().fit(data), data))


def queries_of(engine):
    """Return, by kind of query, what to ask and the codes that are right."""
    table = engine.catalogue.table
    texts = [f"{title} {more}" for title, more in zip(table["title"], table["description"], strict=True)]
    found = {"meaning, English": [], "meaning, Chinese": [], "name": []}
    for kind, theme in product(sorted(set(table["category"])), THEMES):
        right = {
            code for code, text in enumerate(texts)
            if table["category"][code] == kind and (theme in text.lower() or _CHINESE[theme] in text)
        }  # fmt: skip
        if len(right) >= 3:
            found["meaning, English"].append((f"{theme} {kind}", right))
            found["meaning, Chinese"].append((f"{_CHINESE[theme]}{_CHINESE[kind]}", right))
    for series, number in product(_SERIES, range(10, 100)):
        right = {code for code, text in enumerate(texts) if f"{series} {number}" in text}
        if right:
            found["name"].append((f"{series} {number}", right))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=600)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = shop_of(asked.items, Path(folder))
    rows = []
    for kind, queries in queries_of(engine).items():
        row = {"queries": kind, "n": len(queries)}
        for by in ("vectors", "words", "hybrid"):
            recalls = []
            for text, right in queries:
                hits = {engine.items.code(hit.item_id) for hit in engine.search(text=text, k=K, by=by).items}
                recalls.append(len(hits & right) / min(K, len(right)))
            row[by] = round(float(np.mean(recalls)), 3)
        rows.append(row)
    print(json.dumps({"items": len(engine.items), "recall@10": rows}, indent=2))


if __name__ == "__main__":
    main()
