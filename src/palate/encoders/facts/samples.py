"""A few inputs of each kind to try an encoder on: generated, so that every machine has the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from palate.interfaces import Raw

_N = 48


def samples(modality: str, folder: Path) -> list[Raw]:
    """Return inputs of a modality, files in the empty folder among them; none where it is not known how they look."""
    return _MAKERS[modality](folder) if modality in _MAKERS else []


def _of_shop(column: str, folder: Path, **settings: float) -> list[str]:
    from palate.data.worlds.shop import Shop

    Shop(n_items=_N, n_users=4, n_events=40, **settings).write(folder / "shop")
    return pl.read_csv(folder / "shop" / "items.csv")[column].drop_nulls().to_list()


def _texts(folder: Path) -> list[Raw]:
    return list(_of_shop("description", folder, clips=0))


def _pictures(folder: Path) -> list[Raw]:
    return [folder / "shop" / path for path in _of_shop("picture", folder, clips=0, picture_size=320)]


def _sounds(folder: Path) -> list[Raw]:
    return [folder / "shop" / path for path in _of_shop("sound", folder, clips=0, sound_seconds=5)]


def _clips(folder: Path) -> list[Raw]:
    return [folder / "shop" / path for path in _of_shop("clip", folder, clips=0.25)]


def _series(folder: Path) -> list[Raw]:
    rng = np.random.default_rng(0)
    return [json.dumps(rng.normal(size=365).cumsum().round(3).tolist()) for _ in range(_N)]


def _rows(folder: Path) -> list[Raw]:
    kinds = ("lamp", "mug", "chair")
    return [
        json.dumps({"price": 3.5 * n, "kind": kinds[n % 3], "since": f"2026-01-{1 + n % 28:02}"}) for n in range(_N)
    ]


def _places(folder: Path) -> list[Raw]:
    return [f"{3.5 * n - 80}, {7 * n - 170}" for n in range(_N)]


def _points(folder: Path) -> list[Raw]:
    rng = np.random.default_rng(0)
    paths: list[Raw] = []
    for n in range(_N):
        paths.append(folder / f"{n}.npy")
        np.save(folder / f"{n}.npy", rng.normal(size=(2000, 3)) * [1, 1, n / _N])
    return paths


_MAKERS: dict[str, Callable[[Path], list[Raw]]] = {
    "text": _texts, "image": _pictures, "audio": _sounds, "video": _clips, "series": _series, "table": _rows,
    "geo": _places, "points": _points,
}  # fmt: skip
