"""The encoders of EfficientNet-Lite, which differ in their weights and in the side of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from palate.core.fingerprint import fingerprint
from palate.core.part import C
from palate.core.types import Floats
from palate.core.weights import derived, fetch
from palate.encoders._base import Encoder
from palate.encoders._pictures import read_square
from palate.encoders._sessions import session
from palate.interfaces import Raw

MARGIN = 32
"""Pixels of the scaled picture's shorter side that the centre leaves out, as in the networks' own evaluation."""


class EfficientNetLite(Encoder[C]):
    """The mean of the last feature map, 1280 numbers a picture, by ONNX Runtime and without torch.

    Tan and Le 2019, arXiv:1905.11946. Shorter side to `side` + 32 (bicubic), its centre, (pixel - 127) / 128.
    """

    modality = "image"
    version = 2
    batch = 8
    side: ClassVar[int]
    """Pixels of the square that the network sees."""

    @property
    def dim(self) -> int:
        """1280, whichever of the networks it is."""
        return 1280

    def graph(self) -> Path:
        """Return the ONNX file, built on first use: `pixels` uint8[b, side, side, 3] to `features` and `logits`."""
        (source,) = self.weights
        return derived(fingerprint(self.name, self.version, source.sha256), "graph.onnx", self._build)

    def _build(self, path: Path) -> None:
        from palate.encoders._efficientnet import write_graph
        from palate.encoders._torch_pickle import read_state_dict

        write_graph(read_state_dict(fetch(self.weights[0])), self.side, path)

    @cached_property
    def _session(self) -> Any:
        return session(self.graph())

    def prepare(self) -> None:
        """Fetch the weights where the cache lacks them, build the graph, load it."""
        self._session  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> npt.NDArray[np.uint8]:
        """Return the centre of the picture as uint8[side, side, 3]."""
        return read_square(Path(raw), self.side, self.side + MARGIN)

    def _encode(self, batch: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        (features,) = self._session.run(["features"], {"pixels": np.stack(batch)})
        return np.asarray(features)

    def logits(self, batch: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        """Return the scores of the 1000 ImageNet classes, float32[b, 1000], for decoded pictures."""
        (scores,) = self._session.run(["logits"], {"pixels": np.stack(batch)})
        return np.asarray(scores)
