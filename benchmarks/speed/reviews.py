"""What a long log of reviews costs besides the encoder: encoding, encoding again, cutting and pooling.

    python benchmarks/speed/reviews.py [ROWS]

The encoder is as good as free, so that what is left is reading, telling contents apart, writing and gathering. Memory is
the private part of the process (files that are mapped do not count), beside the bytes of the vectors. Pooling from the
file is held against np.add.at on an array in memory, and must agree with it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from palate.core.config import Config
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.data.split import split
from palate.encoders import Encoder
from palate.encoders.pipeline import encode

DIM, PART = 256, "interactions.text"


class Nothing(Config):
    """No settings."""


class Free(Encoder[Nothing]):
    """The length of a text, many times."""

    name = "free"
    modality = "text"
    config_type = Nothing
    batch = 1024
    dim = DIM

    def decode(self, raw):
        return len(raw)

    def _encode(self, batch):
        return np.repeat(np.array(batch, np.float32)[:, None], DIM, axis=1) + np.arange(DIM, dtype=np.float32)


class Peak:
    """Watches the private memory of the process."""

    def __init__(self):
        self.start = self.most = private()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            self.most = max(self.most, private())
            time.sleep(0.02)


def private():
    memory = psutil.Process().memory_info()
    return memory.rss - memory.shared


def reviews(n):
    """One review in ten says the same; there are 20 a item and 10 a user."""
    rng = np.random.default_rng(0)
    picks = rng.integers(0, 5000, (n, 8))
    texts = ["good" if row % 10 == 0 else " ".join(f"word{word}" for word in picks[row]) for row in range(n)]
    user, item = (rng.integers(0, n // many, n).astype(np.int32) for many in (10, 20))
    items = IdMap(f"i{code}" for code in range(n // 20))
    events = Interactions(user, item, np.ones(n, np.float32), None, pl.DataFrame({"text": texts}))
    catalogue = Catalogue(pl.DataFrame({"item_id": items.series}))
    return Dataset(IdMap(f"u{code}" for code in range(n // 10)), items, events, catalogue)


def timed(work):
    start = time.perf_counter()
    result = work()
    return round(time.perf_counter() - start, 2), result


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        save(reviews(n), Path(folder) / "ds")
        data = load(Path(folder) / "ds")
        peak = Peak()
        seconds = {}
        seconds["encode"], data = timed(lambda: encode(data, of="interactions", text=Free()))
        seconds["encode again"], _ = timed(lambda: encode(data, of="interactions", text=Free()))
        seconds["load"], data = timed(lambda: load(Path(folder) / "ds"))
        seconds["split"], cut = timed(lambda: split(data))
        seconds["pool"], pooled = timed(lambda: cut.train.item_parts()[PART])
        extra = peak.most - peak.start
        part, item = cut.train.features[PART], cut.train.interactions.item
        values = part.values[:]
        total, count = np.zeros((len(data.items), DIM), np.float32), np.bincount(item, minlength=len(data.items))
        naive, _ = timed(lambda: np.add.at(total, item, values))
        expected = total / np.maximum(count, 1)[:, None]
        np.testing.assert_allclose(pooled.values, expected, rtol=1e-3)
    print(json.dumps({
        "reviews": n, "vectors_mb": n * DIM * 4 // 10**6, "extra_memory_mb": extra // 10**6, "seconds": seconds,
        "pool_times_faster_than_add_at_in_memory": round(naive / seconds["pool"], 2),
    }, indent=2))  # fmt: skip


if __name__ == "__main__":
    main()
