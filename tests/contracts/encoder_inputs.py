"""What the contract suite gives to each encoder: seven inputs a modality, and a line an encoder."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import hub_models
import onnx_files
from clip_files import textured, write_clip
from palate.encoders import registry
from palate.interfaces import Raw
from tuned_files import tuned

ANOTHER: dict[str, dict[str, Any]] = {
    "use": {"max_length": 9},
    "tf-idf": {"dim": 3},
    "bag-of-words": {"dim": 9},
    "word2vec": {"dim": 16},
    "minilm": {"max_length": 9},
    "mel": {"bands": 12},
    "conse": {"top": 1},
    "colour-texture": {"patterns": 3.0},
    "onnx-image": {"mean": [0.0, 0.0, 0.0]},
    "video": {"frames": 1},
    "motion": {"max_seconds": 0.3},
    "hf-text": {"pooling": "cls"},
    "hf-image": {"pooling": "mean"},
    "hf-audio": {"normalise": False},
    "musicnn": {"max_seconds": 0.15},
    "aisfx": {"max_seconds": 0.15},
    "whisper-encoder": {"max_seconds": 0.15},
    "series": {"kernels": 84},
    "table": {"max_values": 1},
    "geo": {"waves": 32},
    "points": {"bins": 16},
    **{f"tuned-{modality}": {"strength": 0.5} for modality in ("text", "image", "audio", "video")},
}
"""A setting that changes vectors, for each encoder that has settings."""
NEEDS_WEIGHTS = {
    "video",
    "minilm",
    "conse",
    "efficientnet-lite0",
    "efficientnet-lite2",
    "musicnn",
    "aisfx",
    "whisper-encoder",
}
"""Encoders that fetch pretrained files."""
FEW: dict[str, int] = {
    "whisper-encoder": 2,
}
"""How many inputs an encoder gets that takes more than a second for each; the others get all."""
SETTINGS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "hf-text": lambda folder: {"model": str(hub_models.bert(folder / "bert"))},
    "hf-image": lambda folder: {"model": str(hub_models.clip(folder / "clip"))},
    "hf-audio": lambda folder: {"model": str(hub_models.wav2vec2(folder / "wav2vec2"))},
    "onnx-image": lambda folder: {"model": str(onnx_files.pools(folder / "pools.onnx"))},
    "tuned-text": lambda folder: {"model": str(tuned(folder / "text", registry.get("use")()))},
    "tuned-image": lambda folder: {"model": str(tuned(folder / "image", registry.get("colour-texture")()))},
    "tuned-audio": lambda folder: {"model": str(tuned(folder / "audio", registry.get("mel")()))},
    "tuned-video": lambda folder: {"model": str(tuned(folder / "video", registry.get("motion")()))},
}
"""For an encoder that cannot be made without settings: what makes them, given an empty folder."""


def texts(folder: Path) -> list[Raw]:
    words = ["red mug", "blue mug for tea", "红色的杯子", "wooden chair", "chair, red", "木椅", "a lamp"]
    return [f"{word} {number}" for number, word in enumerate(words)]


def pictures(folder: Path) -> list[Raw]:
    rng = np.random.default_rng(1)
    paths: list[Raw] = []
    for number in range(7):
        small = Image.fromarray(rng.integers(0, 255, (5, 4, 3), dtype=np.uint8))
        path = folder / f"{number}.png"
        small.resize((60 + 20 * number, 90), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


def sounds(folder: Path) -> list[Raw]:
    paths: list[Raw] = []
    for number in range(7):
        time = np.arange(int(8000 * (0.2 + 0.1 * number))) / 8000
        samples = (np.sin(time * 2 * np.pi * 200 * (number + 1)) * 12000).astype("<i2")
        path = folder / f"{number}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(samples.tobytes())
        paths.append(path)
    return paths


def series(folder: Path) -> list[Raw]:
    """Values in cells of several kinds, one with a gap, and in files."""
    time = np.arange(40)
    np.save(folder / "wave.npy", np.sin(time / 3))
    (folder / "prices.csv").write_text("day,price\n" + "\n".join(f"2026-01-{day:02},{day % 5}" for day in range(1, 29)))
    cells = ["[1, 2.5, null, 4, 3]", "7", "3, 1, 4, 1, 5, 9, 2, 6", " ".join(map(str, time**2)), "5;;5;6"]
    return [*cells, folder / "wave.npy", folder / "prices.csv"]


def videos(folder: Path) -> list[Raw]:
    paths: list[Raw] = []
    for number in range(7):
        scene = textured(96, number)
        frames = [np.roll(scene, number * step, axis=1) for step in range(6 + number)]
        paths.append(write_clip(folder / f"{number}.mp4", frames, rate=8))
    return paths


def tables(folder: Path) -> list[Raw]:
    """Rows with numbers, categories and dates, of which some are missing; one in a file."""
    rows = [
        {"price": 3.5, "kind": "mug", "tags": "red|tea", "since": "2024-01-31"},
        {"price": 4, "kind": "mug", "tags": "red", "since": "2025-07-01"},
        {"price": None, "kind": "chair", "tags": "", "since": "2025-07-02"},
        {"price": 900, "kind": "chair", "tags": "tea|red", "since": None},
        {"price": 5},
        {"kind": "lamp"},
    ]
    (folder / "row.json").write_text('{"price": 20, "tags": "tea"}')
    return [*map(json.dumps, rows), folder / "row.json"]


def places(folder: Path) -> list[Raw]:
    (folder / "place.txt").write_text("31.23 121.47")
    cells = ["48.8566, 2.3522", "[51.5, -0.12]", '{"lat": 90, "lon": 0}', "-33.87;151.21", "0 180", "48.86, 2.35"]
    return [*cells, folder / "place.txt"]


def clouds(folder: Path) -> list[Raw]:
    """Boxes of seven shapes, in files of several kinds and in a cell."""
    rng = np.random.default_rng(2)
    boxes = [rng.uniform(-1, 1, (40 + 9 * number, 3)) * [1, 1 / (number + 1), 0.1 * number] for number in range(7)]
    found: list[Raw] = [json.dumps(boxes[0].tolist())]
    for number, box in enumerate(boxes[1:]):
        lines = "\n".join(" ".join(map(str, row)) for row in box.tolist())
        heads = {
            "xyz": "",
            "off": f"OFF\n{len(box)} 0 0\n",
            "ply": f"ply\nformat ascii 1.0\nelement vertex {len(box)}\n",
        }
        heads["ply"] += "property float x\nproperty float y\nproperty float z\nend_header\n"
        ending = list(heads)[number % 3]
        path = folder / f"{number}.{ending}"
        path.write_text(heads[ending] + lines + "\n")
        found.append(path)
    return found


MAKERS: dict[str, Callable[[Path], list[Raw]]] = {
    "text": texts,
    "image": pictures,
    "audio": sounds,
    "series": series,
    "table": tables,
    "geo": places,
    "video": videos,
    "points": clouds,
}
"""Seven different inputs of each modality, given an empty folder."""
