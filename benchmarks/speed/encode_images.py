"""Encoding pictures, files to stored vectors, against the bare ONNX session on arrays that lie ready in memory.

    python benchmarks/speed/encode_images.py [--n 2000]

Prints the ratio of wall times to the faster of two bare runs: one session on all cores, and one thread a core, each
with a batch of its own. The target is at most 1.25. All run in turns over the same slices of pictures, so that whatever
else the machine does hits all. Uses the posters in PALATE_TEST_DATA where there are any, else generated JPEGs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
from PIL import Image

from palate.core.cores import cores
from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.encoders.efficientnet_lite0 import EfficientNetLite0
from palate.encoders.pipeline import encode

SLICE = 200
TARGET = 1.25


def pictures(n: int, folder: Path) -> tuple[str, list[Path]]:
    """Return n picture files and what they are."""
    posters = Path(os.environ.get("PALATE_TEST_DATA", "")) / "movielens-posters" / "posters"
    found = sorted(posters.glob("*.jpg"))[:n]
    if len(found) == n:
        return "posters", found
    rng = np.random.default_rng(0)
    made = []
    for index in range(n):
        small = Image.fromarray(rng.integers(0, 255, (12, 8, 3), dtype=np.uint8))
        made.append(folder / f"{index}.jpg")
        small.resize((128, 190), Image.Resampling.BICUBIC).save(made[-1], quality=85)
    return "generated pictures", made


def bare_session(encoder: EfficientNetLite0, batch: int, threads: int, callers: int) -> Callable[[np.ndarray], None]:
    """Return a function that runs the graph on an array of pictures, batch by batch, `callers` batches at once."""
    pool = ThreadPoolExecutor(callers)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(encoder.graph(), options, providers=["CPUExecutionProvider"])

    def run(ready: np.ndarray) -> None:
        batches = [ready[start : start + batch] for start in range(0, len(ready), batch)]
        list(pool.map(lambda pixels: session.run(["features"], {"pixels": pixels}), batches))

    return run


class Clock:
    """Adds up wall and CPU seconds of a piece of work."""

    def __init__(self, label: str) -> None:
        self.label, self.wall, self.cpu = label, 0.0, 0.0

    def run(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def shop_of(files: list[Path], root: Path) -> Dataset:
    ids = IdMap(str(number) for number in range(len(files)))
    table = pl.DataFrame({"item_id": ids.series, "photo": [str(file) for file in files]})
    return Dataset(IdMap([]), ids, Interactions.empty(), Catalogue(table, {"photo": "image"}), root=root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        what, files = pictures(options.n, Path(place))
        encoder = EfficientNetLite0()
        encoder.prepare()
        together, apart = bare_session(encoder, 16, cores(), 1), bare_session(encoder, encoder.batch, 1, cores())
        ours = Clock("files to stored vectors")
        one = Clock("bare session on all cores, ready arrays")
        many = Clock("bare session by one thread a core")
        for turn, start in enumerate(range(0, len(files), SLICE)):
            part = files[start : start + SLICE]
            ready = np.stack([encoder.decode(file) for file in part])
            shop = shop_of(part, Path(place) / f"shop{turn}")
            works = [
                (ours, partial(encode, shop, photo=encoder)),
                (one, partial(together, ready)),
                (many, partial(apart, ready)),
            ]
            for clock, work in works[turn % 3 :] + works[: turn % 3]:
                clock.run(work)
    print(f"{len(files):,} {what} on {cores()} cores")
    for clock in (ours, one, many):
        each = 1000 / len(files)
        print(f"  {clock.label:40} {clock.wall * each:6.2f} ms a picture, {clock.cpu * each:6.2f} ms of CPU")
    best = min(one, many, key=lambda clock: clock.wall)
    print(f"  ratio {ours.wall / best.wall:.2f} (target at most {TARGET}), of CPU {ours.cpu / best.cpu:.2f}")


if __name__ == "__main__":
    main()
