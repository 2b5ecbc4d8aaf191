"""Opening files of sound and video with FFmpeg's libraries, through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from palate.core.errors import missing_extra
from palate.encoders._base import BrokenInput

FORMATS = (
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dts", "eac3", "flac", "flv", "gif", "h264", "hevc", "ivf",
    "m4v", "matroska", "mov", "mp3", "mpeg", "mpegts", "mpegvideo", "mxf", "ogg", "rm", "tta", "wav", "w64", "wv",
)  # fmt: skip
"""What is opened, in FFmpeg's words: one file holds all of it. Playlists and the like, which name other files, are not."""


@contextmanager
def opened(path: Path, what: str) -> Iterator[Any]:
    """Open a file for decoding; whatever FFmpeg finds wrong with it inside the block is a BrokenInput.

    Args:
        path: the file.
        what: how the message calls it, such as "sound".

    Raises:
        BrokenInput: absent, empty, of no known kind, or damaged.
        MissingExtraError: the `media` extra is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise missing_extra("av", "media", f"reading {what}") from error
    check_file(path)
    options = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
    try:
        with av.open(str(path), metadata_errors="replace", options=options) as container:
            yield container
    except BrokenInput:
        raise
    except (av.error.FFmpegError, OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BrokenInput(f"the {what} cannot be decoded: {reason}") from error


def check_file(path: Path) -> None:
    """Raise BrokenInput where there is no file, or an empty one."""
    if not path.is_file():
        raise BrokenInput("there is no such file")
    if path.stat().st_size == 0:
        raise BrokenInput("the file is empty")
