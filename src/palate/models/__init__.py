"""Recommenders, one a file; a file's name is the model's name with underscores for hyphens."""

from __future__ import annotations

import importlib
from typing import Any

from palate.core.registry import Registry
from palate.models._base import Model

registry: Registry[Model[Any]] = Registry("model", __name__)

_PUBLIC = {
    "Popularity": "popularity",
    "VectorSpace": "vector_space",
    "ContentKNN": "content_knn",
    "ItemKNN": "item_knn",
    "UserKNN": "user_knn",
    "SLIM": "slim",
    "EASE": "ease",
    "CEASE": "cease",
    "ALS": "als",
    "BPR": "bpr",
    "Ensemble": "ensemble",
    "Logistic": "logistic",
    "MLPCTR": "mlp_ctr",
    "LightGCN": "lightgcn",
    "VBPR": "vbpr",
    "BM3": "bm3",
    "FREEDOM": "freedom",
    "MGCN": "mgcn",
    "LATTICE": "lattice",
    "MMGCN": "mmgcn",
    "LGMRec": "lgmrec",
    "PGL": "pgl",
    "MMDFM": "mmdfm",
    "MMAL": "mmal",
    "TwoTower": "two_tower",
    "Umami": "umami",
}

__all__ = ["Model", "registry", *_PUBLIC]  # noqa: PLE0604  the names are text; the classes load when asked for


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
