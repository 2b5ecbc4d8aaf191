"""Reading sounds, and the sound tracks of videos, to one rate and one channel.

libsndfile reads what it knows (WAV, FLAC, OGG, AIFF, CAF, …); FFmpeg reads the rest (MP3, M4A, WMA, MP4, WebM, MKV, …).
Both hand out a sound in short blocks, so that a concert costs no more memory than what is kept of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.errors import missing_extra
from palate.core.types import Floats
from palate.encoders._base import BrokenInput, EmptyInput
from palate.encoders._containers import check_file, opened
from palate.encoders._lengths import promised
from palate.encoders._levels import Levels

RATE = 16_000
SHORTEST = 0.01
"""Seconds; less is a click, not a sound."""
SILENCE = 1e-4
"""How far from its middle, of 1, a sound must swing so that there is something to hear (-80 dB)."""
LOUDEST = 1e6
"""A sample, of 1, from which on it is damage; some floating files count in 16-bit steps."""
RATES = (1_000, 1_000_000)
"""Samples a second that a sound may have."""
_BLOCK = 1 << 17
"""Numbers decoded at a time."""
_CUT = 0.1
"""Of what a file promises, so much may be absent before it counts as cut off; some kinds round their length, some programs
miscount it."""
_LENGTH_GUESSED = ("aac", "ac3", "amr", "dts", "eac3", "mp3", "mpeg", "mpegts")
"""Kinds that do not say how long a sound is, so that FFmpeg guesses."""

Block = tuple[int, Floats]
"""Samples a second, and float32[n, channels]."""


def library(name: str) -> Any:
    """Import a library of the `media` extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise missing_extra(name, "media", "reading sound") from error


def check_libraries(*more: str) -> None:
    """Look for what `read_sound` needs, and for `more` libraries of the `media` extra.

    Raises:
        MissingExtraError: one is not installed.
    """
    for name in ("soundfile", "soxr", "av", *more):
        library(name)


def read_sound(path: Path, longest: float, rate: int = RATE) -> Floats:
    """Read a sound file or the sound track of a video, whatever the file's name says; channels are averaged.

    Args:
        path: the file.
        longest: seconds that are read, from the start; no more is decoded.
        rate: samples a second that are wanted.

    Shapes:
        float32[n] at `rate`, -1 … 1.
    Missing data:
        EmptyInput where what is read is silent (so is a constant) or shorter than 10 ms, or a video has no sound.
    Raises:
        BrokenInput: absent, empty, cut off, damaged or no sound.
        MissingExtraError: the `media` extra is not installed.
    """
    levels = Levels()
    sound = _mixed(path, longest, rate, levels)
    if levels.cancelled:
        sound = _mixed(path, longest, rate, Levels(), channel=levels.loudest)
    if min(levels.swing, float(np.ptp(sound))) < 2 * SILENCE:
        rest = levels.seconds > longest - SHORTEST
        raise EmptyInput(f"the first {longest:g} s of the sound are silent" if rest else "the sound is silent")
    return sound


def _mixed(path: Path, longest: float, wanted: int, levels: Levels, channel: int | None = None) -> Floats:
    """Return the mean of all channels, or one of them, at the rate that is wanted; `levels` counts how loud they are."""
    soxr = library("soxr")
    pieces: list[Floats] = []
    stream: Any = None
    now = 0
    for rate, block in _blocks(path, longest):
        if not (np.abs(block) < LOUDEST).all():  # nor is NaN
            raise BrokenInput("the sound holds samples that are not numbers or beyond any loudness")
        mono = block.mean(axis=1) if channel is None else block[:, min(channel, block.shape[1] - 1)].copy()
        levels.add(block, mono, rate)
        if rate != now:  # a sound may change its rate on the way
            if stream is not None:
                pieces.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
            now, stream = rate, soxr.ResampleStream(rate, wanted, 1, dtype="float32")
        pieces.append(stream.resample_chunk(mono))
    if levels.seconds < SHORTEST:
        raise EmptyInput(f"the sound lasts {1000 * levels.seconds:.0f} ms; at least {1000 * SHORTEST:.0f} are needed")
    pieces.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(pieces)


def _blocks(path: Path, longest: float) -> Iterator[Block]:
    """Decode at most `longest` seconds."""
    left = longest
    for rate, block in _decoded(path):
        if not RATES[0] <= rate <= RATES[1]:
            raise BrokenInput(f"the sound has {rate:,} samples a second; {RATES[0]:,} to {RATES[1]:,} can be read")
        block = block[: round(left * rate)]
        if not len(block):
            return
        yield rate, block
        left -= len(block) / rate
    size, wanted = path.stat().st_size, promised(path)
    if size < (1 - _CUT) * wanted:
        raise BrokenInput(f"the sound is cut off: {wanted - size:,} of {wanted:,} bytes are missing at its end")


def _decoded(path: Path) -> Iterator[Block]:
    soundfile = library("soundfile")
    check_file(path)
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError, ValueError):  # TypeError: the name ends in .raw
        return _by_ffmpeg(path)
    if file.format == "MP3":  # soundfile seeks after every block, which in MP3 lands beside the place
        file.close()
        return _by_ffmpeg(path)
    return _by_sndfile(file)


def _by_sndfile(file: Any) -> Iterator[Block]:
    import soundfile

    seconds = 0.0
    with file:
        rate = int(file.samplerate)
        frames = max(1, min(rate // 8, _BLOCK // file.channels))
        try:
            while len(block := file.read(frames, dtype="float32", always_2d=True)):
                yield rate, block
                seconds += len(block) / rate
        except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
            raise BrokenInput(f"the sound cannot be decoded: {getattr(error, 'error_string', error)}") from error
        _check_length(seconds, file.frames / rate)


def _by_ffmpeg(path: Path) -> Iterator[Block]:
    with opened(path, "sound") as container:
        if not container.streams.audio:
            if container.streams.video:
                raise EmptyInput("the video has no sound")
            raise BrokenInput("the file holds no sound")
        track, seconds = container.streams.audio[0], 0.0
        if track.codec_context is None:
            raise BrokenInput("the sound is of a kind that nothing here decodes")
        track.codec_context.thread_count = 1
        for frame in container.decode(track):
            yield frame.sample_rate, _samples(frame)
            seconds += frame.samples / frame.sample_rate
        if container.format.name not in _LENGTH_GUESSED:
            _check_length(seconds, _lasting(container, track))


def _lasting(container: Any, track: Any) -> float:
    """Return the seconds that a sound should last; 0 where nothing says so. WebM and MKV tell it of the file alone."""
    if track.duration:
        return float(track.duration * track.time_base)
    return 0.0 if container.streams.video else (container.duration or 0) / 1e6


def _samples(frame: Any) -> Floats:
    """Return a frame of FFmpeg's as float32[n, channels], -1 … 1."""
    numbers = frame.to_ndarray()
    if not frame.format.is_planar:
        numbers = numbers.reshape(-1, frame.layout.nb_channels).T
    if numbers.dtype == np.uint8:
        return np.asarray((numbers.T.astype(np.float32) - 128) / 128)
    if numbers.dtype.kind == "i":
        return np.asarray(numbers.T.astype(np.float32) / (1 << 8 * numbers.itemsize - 1))
    return np.asarray(numbers.T, np.float32)


def _check_length(seconds: float, promised: float) -> None:
    if seconds < (1 - _CUT) * promised - SHORTEST:
        raise BrokenInput(f"the sound is cut off after {seconds:.1f} of {promised:.1f} seconds")
