"""Decoding in worker processes, which a crash cannot stop, against decoding in threads.

    python benchmarks/speed/decoding.py [--n 1200]

Prints for pictures and for sounds the ratio of processes to threads, in wall and in CPU time, in turns over the same
slices, and what the processes cost a catalogue of ten files. The target is at most 1.2 of CPU time for many files.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from palate.core.cores import cores
from palate.encoders import Encoder, registry
from palate.encoders.pipeline.run import run
from palate.encoders.pipeline.workers import Workers, workers_for

SLICE = 100
TARGET = 1.2


class Kept(Workers):
    """Workers that outlive a run, so that a slice does not pay for their start."""

    def close(self) -> None:
        """Do nothing; `stop` does."""

    def stop(self) -> None:
        super().close()


def pictures(folder: Path, n: int) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.jpg" for number in range(n)]
    for path in paths:
        small = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8))
        small.resize((640, 480), Image.Resampling.BICUBIC).save(path, quality=85)
    return paths


def sounds(folder: Path, n: int) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.wav" for number in range(n)]
    for path in paths:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 22_050, 0, "NONE", ""))
            file.writeframes(rng.integers(-9000, 9000, 5 * 22_050).astype("<i2").tobytes())
    return paths


def seconds(encoder: Encoder[Any], files: Sequence[Path], workers: Workers | None) -> float:
    began = time.perf_counter()
    for _ in run(encoder, files, workers):
        pass
    return time.perf_counter() - began


def cpu() -> float:
    """Seconds of CPU that this process and its workers have used."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in [own, *own.children()])


def compare(name: str, files: list[Path]) -> None:
    encoder = registry.get(name)()
    encoder.prepare()
    small = files[:10]
    here = seconds(encoder, small, None)
    began = time.perf_counter()
    with workers_for(encoder, small) as workers:
        seconds(encoder, small, workers)
    there = time.perf_counter() - began
    print(f"{name}: ten files {here:.2f} s in threads, {there:.2f} s in processes, their start included")
    kept = Kept(encoder)
    kept.began -= 60  # as if they had been at work for long, so that all start at once
    wall, used = [0.0, 0.0], [0.0, 0.0]
    with kept:
        seconds(encoder, files[:64], kept)
        for turn, start in enumerate(range(0, len(files), SLICE)):
            part = files[start : start + SLICE]
            for way in (turn % 2, 1 - turn % 2):
                before = cpu()
                wall[way] += seconds(encoder, part, kept if way else None)
                used[way] += cpu() - before
        kept.stop()
    rates, each = [len(files) / spent for spent in wall], [1000 * spent / len(files) for spent in used]
    print(
        f"  {len(files):,} files: {rates[0]:,.1f}/s in threads, {rates[1]:,.1f}/s in processes, ratio of times {wall[1] / wall[0]:.2f}"
    )
    print(f"  CPU {each[0]:.1f} and {each[1]:.1f} ms a file, ratio {used[1] / used[0]:.2f} (target at most {TARGET})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1200)
    options = parser.parse_args()
    print(f"{cores()} cores")
    with tempfile.TemporaryDirectory() as place:
        compare("efficientnet-lite0", pictures(Path(place), options.n))
        compare("mel", sounds(Path(place), options.n // 3))


if __name__ == "__main__":
    main()
