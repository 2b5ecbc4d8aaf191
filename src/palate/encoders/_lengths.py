"""Whether a file of video ends before the place where its container says that it does."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from palate.encoders._base import BrokenInput

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def check_whole(path: Path) -> None:
    """Compare the length that MP4 and MOV (ISO 14496-12), WebM and MKV (RFC 9559) or AVI note with the file's own.

    Other kinds, and live recordings that note none, pass.

    Raises:
        BrokenInput: bytes are missing at the end.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp":
            wanted = _boxes(file, size)
        elif head[:4] == _EBML:
            wanted = _segment(file)
        elif head[:4] == b"RIFF":
            wanted = 8 + int(struct.unpack("<I", head[4:8])[0])
        else:
            return
    if wanted > size:
        raise BrokenInput(f"the video is cut off: {wanted - size:,} bytes are missing at its end")


def _boxes(file: BinaryIO, size: int) -> int:
    """Return where the last box ends."""
    place = 0
    while place < size:
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            raise BrokenInput("the video is cut off within the head of a box")
        length = int(struct.unpack(">I", head[:4])[0])
        if length == 1 and len(head) == 16:
            length = int(struct.unpack(">Q", head[8:])[0])
        if length == 0:  # up to the end, wherever that is
            return size
        if length < 8:
            raise BrokenInput(f"the video has a box of {length} bytes, which cannot be")
        place += length
    return place


def _segment(file: BinaryIO) -> int:
    """Return where the segment ends that follows the head; 0 where it notes no length."""
    file.seek(4)
    file.seek(_number(file), 1)
    if file.read(4) != _SEGMENT:
        return 0
    length = _number(file)
    return file.tell() + length if length >= 0 else 0


def _number(file: BinaryIO) -> int:
    """Read a length of EBML: leading zeros tell how many bytes it has; all ones are an unknown one, -1."""
    first = file.read(1)
    if not first or not first[0]:
        return 0
    more = 8 - first[0].bit_length()
    rest = int.from_bytes(file.read(more), "big")
    value = ((first[0] ^ (1 << (7 - more))) << 8 * more) | rest
    return -1 if value == (1 << 7 * (more + 1)) - 1 else value
