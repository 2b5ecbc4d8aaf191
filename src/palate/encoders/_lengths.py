"""Whether a file of sound or video ends before the place where it says that it does."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from palate.encoders._base import BrokenInput

_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_ENDLESS = 0x7FFFF000
"""From here on a length of 32 bits is what programs write that do not know it beforehand."""
_PAGE = 27 + 255 + 255 * 255
"""Bytes of the largest page of Ogg."""
_BOXES = frozenset(
    b"ftyp styp moov mdat moof mfra free skip wide uuid meta udta sidx ssix pdin prft emsg pnot PICT".split()
)
"""What lies at the top of an MP4 or MOV."""


def check_whole(path: Path) -> None:
    """Raise BrokenInput where bytes are missing at the end of a video; see `promised`."""
    missing = promised(path) - path.stat().st_size
    if missing > 0:
        raise BrokenInput(f"the video is cut off: {missing:,} bytes are missing at its end")


def promised(path: Path) -> int:
    """Return the length in bytes that a file notes of itself; 0 where it notes none, as live recordings do.

    MP4 and MOV (ISO 14496-12), WebM and MKV (RFC 9559), AVI and WAV, AIFF, Ogg (RFC 3533), MP3 with the head that most
    encoders write; other kinds note none that is read here.

    Raises:
        BrokenInput: it ends within the head of a part, so that no length can be told.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] == b"ftyp":
            return _boxes(file, size)
        if head[:4] == _EBML:
            return _segment(file)
        if head[:4] in (b"RIFF", b"FORM"):
            (length,) = struct.unpack("<I" if head[:1] == b"R" else ">I", head[4:8])
            return 8 + int(length) if length < _ENDLESS else 0
        if head[:4] == b"OggS":
            return _last_page(file, size)
        if head[:3] == b"ID3" or head[:1] == b"\xff":
            return _mpeg(file, head)
    return 0


def _boxes(file: BinaryIO, size: int) -> int:
    """Return where the last box ends; what some program has hung on behind a whole film, such as a tag, does not count."""
    place = 0
    seen: set[bytes] = set()
    while place < size:
        file.seek(place)
        head = file.read(16)
        kind = head[4:8]
        if kind not in _BOXES and {b"moov", b"mdat"} <= seen and b"moof" not in seen:
            return size
        seen.add(kind)
        if len(head) < 8:
            raise BrokenInput("the file is cut off within the head of a box")
        length = int(struct.unpack(">I", head[:4])[0])
        if length == 1 and len(head) == 16:
            length = int(struct.unpack(">Q", head[8:])[0])
        if length == 0:  # up to the end, wherever that is
            return size
        if length < 8:
            raise BrokenInput(f"the file has a box of {length} bytes, which cannot be")
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


def _last_page(file: BinaryIO, size: int) -> int:
    """Return where the last page of Ogg ends: 27 bytes, as many as byte 26 says, and what those add up to."""
    file.seek(max(0, size - _PAGE))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if page[:4] != b"OggS":
        return 0
    end = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) > 27 else _PAGE
    if end > len(page):
        raise BrokenInput("the file is cut off within a page")
    return size - len(page) + end


def _mpeg(file: BinaryIO, head: bytes) -> int:
    """Return where an MP3 ends by the frame "Xing" or "Info" that stands first, after the tags (ID3v2), if it says."""
    start = 0
    if head[:3] == b"ID3":
        start = 10 + sum((byte & 127) << 7 * place for place, byte in enumerate(reversed(head[6:10])))
    file.seek(start)
    first = file.read(256)
    mark = max(first.find(b"Xing"), first.find(b"Info"))
    if mark < 0 or len(first) < mark + 16 or not first[mark + 7] & 2:
        return 0
    place = mark + 8 + 4 * (first[mark + 7] & 1)  # the number of frames stands before that of bytes
    return start + int.from_bytes(first[place : place + 4], "big")
