"""Pictures in the space of texts, by the names of what a classifier sees."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from palate.core.config import Config
from palate.core.errors import WeightsError
from palate.core.types import JSON, Floats
from palate.core.weights import WeightSource, fetch
from palate.encoders._base import Encoder
from palate.encoders._efficientnet_encoder import EfficientNetLite
from palate.encoders.efficientnet_lite0 import EfficientNetLite0
from palate.encoders.efficientnet_lite2 import EfficientNetLite2
from palate.encoders.use import USE
from palate.interfaces import Raw
from palate.linalg.neighbours import unit_rows

NAMES = WeightSource(
    "pypi:open_clip_torch==3.3.0",
    "open_clip/zero_shot_metadata.py",
    "3bd8adb168bdf80fd681a71258e67f2c4d0f8ed73eae9b504ed5063e1726bbe9",
    "c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce",
    "MIT",
    19_245,
)
"""The names of the ImageNet classes as people say them, which Radford et al. 2021 wrote for CLIP."""
_LIST, _N_CLASSES = "IMAGENET_CLASSNAMES", 1000
_NETWORKS: dict[str, type[EfficientNetLite[Any]]] = {"lite0": EfficientNetLite0, "lite2": EfficientNetLite2}


class ConSEConfig(Config):
    """Settings of `conse`."""

    network: Literal["lite0", "lite2"] = "lite0"
    """Which EfficientNet-Lite classifies the picture."""
    top: int = Field(default=10, ge=1, le=_N_CLASSES)
    """How many classes count, the most probable ones."""
    prompt: str = "a photo of a {}"
    """The text that stands for a class, with {} where its name goes."""

    @field_validator("prompt")
    @classmethod
    def _holds_a_name(cls, prompt: str) -> str:
        if prompt.count("{}") != 1:
            raise ValueError("write the prompt with {} where the name of a class goes")
        return prompt


class ConSE(Encoder[ConSEConfig]):
    """Convex combination of semantic embeddings: a picture in the space of `use`, where texts find it; weaker than CLIP.

    Norouzi et al. 2014, arXiv:1312.5650, equation 4: f(x) = Σ_t p(y_t | x) s(y_t) / Σ_t p(y_t | x) over the most probable
    classes of ImageNet, s(y) the vector by `use` of "a photo of a {class}"; here of unit length. It knows no more of a
    picture than its thousand classes say: no colours, no counts, no people. A CLIP-like model of the hub sees more.
    """

    name = "conse"
    modality = "image"
    config_type = ConSEConfig
    weights = (*EfficientNetLite0.weights, NAMES)
    batch = 8
    stand_in = True

    @property
    def dim(self) -> int:
        """512, as those of `use`."""
        return self._texts.dim

    @property
    def space(self) -> str:
        """That of `use`."""
        return self._texts.space

    def companion(self, modality: str) -> Encoder[Any] | None:
        """Return `use` for texts."""
        return USE() if modality == "text" else None

    def _weights(self) -> JSON:
        return [self._network.fingerprint, NAMES.sha256, self._texts.space]

    @cached_property
    def _texts(self) -> USE:
        return USE()

    @cached_property
    def _network(self) -> EfficientNetLite[Any]:
        return _NETWORKS[self.config.network]()

    @cached_property
    def _classes(self) -> Floats:
        """The vectors of the classes, float32[1000, dim]."""
        values, _ = self._texts.encode([self.config.prompt.replace("{}", name) for name in class_names()])
        return values

    def prepare(self) -> None:
        """Fetch the network and the names of its classes, and encode these."""
        self._network.prepare()
        self._classes  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> npt.NDArray[np.uint8]:
        """Return the centre of the picture as the network wants it."""
        return self._network.decode(raw)

    def _encode(self, batch: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        from scipy.special import softmax

        probable = softmax(self._network.logits(batch), axis=1)
        best = np.argsort(-probable, axis=1, kind="stable")[:, : self.config.top]
        weights = np.take_along_axis(probable, best, axis=1)
        return unit_rows(np.einsum("bt,btd->bd", weights, self._classes[best]))


def class_names() -> list[str]:
    """Return the names of the 1000 ImageNet classes, in the order of the logits.

    They stand in a Python file, of which this list is read and nothing is run.

    Raises:
        WeightsError: the file cannot be had, or has no such list.
    """
    path = fetch(NAMES)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == [_LIST]:
            return list(ast.literal_eval(node.value))
    raise WeightsError(f"{path} holds no list {_LIST}")
