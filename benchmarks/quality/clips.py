"""What the encoders of videos see in generated clips: python benchmarks/quality/clips.py [--seeds 2].

In one world people care for the scene alone, in the other for the movement alone. Recall@20 on clips that nobody has met, for each
way to pool frames, for one frame a clip, and beside the movement as a part of its own; the mean over seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import numpy as np

from palate.core.cores import cores
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable, features_of
from palate.data.folder import load
from palate.data.split import split
from palate.data.worlds import make
from palate.data.worlds.short_video import ShortVideo
from palate.encoders._pooling import Pooling, pool
from palate.encoders.motion import Motion
from palate.encoders.pipeline import encode
from palate.encoders.video import Video
from palate.evaluation import evaluate
from palate.models import ContentKNN, VectorSpace

TASTES = ("picture", "motion", "sound", "caption", "hidden")
SIZE: dict[str, Any] = {"n_items": 200, "n_users": 200, "n_events": 5_000, "clip_size": 48, "popularity": 0.2}


def world(taste: str, seed: int, folder: Path) -> Dataset:
    """Return a world in which nothing else counts; the clips of a seed are the same in both."""
    tastes = {f"{name}_taste": 4.0 * (name == taste) for name in TASTES}
    return load(make(ShortVideo(**SIZE, **tastes, seed=seed), folder / f"{taste}{seed}").path)


def pooled(data: Dataset) -> dict[str, FeatureTable]:
    """Return a part for each way to pool, all of the same frames, and one of the first frame."""
    root = data.root or Path()
    encoder = Video()
    encoder.prepare()

    def seen(path: str) -> tuple[np.ndarray, np.ndarray]:
        clip = encoder.decode(root / path)
        return encoder._image.encode(clip.frames)[0], clip.times

    with ThreadPoolExecutor(cores()) as threads:
        clips = list(threads.map(seen, data.catalogue.column("clip").to_list()))
    parts = {way: [pool(way, *clip) for clip in clips] for way in get_args(Pooling)}
    parts["first frame"] = [pool("mean", values[:1], times[:1]) for values, times in clips]
    print(f"{np.mean([len(times) for _, times in clips]):.1f} frames a clip", flush=True)
    return {name: features_of(np.stack(rows), source=name, modality="video") for name, rows in parts.items()}


def recalls(data: Dataset, **parts: FeatureTable) -> list[float]:
    """Return Recall@20 of two models with these parts alone."""
    cut = split(data.without_features(*data.features).with_features(**parts), "cold-items", seed=0)
    return [
        evaluate(model.fit(cut.train), cut, k=20, metrics=("recall",), resamples=10).metrics["recall@20"]
        for model in (VectorSpace(), ContentKNN())
    ]


def main() -> None:
    """Print a table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seeds", type=int, default=2)
    found: dict[tuple[str, str], list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(asked.parse_args().seeds):
            worlds = {taste: world(taste, seed, Path(folder)) for taste in ("picture", "motion")}
            parts = pooled(worlds["picture"])
            columns: dict[str, Any] = {"clip.motion": Motion()}
            moving = encode(worlds["picture"], **columns).features["clip.motion"]
            for taste, data in worlds.items():
                for way, part in parts.items():
                    found.setdefault((taste, way), []).append(recalls(data, clip=part))
                both = recalls(data, clip=parts["mean"], **{"clip.motion": moving})
                found.setdefault((taste, "mean and motion"), []).append(both)
                found.setdefault((taste, "motion"), []).append(recalls(data, **{"clip.motion": moving}))
    print(f"{'taste':10}{'part':18}vector-space  content-knn")
    for (taste, way), rows in found.items():
        print(f"{taste:10}{way:18}{np.mean(rows, axis=0)[0]:12.3f}{np.mean(rows, axis=0)[1]:13.3f}")


if __name__ == "__main__":
    main()
