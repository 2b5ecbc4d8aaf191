"""Sounds by statistics of their spectrum: no weights, no training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.types import Floats
from palate.encoders._base import Encoder
from palate.encoders._sounds import RATE, check_libraries, library, read_sound
from palate.interfaces import Raw

_PIECE = 1 << 20
"""Samples that are handed over at once."""


class MelConfig(Config):
    """Settings of `mel`."""

    bands: int = Field(default=64, ge=4, le=256)
    """Mel bands between 20 and 8,000 Hz."""
    cepstra: int = Field(default=20, ge=0)
    """MFCCs besides; at most as many as bands."""
    max_seconds: float = Field(default=60.0, gt=0)
    """How much of a sound is read, from its start."""


class Mel(Encoder[MelConfig]):
    """Mean, deviation and movement of log-mel bands and MFCCs: 252 numbers a sound.

    Davis and Mermelstein 1980. Frames of 25 ms every 10 ms; x_t is the log energy of each mel band, c = DCT-II(x).
    For both: the mean over t, the standard deviation over t, and that of x_t - x_{t-1}.
    """

    name = "mel"
    modality = "audio"
    version = 2
    config_type = MelConfig
    batch = 32

    @property
    def dim(self) -> int:
        """Three statistics of each band and each MFCC."""
        return 3 * (self.config.bands + min(self.config.cepstra, self.config.bands))

    def prepare(self) -> None:
        """Look for the libraries.

        Raises:
            MissingExtraError: the `media` extra is not installed.
        """
        check_libraries("kaldi_native_fbank")

    def decode(self, raw: Raw) -> Floats:
        """Return the statistics of a sound file; all the work is done here, in the workers."""
        from scipy.fft import dct

        bands = log_mel(read_sound(Path(raw), self.config.max_seconds), self.config.bands)
        cepstra = dct(bands, type=2, norm="ortho", axis=1)[:, : self.config.cepstra]
        frames = np.concatenate([bands, cepstra], axis=1, dtype=np.float64)
        steps = np.diff(frames, axis=0) if len(frames) > 1 else np.zeros_like(frames)
        return np.concatenate([frames.mean(axis=0), frames.std(axis=0), steps.std(axis=0)]).astype(np.float32)

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack(batch)


def log_mel(samples: Floats, bands: int) -> Floats:
    """Return the log energy of mel bands, float32[frames, bands], of samples at 16 kHz."""
    fbank = library("kaldi_native_fbank")
    options = fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = bands
    frames = fbank.OnlineFbank(options)
    for start in range(0, len(samples), _PIECE):
        # Kaldi counts samples in 16-bit steps; a list crosses into it faster than an array, but takes room
        frames.accept_waveform(RATE, (samples[start : start + _PIECE] * 32768).tolist())
    frames.input_finished()
    return np.stack([frames.get_frame(index) for index in range(frames.num_frames_ready)])
