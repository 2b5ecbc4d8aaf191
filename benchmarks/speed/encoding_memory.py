"""Memory while 50,000 pictures and 50,000 texts are encoded, a kill -9 in the middle, and what is computed after it.

    python benchmarks/speed/encoding_memory.py [--n 50000] [--out out/encoding_memory.svg]

Makes a dataset of small generated PNG pictures and titles, encodes it in a process of its own, kills that when half of
the pictures are done, and starts it again. Resident memory of the process and its workers is read all the while and drawn.
Holds: each vector is computed once, but for what was on its way to the disk when the kill came; memory does not grow
with the number of items by more than their keys and vectors.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import psutil
from PIL import Image

from palate.core.config import Config
from palate.core.ids import IdMap
from palate.core.types import Floats
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders import Encoder, registry
from palate.encoders.pipeline import encode_columns
from palate.evaluation._report_lines import Line, Plot, Spot
from palate.interfaces import Raw

MB = 1 << 20
EVERY = 0.2
TARGET = 1.25
SPOTS = 120
Sample = tuple[float, float, int]
"""Seconds since the start, and resident megabytes of a process with its workers."""


class Cheap(Config):
    """No settings."""


class Colours(Encoder[Cheap]):
    """Mean and deviation of colours on a grid of 8 × 8: a picture's decoding is nearly all the work."""

    name = "colours"
    modality = "image"
    config_type = Cheap
    batch = 32

    @property
    def dim(self) -> int:
        return 192

    def decode(self, raw: Raw) -> npt.NDArray[np.uint8]:
        from palate.encoders._pictures import read_square

        return read_square(Path(raw), 64, 64)

    def _encode(self, batch: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        cells = np.stack(batch).reshape(len(batch), 8, 8, 8, 8, 3)
        return (cells.mean(axis=(2, 4)) / 255).reshape(len(batch), -1).astype(np.float32)


def install(folder: Path) -> None:
    """Make the encoder known by its name, as an installed distribution would, so that workers find it."""
    about = folder / "colours-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: colours\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[palate.encoders]\ncolours = {Path(__file__).stem}:Colours\n")
    sys.path += [str(Path(__file__).parent), str(folder)]


def make(folder: Path, n: int) -> None:
    """Write a dataset of n pictures and n titles, no two alike."""
    source = folder / "source"
    (source / "media" / "photo").mkdir(parents=True)
    rng = np.random.default_rng(0)
    paths = [f"media/photo/{number}.png" for number in range(n)]
    for path in paths:
        Image.fromarray(rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize((48, 48)).save(source / path)
    words = rng.choice(["red", "blue", "mug", "jar", "lamp", "old", "tall", "oak"], (n, 6))
    titles = [f"{' '.join(row)} {number}" for number, row in enumerate(words.tolist())]
    ids = IdMap(f"i{number}" for number in range(n))
    table = pl.DataFrame({"item_id": ids.series, "photo": paths, "title": titles})
    catalogue = Catalogue(table, {"photo": "image", "title": "text"}, root=source)
    save(Dataset(IdMap([]), ids, Interactions.empty(), catalogue), folder / "ds")


def encode(folder: Path) -> None:
    """Encode both columns and print what was done; this is the child process."""
    install(folder / "plugin")
    _, done = encode_columns(load(folder / "ds"), {"photo": registry.get("colours")(), "title": "use"})
    print(json.dumps({part.part: [part.computed, part.reused, part.seconds] for part in done}))


def watched(folder: Path, stop: Callable[[int], bool]) -> tuple[list[Sample], dict[str, Any] | None]:
    """Run the child; returns seconds, memory and vectors on disk, and what it printed unless `stop` had it killed."""
    began, samples = time.monotonic(), list[Sample]()
    child = subprocess.Popen([sys.executable, __file__, "--child", str(folder)], stdout=subprocess.PIPE, text=True)
    process = psutil.Process(child.pid)
    while child.poll() is None:
        found = kept(folder)
        with contextlib.suppress(psutil.Error):
            workers = process.children(recursive=True)
            size = sum(one.memory_info().rss for one in [process, *workers])
            samples.append((time.monotonic() - began, size / MB, found))
        if stop(found):
            child.kill()
            left = psutil.wait_procs(workers, timeout=10)[1]
            assert not left, "a worker outlives its parent"
            break
        time.sleep(EVERY)
    said, _ = child.communicate()
    return samples, json.loads(said) if said else None


def kept(folder: Path) -> int:
    """Count the vectors of pictures that are on disk, unfinished."""
    from safetensors import safe_open

    found = 0
    for chunk in (folder / "ds" / "features" / ".partial" / "photo").glob("*/chunk-*.safetensors"):
        with contextlib.suppress(FileNotFoundError), safe_open(chunk, "np") as file:  # the last step takes them away
            found += file.get_slice("keys").get_shape()[0]
    return found


def plot(n: int, first: list[Sample], second: list[Sample], before: int, after: int) -> str:
    end = first[-1][0] + second[-1][0]
    every = max(1, (len(first) + len(second)) // SPOTS)
    lines = []
    for label, samples, start in (("until kill -9", first, 0.0), ("started again", second, first[-1][0])):
        tops = [max(samples[place : place + every], key=lambda one: one[1]) for place in range(0, len(samples), every)]
        spots = [Spot((start + t) / end, mb, mb, mb, f"{start + t:.0f} s: {mb:.0f} MB") for t, mb, _ in tops]
        lines.append(Line(label, spots))
    return Plot(
        title=f"Memory while {n:,} pictures and {n:,} texts are encoded",
        under=(
            "resident, with its workers; pictures first, then texts; at the end the vectors of the texts become one table",
            f"killed with {before:,} pictures on disk; started again it computed the other {after:,}",
        ),
        across=f"share of the time, {end:.0f} s in all",
        upward="MB",
        lines=lines,
    ).svg(alone=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50_000)
    parser.add_argument("--out", type=Path, default=Path("out/encoding_memory.svg"))
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        encode(options.child)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder, options.n)
        first, done = watched(folder, lambda found: found >= options.n // 2)
        assert done is None, "it ended before it could be killed"
        before = kept(folder)
        second, done = watched(folder, lambda _: False)
        assert done is not None
    computed, reused, seconds = done["photo"]
    print(f"{options.n:,} pictures: {before:,} on disk at kill -9, {computed:,} computed after it, {reused:,} reused")
    assert (before, before + computed) == (reused, options.n), "the counts do not add up"
    print(f"  {computed / seconds:,.0f} pictures/s; {options.n / done['title'][2]:,.0f} texts/s by use")
    early = np.median([mb for _, mb, found in first if 0.02 < found / options.n < 0.15])
    late = np.median([mb for _, mb, found in second if 0.85 < found / options.n < 1])
    print(
        f"  memory {early:,.0f} MB with a tenth of the pictures done, {late:,.0f} MB at their end: {late / early:.2f} (target at "
        f"most {TARGET})"
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(plot(options.n, first, second, before, computed), encoding="utf-8")
    print(f"  {options.out}")


if __name__ == "__main__":
    main()
