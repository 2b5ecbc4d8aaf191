"""An encoder of another distribution whose decoder does what the file says; run as a program, it encodes a folder.

python fragile_encoder.py FOLDER
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from palate.core.config import Config
from palate.core.errors import MissingExtraError
from palate.core.types import Floats
from palate.encoders import BrokenInput, Encoder, registry
from palate.interfaces import Raw

NAME = "fragile"


@dataclass(frozen=True)
class Word:
    """What a file holds."""

    letters: Floats
    name: str


class FragileConfig(Config):
    """Settings of `fragile`."""

    scale: float = 1.0
    """What letter counts are multiplied by."""


class Fragile(Encoder[FragileConfig]):
    """Letter counts of a file, which may also tell the decoder to crash."""

    name = NAME
    modality = "image"
    config_type = FragileConfig
    batch = 4

    @property
    def dim(self) -> int:
        """One number a letter."""
        return 26

    def decode(self, raw: Raw) -> Word | None:
        word = Path(raw).read_text()
        print("decoding", word)
        match word.split()[0]:
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "flaky" if "FLAKY" in os.environ:
                os._exit(4)
            case "exit":
                os._exit(3)
            case "spin":  # no other thread of Python runs meanwhile
                re.match("(a+)+$", "a" * 64 + "b")
            case "hang":
                time.sleep(1000)
            case "timeless":
                signal.setitimer(signal.ITIMER_REAL, 0)
                time.sleep(1000)
            case "hoard":
                return Word(np.ones(1 << 28, np.float32), word)
            case "bug":
                raise ZeroDivisionError("a bug")
            case "memory":
                raise MemoryError
            case "broken":
                raise BrokenInput("it says so itself")
            case "nothing":
                return None
            case "lacks":
                raise MissingExtraError("a library is absent: install it")
        time.sleep(0.05 * word.count("zzz"))
        return Word(np.array([word.count(chr(97 + letter)) for letter in range(26)], np.float32), word)

    def _encode(self, batch: Sequence[Word]) -> Floats:
        assert all(isinstance(word, Word) for word in batch)
        counts = np.stack([word.letters for word in batch]) * self.config.scale
        return counts + counts.mean(axis=0) / 7


def install(folder: Path) -> None:
    """Make the encoder known by its name, as an installed distribution would."""
    about = folder / "fragile-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fragile\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[palate.encoders]\n{NAME} = fragile_encoder:Fragile\n")
    for path in (str(Path(__file__).parent), str(folder)):
        if path not in sys.path:
            sys.path.append(path)
    registry.__dict__.pop("_plugins", None)


if __name__ == "__main__":
    from palate.data.folder import load
    from palate.encoders.pipeline import columns, encode_columns

    columns.FLUSH_SECONDS = 0.0
    install(Path(sys.argv[1]) / "plugin")
    print(encode_columns(load(Path(sys.argv[1])), {"photo": NAME})[1][0].computed)
