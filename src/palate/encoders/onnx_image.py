"""Pictures by a network in an ONNX file of one's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from palate.core.config import Config
from palate.core.errors import ConfigError, WeightsError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.core.types import Floats
from palate.encoders._base import Encoder
from palate.encoders._onnx_files import files_digest
from palate.encoders._pictures import read_square
from palate.encoders._sessions import session
from palate.interfaces import Raw

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_CHANNELS = 3
_KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


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
    mean: tuple[Finite, Finite, Finite] = (0.485, 0.456, 0.406)
    """Taken from red, green and blue, each 0 … 1."""
    std: tuple[Positive, Positive, Positive] = (0.229, 0.224, 0.225)
    """By which the difference is divided."""
    scale: Positive = 1.0
    """By which the pixels 0 … 1 are multiplied before that: 255 for networks that are fed bytes as numbers."""
    swap: bool = False
    """Whether the network wants blue, green, red."""
    normalise: bool = False
    """Whether vectors have unit length."""

    @field_validator("model")
    @classmethod
    def _absolute(cls, model: str) -> str:
        if not model:
            raise ConfigError("which ONNX file is not said: write onnx:PATH")
        return os.path.abspath(Path(model).expanduser())


class OnnxImage(Encoder[OnnxImageConfig]):
    """A network for pictures in an ONNX file, as in onnx:vgg16.onnx: VGG, or one's own.

    The input is [n, 3, side, side] or [n, side, side, 3], float32 or float16, with n open or fixed; all of this is read
    from the file. Shorter side to `shorter` (bicubic), its centre, (scale · pixel - mean) / std. An output of four axes is
    averaged over places, one of three over its middle axis. A part remembers the digest of the file and of those beside
    it that hold its weights: a query is encoded by the same or not at all.
    """

    name = "onnx-image"
    modality = "image"
    version = 2
    scheme = "onnx"
    config_type = OnnxImageConfig
    batch = 8
    _made_by: str | None = None

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
        return Path(self.config.model)

    @cached_property
    def _identity(self) -> str:
        return fingerprint(self.name, self.version, self.config.model_dump(mode="json", exclude={"model"}))

    @cached_property
    def _digest(self) -> str:
        return files_digest(self.path)

    def state(self) -> State:
        """Return the digest of the files."""
        return State(meta={"files": self._digest if self._made_by is None else self._made_by})

    def load_state(self, state: State) -> Self:
        """Take over which files made the vectors; they are compared when they are needed."""
        self._made_by = str(state.meta["files"])
        return self

    @cached_property
    def _session(self) -> Any:
        if self._made_by not in (None, self._digest):
            raise WeightsError(
                f"{self.path} has changed since it made these vectors: bring back the file that was there, or encode and train again"
            )
        try:
            made = session(self.path)
        except Exception as error:  # ONNX Runtime has errors of a dozen types without a common one
            first = str(error).splitlines()[0]
            raise WeightsError(f"{self.path} cannot be loaded by ONNX Runtime ({first}): export it again") from error
        inputs, outputs = made.get_inputs(), [output.name for output in made.get_outputs()]
        if len(inputs) != 1 or inputs[0].type not in _KINDS or len(inputs[0].shape) != 4:
            told = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
            raise ConfigError(
                f"{self.path} takes {told}: an encoder of pictures takes one tensor of four axes, float or float16; export it so"
            )
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
        """Load the file and run it once.

        Raises:
            WeightsError: it is absent, damaged, changed since the vectors were made, or cannot be run.
            ConfigError: it does not take pictures, or has no such output, or one without a row for each picture.
        """
        self._width  # noqa: B018  known on first use

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
        vectors = self._run(pixels)
        if not self.config.normalise:
            return vectors
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.where(norms > 0, vectors / np.where(norms > 0, norms, 1), np.float32(np.nan))

    def _run(self, pixels: Floats) -> Floats:
        """Run the network over so many pictures as its file fixes; the last ones are filled up with copies of one."""
        loaded, n = self._session, len(pixels)
        given, output = loaded.get_inputs()[0], self.config.output or loaded.get_outputs()[0].name
        size = given.shape[0] if isinstance(given.shape[0], int) else n
        pixels = np.concatenate([pixels, np.repeat(pixels[-1:], -n % size, axis=0)]).astype(_KINDS[given.type])
        found = []
        for start in range(0, n, size):
            try:
                (made,) = loaded.run([output], {given.name: np.ascontiguousarray(pixels[start : start + size])})
                rows = np.asarray(made, np.float32)
            except Exception as error:  # as when it is loaded
                first = str(error).splitlines()[0]
                raise WeightsError(
                    f"{self.path} cannot be run on pictures of {self._layout[1]} pixels a side ({first}): set 'side', or export it again"
                ) from error
            if rows.ndim < 2 or len(rows) != size:
                raise ConfigError(
                    f"{self.path}: the output '{output}' has the shape {list(rows.shape)} for {size} pictures; choose one with a row for each"
                )
            found.append(_flat(rows, self._layout[0]))
        return np.concatenate(found)[:n]


def _flat(found: Floats, channels_first: bool) -> Floats:
    """Average over places; float32[n, d]."""
    if found.ndim == 4:
        return np.asarray(found.mean(axis=(2, 3) if channels_first else (1, 2)))
    if found.ndim == 3:
        return np.asarray(found.mean(axis=1))
    return found.reshape(len(found), -1)
