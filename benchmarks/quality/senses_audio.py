"""What the encoders of sound and the recognisers of speech hear in real sounds, as tables in Markdown.

    python benchmarks/quality/senses_audio.py STAMPS [--encoders mel,musicnn] [--recognisers whisper-base]

STAMPS is a folder with items.csv (item_id, category, text_en, sound, speech) and the files that it names. Sounds: the share of
clips whose nearest other clip (cosine of standardised vectors) is of the same category; the majority is the share of the
largest category. Speech: each spoken description is written down, encoded by `use`, and its nearest caption of all those that
are spoken is looked up; it is right where that caption reads as the clip's own does.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import polars as pl

from palate.core.fingerprint import file_fingerprint
from palate.encoders import BrokenInput, registry
from palate.encoders._sounds import read_sound
from palate.encoders.speech import registry as recognisers

ENCODERS = "mel,musicnn,aisfx,whisper-encoder"
RECOGNISERS = "whisper-base,whisper-tiny.en"


def of_column(stamps: Path, column: str) -> pl.DataFrame:
    """Return the items that have a file in a column, of equal files the first: a copy would be its own nearest."""
    table = pl.read_csv(stamps / "items.csv")
    table = table.filter(pl.col(column).is_not_null() & (pl.col(column) != ""))
    content = pl.Series("content", [file_fingerprint(stamps / path) for path in table[column]])
    return table.with_columns(content).unique("content", keep="first", maintain_order=True)


def nearest_category(stamps: Path, name: str) -> dict[str, float]:
    """Return the accuracy of the nearest neighbour, the majority, how many clips there are and milliseconds a clip."""
    encoder = registry.get(name)()
    encoder.prepare()
    table = of_column(stamps, "sound")
    decoded, kinds = [], []
    began = time.perf_counter()
    for path, kind in zip(table["sound"], table["category"], strict=True):
        try:
            decoded.append(encoder.decode(stamps / path))
            kinds.append(kind)
        except BrokenInput:  # silent
            continue
    values, present = encoder.encode(decoded)
    seconds = time.perf_counter() - began
    names = np.array(kinds)[present]
    values = values[present].astype(np.float64)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    likeness = values @ values.T
    np.fill_diagonal(likeness, -2)
    return {
        "right": float((names[likeness.argmax(axis=1)] == names).mean()),
        "majority": max(float((names == kind).mean()) for kind in set(kinds)),
        "clips": len(names),
        "ms": 1000 * seconds / len(kinds),
    }


def nearest_caption(stamps: Path, name: str) -> dict[str, float]:
    """Return how often the text of a spoken description finds its caption, chance, and what the recogniser left out."""
    recogniser = recognisers.get(name)()
    recogniser.prepare()
    table = of_column(stamps, "speech")
    use = registry.get("use")()
    heard, mine = [], []
    began = time.perf_counter()
    for path, caption in zip(table["speech"], table["text_en"], strict=True):
        try:
            heard.append(recogniser.transcribe(read_sound(stamps / path, 60)))
        except BrokenInput:
            continue
        mine.append(caption)
    seconds = time.perf_counter() - began
    captions = sorted(set(mine))
    texts, _ = use.encode([text and use.decode(text) for text in heard])
    known, _ = use.encode([use.decode(caption) for caption in captions])
    found = [captions[place] for place in (texts @ known.T).argmax(axis=1)]
    pairs = zip(heard, found, mine, strict=True)
    return {
        "right": float(np.mean([text is not None and best == own for text, best, own in pairs])),
        "chance": 1 / len(captions),
        "clips": len(mine),
        "unheard": sum(text is None for text in heard),
        "ms": 1000 * seconds / len(mine),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stamps", type=Path)
    parser.add_argument("--encoders", default=ENCODERS)
    parser.add_argument("--recognisers", default=RECOGNISERS)
    asked = parser.parse_args()
    print("| encoder | same category | majority | clips | ms a clip |\n|---|---|---|---|---|")
    for name in filter(None, asked.encoders.split(",")):
        row = nearest_category(asked.stamps, name)
        print(
            f"| `{name}` | {row['right']:.1%} | {row['majority']:.1%} | {row['clips']} | {row['ms']:.0f} |", flush=True
        )
    print(
        "\n| recogniser | nearest caption is right | chance | clips | nothing heard | ms a clip |\n|---|---|---|---|---|---|"
    )
    for name in filter(None, asked.recognisers.split(",")):
        row = nearest_caption(asked.stamps, name)
        print(
            f"| `{name}` | {row['right']:.1%} | {row['chance']:.1%} | {row['clips']} | {row['unheard']} | {row['ms']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
