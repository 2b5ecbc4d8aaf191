"""Palate: multimodal recommendations, from raw media and events to evaluated and served answers.

    data  = palate.load("shop/")
    data  = palate.encode(data, title="use", photo="efficientnet-lite0")
    split = palate.split(data, "random-per-user", seed=0)
    model = palate.models.ItemKNN().fit(split.train)
    print(palate.evaluate(model, split, k=20))
    palate.Bundle.of(model, data).save("shop.palate")

Names load when they are first used, so that `import palate` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from palate import models as models
    from palate.bundle import Bundle as Bundle
    from palate.client import Client as Client
    from palate.core.errors import ServiceError as ServiceError
    from palate.data.folder import load as load
    from palate.data.folder import save as save
    from palate.data.frames import from_frames as from_frames
    from palate.data.split import split as split
    from palate.encoders.pipeline import encode as encode
    from palate.encoders.speech import transcribe as transcribe
    from palate.evaluation import compare as compare
    from palate.evaluation import evaluate as evaluate
    from palate.training.pseudo_labels import pseudo_labels as pseudo_labels

__version__ = "0.1.0"

_HOME = {
    "Bundle": "palate.bundle",
    "Client": "palate.client",
    "ServiceError": "palate.core.errors",
    "compare": "palate.evaluation",
    "encode": "palate.encoders.pipeline",
    "evaluate": "palate.evaluation",
    "from_frames": "palate.data.frames",
    "load": "palate.data.folder",
    "models": "palate.models",
    "pseudo_labels": "palate.training.pseudo_labels",
    "save": "palate.data.folder",
    "split": "palate.data.split",
    "transcribe": "palate.encoders.speech",
}

__all__ = [
    "Bundle", "Client", "ServiceError", "__version__", "compare", "encode", "evaluate", "from_frames", "load", "models", "pseudo_labels", "save",
    "split", "transcribe",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'palate' has no attribute '{name}'")
    home = importlib.import_module(_HOME[name])
    return home if name == "models" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
