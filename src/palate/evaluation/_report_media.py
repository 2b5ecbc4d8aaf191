"""Pictures and sounds inside the report's one file, as long as there is room."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from PIL import Image

from palate.data.catalogue import Catalogue

SIDE = 128
_MOST_PIXELS = 60_000_000
_MOST_SOUND = 120_000
_SOUND_TYPES = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".oga": "audio/ogg",
                ".opus": "audio/ogg", ".flac": "audio/flac", ".m4a": "audio/mp4", ".aac": "audio/aac"}  # fmt: skip


@dataclass
class Media:
    """Turns an item's files into HTML; what does not fit any more, or is broken, is left out.

    A picture becomes a JPEG of at most 128 pixels a side; a sound goes in as it is, if it is small.
    """

    catalogue: Catalogue
    picture_bytes: int = 1_400_000
    sound_bytes: int = 0
    """What is left for sounds; grows with each person shown, so that all get some."""
    _pictures: dict[int, str | None] = field(default_factory=dict)

    def picture(self, code: int, title: str) -> str:
        """Return the item's first picture that opens, or a tile with the first letter of its title."""
        if code not in self._pictures:
            self._pictures[code] = self._thumbnail(code)
        data = self._pictures[code]
        if data is None or len(data) > self.picture_bytes:
            return f'<div class="letter" aria-hidden="true">{escape(title[:1].upper() or "?")}</div>'
        self.picture_bytes -= len(data)
        return f'<img alt="{escape(title)}" loading="lazy" src="data:image/jpeg;base64,{data}">'

    def sound(self, code: int, title: str) -> str:
        """Return a player of the item's first small sound, or nothing."""
        for path in self._files(code, "audio"):
            kind = _SOUND_TYPES.get(path.suffix.lower())
            size = path.stat().st_size if path.is_file() else 0
            if kind and 0 < size <= _MOST_SOUND and size * 4 / 3 <= self.sound_bytes:
                self.sound_bytes -= size * 4 // 3
                data = base64.b64encode(path.read_bytes()).decode()
                return f'<audio controls preload="none" aria-label="{escape(title)}" src="data:{kind};base64,{data}"></audio>'
        return ""

    def _files(self, code: int, kind: str) -> list[Path]:
        paths = (self.catalogue.media_path(code, column) for column in self.catalogue.of_type(kind))
        return [path for path in paths if path is not None]

    def _thumbnail(self, code: int) -> str | None:
        for path in self._files(code, "image"):
            data = thumbnail(path)
            if data is not None:
                return base64.b64encode(data).decode()
        return None


def thumbnail(path: Path, side: int = SIDE) -> bytes | None:
    """Return a picture as a small JPEG; None where it is missing, broken or too large to open."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    return None
                picture.draft("RGB", (2 * side, 2 * side))
                small = picture.convert("RGBA")
        small.thumbnail((side, side))
        page = Image.new("RGB", small.size, "white")
        page.paste(small, mask=small)
        buffer = io.BytesIO()
        page.save(buffer, "JPEG", quality=72, optimize=True)
        return buffer.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
