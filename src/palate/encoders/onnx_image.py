"""Pictures by a network in an ONNX file of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import ConfigError, WeightsError, did_you_mean
from palate.core.fingerprint import file_fingerprint
from palate.core.types import JSON, Floats
from palate.encoders._base import Encoder
from palate.encoders._pictures import read_square
from palate.encoders._sessions import session
from palate.interfaces import Raw

Triple = tuple[float, float, float]
_CHANNELS = 3


class OnnxImageConfig(Config):
    """Settings of `onnx-image`; those of most networks trained on ImageNet are the defaults."""

    model: str
    """The path of the file."""
    output: str = ""
    """The name of the output that is the vector; the first one where nothing is said."""
    side: int = Field(default=224, ge=1, le=4096)
    """Pixels of the square that the network sees, where its file leaves that open."""
    shorter: int = Field(default=0, ge=0, le=8192)
    """Pixels to which the picture's shorter side is scaled before its centre is cut out; 0: 8 / 7 of `side`."""
    mean: Triple = (0.485, 0.456, 0.406)
    """Taken from red, green and blue, each 0 … 1."""
    std: Triple = (0.229, 0.224, 0.225)
    """By which the difference is divided."""
    scale: float = Field(default=1.0, gt=0)
    """By which the pixels 0 … 1 are multiplied before that: 255 for networks that are fed bytes as numbers."""
    swap: bool = False
    """Whether the network wants blue, green, red."""
    normalise: bool = False
    """Whether vectors have unit length."""


class OnnxImage(Encoder[OnnxImageConfig]):
    """A network for pictures in an ONNX file, as in onnx:vgg16.onnx: VGG, or one's own.

    The input is float32[n, 3, side, side] or float32[n, side, side, 3]; which of the two, and the side, are read from the file. Shorter
    side to `shorter` (bicubic), its centre, (scale · pixel - mean) / std. An output of four axes is averaged over
    places, one of three over its middle axis.
    """

    name = "onnx-image"
    modality = "image"
    version = 2
    scheme = "onnx"
    config_type = OnnxImageConfig
    batch = 8

    @property
    def dim(self) -> int:
        """Width of the output, found out by a run over a grey picture."""
        return self._width

    @cached_property
    def _width(self) -> int:
        side = self._layout[1]
        return int(self._encode([np.full((side, side, _CHANNELS), 127, np.uint8)]).shape[1])

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.config.model).expanduser()

    def _weights(self) -> JSON:
        if not self.path.is_file():
            raise WeightsError(f"there is no file {self.path}: write onnx:PATH, the path of an ONNX file")
        return file_fingerprint(self.path)

    @cached_property
    def _session(self) -> Any:
        self._weights()
        try:
            made = session(self.path)
        except Exception as error:  # ONNX Runtime has errors of a dozen types without a common one
            first = str(error).splitlines()[0]
            raise WeightsError(f"{self.path} cannot be loaded by ONNX Runtime ({first}): export it again") from error
        inputs, outputs = made.get_inputs(), [output.name for output in made.get_outputs()]
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
            told = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise ConfigError(f"{self.path} takes {told}: an encoder of pictures takes one float tensor of four axes")
        if self.config.output and self.config.output not in outputs:
            raise ConfigError(
                f"{self.path} has no output '{self.config.output}': {did_you_mean(self.config.output, outputs)}"
            )
        return made

    @cached_property
    def _layout(self) -> tuple[bool, int]:
        """Whether channels come first, and the side of the square."""
        shape = self._session.get_inputs()[0].shape
        first = shape[1] == _CHANNELS or shape[3] != _CHANNELS
        high, wide = (shape[2], shape[3]) if first else (shape[1], shape[2])
        sides = {side for side in (high, wide) if isinstance(side, int)}
        if len(sides) > 1 or (first and isinstance(shape[1], int) and shape[1] != _CHANNELS):
            raise ConfigError(f"{self.path} takes pictures of the shape {shape}: it should be 3 channels and a square")
        return first, sides.pop() if sides else self.config.side

    def prepare(self) -> None:
        """Load the file.

        Raises:
            WeightsError: it is absent or damaged.
            ConfigError: it does not take pictures, or has no such output.
        """
        self._layout  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> npt.NDArray[np.uint8]:
        """Return the centre of the picture as uint8[side, side, 3]."""
        side = self._layout[1]
        return read_square(Path(raw), side, max(self.config.shorter or round(side * 8 / 7), side))

    def _encode(self, batch: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        pixels = np.stack(batch).astype(np.float32) * np.float32(self.config.scale / 255)
        mean, std = (np.array(triple, dtype=np.float32) for triple in (self.config.mean, self.config.std))
        pixels = np.divide(pixels - mean, std, dtype=np.float32)
        if self.config.swap:
            pixels = pixels[..., ::-1]
        if self._layout[0]:
            pixels = pixels.transpose(0, 3, 1, 2)
        loaded = self._session
        output = self.config.output or loaded.get_outputs()[0].name
        (found,) = loaded.run([output], {loaded.get_inputs()[0].name: np.ascontiguousarray(pixels)})
        vectors = _flat(np.asarray(found, np.float32), self._layout[0])
        if len(vectors) != len(batch):
            raise ConfigError(f"{self.path}: the output '{output}' has {len(vectors)} rows for {len(batch)} pictures")
        norms = np.linalg.norm(vectors, axis=1, keepdims=True) if self.config.normalise else np.float32(1)
        return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def _flat(found: Floats, channels_first: bool) -> Floats:
    """Average over places; float32[n, d]."""
    if found.ndim == 4:
        return np.asarray(found.mean(axis=(2, 3) if channels_first else (1, 2)))
    if found.ndim == 3:
        return np.asarray(found.mean(axis=1))
    return found.reshape(len(found), -1)
