"""Sounds by a model of the hub: CLAP, wav2vec2, HuBERT, the encoder of Whisper and their like."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from palate.core.errors import WeightsError
from palate.core.types import Floats
from palate.encoders._hub_encoder import HubConfig, HubEncoder, by_shape, unit
from palate.encoders._hub_torch import floats, inference, libraries, quiet, tensor, told
from palate.encoders._sounds import check_libraries, read_sound
from palate.interfaces import Raw

_USUAL = 30.0
"""Seconds of a window where neither the model nor the settings say."""
_SHORTEST = 0.1
"""Seconds; shorter sounds get silence behind them, since networks that halve time need something to halve."""


class HFAudioConfig(HubConfig):
    """Settings of `hf-audio`."""

    window: float | None = Field(default=None, ge=1)
    """Seconds that the model hears at once; null: what it was made for, 30 where it does not say."""
    max_seconds: float = Field(default=60.0, gt=0)
    """How much of a sound is read, from its start."""
    normalise: bool = True
    """Whether vectors have unit length."""


class HFAudio(HubEncoder[HFAudioConfig]):
    """An audio model of the hub, as in hf:org/name: CLAP, wav2vec2, HuBERT, the encoder of Whisper and their like.

    A sound is cut into windows of equal length; the vector is the mean of theirs. Of a window it is the projection into
    the shared space where there is one (CLAP), else the mean of the last layer over the frames that hold sound. Wu et
    al. 2022, arXiv:2211.06687; Baevski et al. 2020, arXiv:2006.11477; Hsu et al. 2021, arXiv:2106.07447; Radford et al.
    2022, arXiv:2212.04356.
    """

    name = "hf-audio"
    modality = "audio"
    version = 2
    config_type = HFAudioConfig
    batch = 4
    shared_when = ("normalise",)

    @cached_property
    def _model(self) -> Any:
        loaded = self._loaded
        towers = hasattr(loaded, "get_audio_features")
        return loaded.get_encoder() if getattr(loaded.config, "is_encoder_decoder", False) and not towers else loaded

    @cached_property
    def _extractor(self) -> Any:
        _, transformers = libraries()
        with quiet(), told(self.hub):
            return transformers.AutoFeatureExtractor.from_pretrained(
                self.hub.folder / self.hub.main, local_files_only=True, trust_remote_code=False
            )

    @cached_property
    def _hears(self) -> tuple[int, int]:
        """Samples a second, and samples of a window; read without loading anything, since decoding needs no more."""
        said = self.hub.config("preprocessor_config.json")
        said = said or (self.hub.config("processor_config.json") or {}).get("feature_extractor") or {}
        rate = said.get("sampling_rate")
        if not isinstance(rate, int):
            raise WeightsError(f"the model {self.hub.name} does not say sampling_rate: it does not read sound")
        own = said.get("max_length_s") or said.get("chunk_length")
        if (
            said.get("feature_extractor_type") == "ASTFeatureExtractor"
        ):  # it cuts off what is longer, in frames of 10 ms
            own = said.get("max_length", 1024) / 100
        seconds = [limit for limit in (own, self.config.window) if limit is not None]
        return rate, round(min(seconds, default=_USUAL) * rate)

    def prepare(self) -> None:
        """Look for the libraries, fetch what the cache lacks, load the model and try it."""
        check_libraries()
        super().prepare()

    def _try(self) -> Floats:
        rate, _ = self._hears
        with told(self.hub):
            return self._windows([np.sin(np.arange(rate, dtype=np.float32) / 20)])

    def decode(self, raw: Raw) -> list[Floats]:
        """Return the windows of a sound, float32[samples] each, at the rate that the model wants."""
        rate, longest = self._hears
        sound = read_sound(Path(raw), self.config.max_seconds, rate)
        sound = np.pad(sound, (0, max(0, round(_SHORTEST * rate) - len(sound))))
        return np.array_split(sound, -(-len(sound) // longest))

    def _encode(self, batch: Sequence[list[Floats]]) -> Floats:
        windows = [window for sound in batch for window in sound]
        vectors = by_shape(windows, self._windows, self.batch)
        first = np.cumsum([0, *map(len, batch)])[:-1]
        weights = np.array([len(window) for window in windows], np.float64)[:, None]
        mean = (np.add.reduceat(vectors * weights, first) / np.add.reduceat(weights, first)).astype(np.float32)
        return unit(mean) if self.config.normalise else mean

    def _windows(self, sounds: list[Floats]) -> Floats:
        """Encode windows of equal length: nothing is padded but what the model always pads."""
        samples, (name, *_) = len(sounds[0]), self._extractor.model_input_names
        made = [self._extractor(sound, sampling_rate=self._hears[0], return_tensors="np")[name][0] for sound in sounds]
        features = tensor(np.stack(made).astype(np.float32))
        with inference():
            if hasattr(self._model, "get_audio_features"):
                never = tensor(np.zeros((len(made), 1), bool))  # longer than a window: then CLAP would draw at random
                return floats(self._model.get_audio_features(**{name: features}, is_longer=never).pooler_output)
            hidden = self._model(**{name: features}).last_hidden_state
            return floats(hidden[:, : self._frames(hidden.shape[1], samples)].mean(dim=1))

    def _frames(self, frames: int, samples: int) -> int:
        """Return how many frames hold sound; the rest is what Whisper pads every window with."""
        whole = getattr(self._extractor, "n_samples", None)
        return frames if whole is None else max(1, -(-frames * samples // whole))
