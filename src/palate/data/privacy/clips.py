"""Sounds and videos without their tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FORMATS = {".wav": "wav", ".mp3": "mp3", ".flac": "flac", ".ogg": "ogg", ".oga": "ogg", ".opus": "ogg", ".m4a": "mp4",
            ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".webm": "webm", ".mkv": "matroska"}  # fmt: skip
"""What is written, by the ending of the file."""


class Untouched(ValueError):
    """A file that cannot be written anew without its tags."""


def without_tags(source: Path, target: Path) -> None:
    """Write a sound or video anew, its streams copied as they are, without tags, chapters, covers and data streams.

    Raises:
        Untouched: PyAV is not installed (`pip install 'palate[media]'`), or the file is of another kind or damaged.
    """
    kind = _FORMATS.get(source.suffix.lower())
    if kind is None:
        raise Untouched(f"files ending in '{source.suffix}' cannot be written anew")
    try:
        import av
    except ImportError as error:
        raise Untouched("this needs the library 'av', which is not installed: pip install 'palate[media]'") from error
    try:
        with av.open(str(source)) as old, av.open(str(target), "w", format=kind, options=_options(kind)) as new:
            streams = {
                stream.index: new.add_stream_from_template(stream) for stream in old.streams if _is_content(stream)
            }
            if not streams:
                raise Untouched("it holds neither sound nor video")
            for stream in streams.values():
                stream.metadata.clear()
            for packet in old.demux([stream for stream in old.streams if stream.index in streams]):
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    new.mux(packet)
    except (av.FFmpegError, ValueError, RuntimeError) as error:
        if isinstance(error, Untouched):
            raise
        raise Untouched(f"it could not be written anew ({error})") from error


def _is_content(stream: Any) -> bool:
    return stream.type in ("audio", "video") and not int(stream.disposition) & 0x400  # 0x400: a cover


def _options(kind: str) -> dict[str, str]:
    plain = {"fflags": "+bitexact"}  # no name of the program that wrote it
    return {**plain, "id3v2_version": "0"} if kind == "mp3" else plain
