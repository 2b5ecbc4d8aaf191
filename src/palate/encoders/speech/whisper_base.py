"""Speech of many languages to text by Whisper base."""

from __future__ import annotations

from palate.encoders.speech._whisper import BASE, Whisper


class WhisperBase(Whisper):
    """Whisper base: speech to text, English, Chinese and some ninety more languages, detected.

    Radford et al. 2022, arXiv:2212.04356; 74 million weights. About 4 seconds of one core for a short clip.
    """

    name = "whisper-base"
    weights = BASE
