"""Every stream of a clip on one grid, drawn: python benchmarks/quality/senses_video.py CLIP... --out FOLDER.

Brightness, change, movement, cuts, kept frames and the level of the sound, each on its own clock when it is read and on
cells of a tenth of a second when it is drawn. Prints seconds and memory of each clip.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np

from palate.encoders import BrokenInput
from palate.encoders._sounds import RATE, read_sound
from palate.encoders._videos import Movement, Watched, watch, watch_movement
from palate.encoders.alignment import Grid, Stream, align_time

WIDTH, LEFT, RIGHT, TOP, ROW, GAP = 860, 150, 60, 74, 64, 16
LEVEL = 0.02
"""Seconds of a window of sound."""
STYLE = """
svg { background: #fff; font-family: system-ui, "Segoe UI", "Noto Sans", sans-serif; }
text { fill: #22211f; font-size: 13px; } .title { font-size: 16px; font-weight: 650; } .soft { fill: #6d6a64; font-size: 12px; }
.frame { fill: #faf8f4; } .grid { stroke: #e3e0d9; } .cut { stroke: #b3421f; stroke-dasharray: 4 3; stroke-width: 1.5; }
.kept { fill: #1f6fb3; } .line { fill: none; stroke: #1f6fb3; stroke-width: 1.8; } .area { fill: #1f6fb3; opacity: .14; }
"""


def streams(moved: Movement, sound: np.ndarray | None) -> dict[str, Stream]:
    """Return what was measured, on the clock of each."""
    times = np.array([look.change.time for look in moved.looks])
    numbers = {
        "brightness, share of white": [look.brightness for look in moved.looks],
        "change, share of colours": [look.change.colours for look in moved.looks],
        "movement, widths a second": [look.speed for look in moved.looks],
    }
    found = {name: Stream(times, np.array(values), reach=0.3) for name, values in numbers.items()}
    if sound is not None:
        size = int(RATE * LEVEL)
        windows = sound[: len(sound) // size * size].reshape(-1, size)
        level = 20 * np.log10(np.sqrt((windows**2).mean(axis=1)) + 1e-5)
        found["sound, dB"] = Stream(np.arange(len(level)) * LEVEL, level, "mean", lasting=LEVEL)
    return found


def draw(name: str, seen: Watched, moved: Movement, sound: np.ndarray | None) -> str:
    """Return the picture of one clip."""
    grid = Grid.covering(0.0, seen.end, 0.1)
    aligned = align_time(streams(moved, sound), grid)
    height = TOP + len(aligned) * (ROW + GAP) + 64
    bottom = TOP + len(aligned) * (ROW + GAP) - GAP

    def x(moment: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * moment / (grid.size * grid.step)

    silent = "" if sound is not None else "; it has no sound"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"><style>{STYLE}</style>',
        f'<text class="title" x="12" y="26">{escape(name)}: all streams on one grid of 0.1 s</text>',
        f'<text class="soft" x="12" y="46">red dashes: cuts ({len(seen.cuts)} found); blue dots: the {len(seen.times)} '
        f"frames that are encoded{silent}</text>",
    ]
    for place, (label, (values, present)) in enumerate(aligned.items()):
        parts += row(label, values[:, 0], present, grid, TOP + place * (ROW + GAP), x)
    for second in range(int(seen.end) + 1):
        parts.append(f'<line class="grid" x1="{x(second):.1f}" x2="{x(second):.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="soft" x="{x(second):.1f}" y="{bottom + 34}" text-anchor="middle">{second} s</text>')
    parts += [f'<line class="cut" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{TOP}" y2="{bottom + 12}"/>' for t in seen.cuts]
    parts += [f'<circle class="kept" cx="{x(t):.1f}" cy="{bottom + 12}" r="4"/>' for t in seen.times]
    return "".join([*parts, "</svg>\n"])


def row(
    label: str, values: np.ndarray, present: np.ndarray, grid: Grid, top: float, x: Callable[[float], float]
) -> list[str]:
    """Return one stream; where it is absent the line is broken."""
    decibels = label.endswith("dB")
    low = -80.0 if decibels else 0.0
    high = 0.0 if decibels else max(0.05, float(np.nanmax(values, initial=0.0)) * 1.1)
    said = ("-80", "0") if decibels else ("0", f"{high:.2f}")
    parts = [
        f'<rect class="frame" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{ROW}"/>',
        f'<text x="12" y="{top + ROW / 2}">{escape(label.partition(",")[0])}</text>',
        f'<text class="soft" x="12" y="{top + ROW / 2 + 16}">{escape(label.partition(", ")[2])}</text>',
        f'<text class="soft" x="{WIDTH - RIGHT + 6}" y="{top + ROW}">{said[0]}</text>',
        f'<text class="soft" x="{WIDTH - RIGHT + 6}" y="{top + 10}">{said[1]}</text>',
    ]
    y = top + ROW * (1 - np.clip((values - low) / (high - low), 0, 1))
    for run in np.split(np.flatnonzero(present), np.flatnonzero(np.diff(np.flatnonzero(present)) > 1) + 1):
        if len(run):
            points = " ".join(f"{x(grid.middles[cell]):.1f},{y[cell]:.1f}" for cell in run)
            ends = [f"{x(grid.middles[cell]):.1f},{top + ROW}" for cell in (run[0], run[-1])]
            parts.append(f'<polygon class="area" points="{ends[0]} {points} {ends[1]}"/>')
            parts.append(f'<polyline class="line" points="{points}"/>')
    return parts


def main() -> None:
    """Draw every clip that is named."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("clips", nargs="+", type=Path)
    asked.add_argument("--out", type=Path, required=True)
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for clip in given.clips:
        began = time.perf_counter()
        seen, moved = watch(clip, 256, 16, 8, 60.0), watch_movement(clip, 60.0)
        seconds = time.perf_counter() - began
        try:
            sound = read_sound(clip, 60.0)
        except BrokenInput:
            sound = None
        (given.out / f"video-{clip.stem}.svg").write_text(draw(clip.name, seen, moved, sound), encoding="utf-8")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{clip.name}: {seen.end:.1f} s watched in {seconds:.2f} s, {len(seen.times)} frames, "
            f"{len(seen.cuts)} cuts, {memory:.0f} MB at most so far"
        )


if __name__ == "__main__":
    main()
