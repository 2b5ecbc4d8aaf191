"""From a decoded picture to what a vision model of the hub reads, by Pillow and numpy, as its folder says.

The steps are those of transformers' image processors, which themselves want torchvision: resize, cut out the centre,
scale, standardise. What a folder does not say is never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from palate.core.errors import WeightsError
from palate.core.types import JSON, Floats
from palate.encoders._base import BrokenInput
from palate.encoders._hub import HubModel

_KINDS = (
    "Beit",
    "Bit",
    "Blip",
    "CLIP",
    "ChineseCLIP",
    "ConvNext",
    "DINOv3ViT",
    "DeiT",
    "EfficientNet",
    "Siglip",
    "ViT",
)
"""Image processors whose steps are those below."""
_EXACT = ("Beit", "Blip", "DINOv3ViT", "DeiT", "EfficientNet", "Siglip", "ViT")
"""Those for which a size that is one number means a square; for the others it is the shorter side."""
_CUTTING = ("Bit", "CLIP", "ChineseCLIP", "DeiT")
"""Those that cut out the centre unless they are told not to; the others do only where they are told."""
_LONGEST = 8
"""A picture that is so many times as long as wide is cut before it is scaled."""
_LARGEST = 8192
_FULL = 384
"""From this size on, ConvNeXt models are given the whole picture, distorted, rather than its centre."""


@dataclass(frozen=True)
class Preparation:
    """What is done to a picture; None where a step is left out.

    Shapes:
        a picture -> float32[3, height, width]. Where `crop` and `exact` are None, the longer side is what it comes to.
    """

    shorter: int | None
    """Pixels that the shorter side gets."""
    exact: tuple[int, int] | None
    """Height and width that a picture gets, whatever its shape."""
    filter: Image.Resampling
    crop: tuple[int, int] | None
    """Height and width of the centre that is kept."""
    scale: float
    mean: Floats | None
    deviation: Floats | None

    @property
    def side(self) -> int:
        """The shorter side that a picture must have to lose nothing; 0 where it is not scaled and must be whole."""
        return self.shorter or max(self.exact or (0,))

    def __call__(self, picture: Image.Image) -> Floats:
        """Prepare one RGB picture.

        Raises:
            BrokenInput: it is so long and narrow that scaling its shorter side would make it huge.
        """
        width, height = picture.size
        if self.shorter is not None and max(width, height) > _LONGEST * min(width, height):
            picture = self._middle(picture)
            width, height = picture.size
        if self.exact is not None:
            picture = picture.resize(self.exact[::-1], self.filter)
        elif self.shorter is not None:
            longer = int(self.shorter * max(width, height) / min(width, height))
            size = (self.shorter, longer) if width <= height else (longer, self.shorter)
            picture = picture.resize(size, self.filter)
        pixels = np.asarray(picture, np.float32)
        if self.crop is not None:
            pixels = _centre(pixels, *self.crop)
        pixels = pixels * np.float32(self.scale)
        if self.mean is not None and self.deviation is not None:
            pixels = (pixels - self.mean) / self.deviation
        return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)

    def _middle(self, picture: Image.Image) -> Image.Image:
        """Cut off the ends of a long and narrow picture, of which the centre alone is kept in any case."""
        width, height = picture.size
        if self.crop is None or self.shorter is None or max(self.crop) > 2 * self.shorter:
            raise BrokenInput(f"the picture is {width} × {height} pixels, too long and narrow for this model")
        longest = _LONGEST * min(width, height)
        left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
        return picture.crop((left, top, width - left, height - top))


def _centre(pixels: Floats, height: int, width: int) -> Floats:
    """Cut out the centre; where the picture is smaller, black surrounds it."""
    high, wide = pixels.shape[:2]
    around = [(max(0, -(-(height - high) // 2)), max(0, (height - high) // 2)),
              (max(0, -(-(width - wide) // 2)), max(0, (width - wide) // 2)), (0, 0)]  # fmt: skip
    pixels = np.pad(pixels, around)
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def read_preparation(model: HubModel) -> Preparation:
    """Read `preprocessor_config.json`, or the part on pictures of `processor_config.json`.

    Raises:
        WeightsError: there is neither, a step is not known here, or a value makes no sense.
    """
    try:
        return _preparation(model)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise WeightsError(
            f"the preprocessor_config.json of {model.name} cannot be followed ({error}): fetch the model again, or choose another"
        ) from error


def _preparation(model: HubModel) -> Preparation:
    said = model.config("preprocessor_config.json") or (model.config("processor_config.json") or {}).get(
        "image_processor"
    )
    if not said:
        raise WeightsError(f"the model {model.name} has no preprocessor_config.json: it does not read pictures")
    said = {
        name: value for name, value in said.items() if value is not None or name.startswith("do_")
    }  # null: not done
    kind = _kind(model, said)
    if said.get("rescale_offset") or said.get("do_pad") or said.get("do_flip_channel_order"):
        raise WeightsError(f"the model {model.name} prepares pictures in a way that is not known here: choose another")
    shorter, exact, crop = _sizes(model, said, kind)
    steps = {name: said.get(f"do_{name}", True) for name in ("resize", "rescale", "normalize")}
    mean, deviation = _triple(said.get("image_mean")), _triple(said.get("image_std"))
    if steps["normalize"] and (mean is None or deviation is None):
        raise WeightsError(f"the preprocessor_config.json of {model.name} does not say image_mean and image_std")
    if deviation is not None and not (deviation > 0).all():
        raise ValueError("image_std is not above 0")
    if not steps["resize"]:
        shorter, exact, crop = None, None, None if kind == "ConvNext" else crop
    elif "resample" not in said:
        raise WeightsError(f"the preprocessor_config.json of {model.name} does not say by which filter to 'resample'")
    if kind == "EfficientNet" and deviation is not None and said.get("include_top", True):
        deviation = deviation**2  # it divides twice
    return Preparation(
        shorter, exact, Image.Resampling(said.get("resample", Image.Resampling.NEAREST)), crop,
        float(said.get("rescale_factor", 1 / 255)) if steps["rescale"] else 1.0,
        mean if steps["normalize"] else None, deviation if steps["normalize"] else None,
    )  # fmt: skip


def _kind(model: HubModel, said: dict[str, Any]) -> str:
    name = str(said.get("image_processor_type") or said.get("feature_extractor_type") or "")
    kind = name
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        kind = kind.removesuffix(ending)
    if kind not in _KINDS:
        raise WeightsError(
            f"the model {model.name} prepares pictures by '{name or 'nothing that it names'}': known are "
            f"{', '.join(f'{known}ImageProcessor' for known in _KINDS)}"
        )
    return kind


def _sizes(
    model: HubModel, said: dict[str, Any], kind: str
) -> tuple[int | None, tuple[int, int] | None, tuple[int, int] | None]:
    """Return the shorter side, the exact size and the size of the centre that is cut out."""
    size = said.get("size")
    shorter: Any = size.get("shortest_edge") if isinstance(size, dict) else None if kind in _EXACT else size
    exact = _pair(size) if shorter is None else None
    longest = isinstance(size, dict) and size.get("longest_edge")
    if longest or (shorter is None and exact is None and said.get("do_resize", True)):
        raise WeightsError(
            f"the preprocessor_config.json of {model.name} gives the size {size}: nothing can be made of it"
        )
    if kind == "ConvNext" and shorter is not None:
        if shorter >= _FULL:
            return None, (shorter, shorter), None
        return int(shorter / said.get("crop_pct", 224 / 256)), None, (shorter, shorter)
    crop = _pair(said.get("crop_size")) if said.get("do_center_crop", kind in _CUTTING) else None
    if crop is None and said.get("do_center_crop", kind in _CUTTING):
        raise WeightsError(f"the preprocessor_config.json of {model.name} does not say crop_size")
    return None if shorter is None else _side(shorter), exact, crop


def _pair(size: JSON) -> tuple[int, int] | None:
    if isinstance(size, dict) and "height" in size:
        return _side(size["height"]), _side(size["width"])
    return (_side(size), _side(size)) if isinstance(size, int) else None


def _side(pixels: Any) -> int:
    if not 1 <= int(pixels) <= _LARGEST:
        raise ValueError(f"a side of {pixels} pixels, where 1 to {_LARGEST} are allowed")
    return int(pixels)


def _triple(values: JSON) -> Floats | None:
    return None if values is None else np.broadcast_to(np.asarray(values, np.float32), 3)
