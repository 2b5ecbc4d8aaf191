"""Pictures by a model of the hub: CLIP, SigLIP, DINOv2, ViT, ResNet, ConvNeXt and their like."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from palate.core.errors import ConfigError
from palate.core.types import Floats
from palate.encoders._hub_encoder import HubConfig, HubEncoder, by_shape, stacked, unit
from palate.encoders._hub_pictures import Preparation, read_preparation
from palate.encoders._hub_torch import floats, inference, tensor, told
from palate.encoders._pictures import read_rgb
from palate.interfaces import Raw

_SUMMARY = {
    "beit", "data2vec-vision", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "vit", "vit_mae", "vit_msn",
}  # fmt: skip
"""Architectures whose first token stands for the whole picture."""
_ATTENDED = {"clip_vision_model", "siglip_vision_model", "siglip2_vision_model"}
"""Architectures trained to sum a picture up in their pooler."""

Way = Literal["cls", "mean", "pooler", "features"]


class HFImageConfig(HubConfig):
    """Settings of `hf-image`."""

    pooling: Literal["auto", "cls", "mean", "pooler"] = "auto"
    """What stands for a picture: its class token, the mean of its patches, or the model's pooler; auto: the projection
    into the shared space where there is one, else what the architecture was trained for."""
    normalise: bool = True
    """Whether vectors have unit length."""


class HFImage(HubEncoder[HFImageConfig]):
    """A vision model of the hub, as in hf:org/name: CLIP, SigLIP, DINOv2, ViT, ResNet, ConvNeXt and their like.

    Pictures are prepared by Pillow as the model's folder says; torchvision is not needed. Radford et al. 2021,
    arXiv:2103.00020; Zhai et al. 2023, arXiv:2303.15343; Oquab et al. 2023, arXiv:2304.07193; Dosovitskiy et al. 2020,
    arXiv:2010.11929; He et al. 2015, arXiv:1512.03385; Liu et al. 2022, arXiv:2201.03545.
    """

    name = "hf-image"
    modality = "image"
    version = 2
    config_type = HFImageConfig
    batch = 8
    shared_when = ("pooling", "normalise")

    @cached_property
    def _preparation(self) -> Preparation:
        return read_preparation(self.hub)

    @cached_property
    def _way(self) -> Way:
        """What stands for a picture, decided by the setting and the architecture."""
        model, wanted = self._loaded, self.config.pooling
        if wanted == "auto" and hasattr(model, "get_image_features"):
            return "features"
        kind = self._vision.config.model_type
        has_pooler = not any("pooler" in name or name.startswith("layernorm") for name in model.palate_lacks)
        if wanted == "auto":
            flat = kind in _ATTENDED or self._is_convolutional
            return "pooler" if flat and has_pooler else "cls" if kind in _SUMMARY else "mean"
        if wanted == "pooler" and not has_pooler:
            raise ConfigError(
                f"pooling was 'pooler': {self.hub.name} comes without one that was trained; choose cls or mean"
            )
        if wanted == "cls" and not self._summaries:
            raise ConfigError(f"pooling was 'cls': {self.hub.name} ({kind}) has no class token; choose mean or auto")
        return wanted

    @property
    def _vision(self) -> Any:
        """The network that sees: the vision tower of CLIP and its like."""
        return getattr(self._loaded, "vision_model", self._loaded)

    @property
    def _is_convolutional(self) -> bool:
        return hasattr(self._vision.config, "hidden_sizes")

    @cached_property
    def _summaries(self) -> int:
        """How many tokens come before those of the patches: the class token and registers."""
        config = self._vision.config
        kind = config.model_type
        if kind in _SUMMARY or kind in ("clip_vision_model", "chinese_clip_vision_model", "metaclip_2_vision_model"):
            return 1 + (getattr(config, "num_register_tokens", 0) or 0)
        return 0

    def _try(self) -> Floats:
        with told(self.hub):
            return self._vectors([self._blank()])

    def _blank(self) -> Floats:
        side = max(self._preparation.side, 32)
        return self._preparation(Image.new("RGB", (side, side)))

    def decode(self, raw: Raw) -> Floats:
        """Return the prepared picture, float32[3, height, width]."""
        return self._preparation(read_rgb(Path(raw), self._preparation.side))

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        vectors = by_shape(batch, self._vectors, self.batch)
        return unit(vectors) if self.config.normalise else vectors

    def with_states(self, batch: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Encode pictures, and return the states behind each layer: of the class token where there is one, else of the mean patch."""
        shapes: list[tuple[int, ...]] = []

        def joined(pictures: list[Floats]) -> Floats:
            vectors, states = self._read(pictures, layers=True)
            shapes.append(states.shape[1:])
            return np.concatenate([vectors, states.reshape(len(states), -1)], axis=1)

        found = by_shape(batch, joined, self.batch)
        vectors, states = found[:, : self.dim], found[:, self.dim :].reshape(len(found), *shapes[0])
        return unit(vectors) if self.config.normalise else vectors, states

    def shape_of_states(self) -> tuple[int, ...]:
        """Return how many layers there are, the patches themselves counted, and how wide they are."""
        return self.with_states([self._blank()])[1].shape[1:]

    def _vectors(self, pictures: list[Floats]) -> Floats:
        return self._read(pictures)[0]

    def _read(self, pictures: list[Floats], layers: bool = False) -> tuple[Floats, Floats]:
        """Encode prepared pictures of one shape."""
        given: dict[str, Any] = {"pixel_values": tensor(np.stack(pictures))}
        if layers:
            given["output_hidden_states"] = True
        with inference():
            towers = self._way == "features"
            out = self._loaded.get_image_features(**given) if towers else self._vision(**given)
            vectors = floats(
                out.pooler_output.flatten(1)
                if self._way in ("features", "pooler")
                else self._summed(out.last_hidden_state)
            )
            if not layers:
                return vectors, np.empty((len(vectors), 0, 0), np.float32)
            return vectors, stacked(self.hub, [floats(self._summed(state)) for state in out.hidden_states])

    def _summed(self, hidden: Any) -> Any:
        """Return what stands for a picture: the mean of its map or its patches, or the class token unless the mean was asked for."""
        if hidden.ndim == 4:
            return hidden.mean(dim=(2, 3))
        return hidden[:, self._summaries :].mean(dim=1) if self._way == "mean" or not self._summaries else hidden[:, 0]
