"""Pictures without what their camera and its owner left in them.

The pixels are not decoded: the file is taken apart into its pieces, and those that hold metadata are left out.

| kind | left out |
|---|---|
| JPEG | Exif, XMP, IPTC, comments, thumbnails, further pictures and whatever follows the picture |
| PNG | eXIf, tEXt, zTXt, iTXt, tIME and what follows the picture |
| WebP | EXIF, XMP and pieces that the format does not name |
| GIF | comments, XMP and whatever follows the picture |

Which way up it is stays: of Exif the orientation alone is written again, where it is not the usual one. Colour profiles
stay, since colours depend on them.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

_ORIENTATION = 0x0112
_JPEG_KEPT = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Application segments that the pixels depend on."""
_PNG_LEFT_OUT = {b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"}
_WEBP_KEPT = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
_GIF_KEPT = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


class Unknown(ValueError):
    """A file that is none of these kinds, or is damaged."""


def without_metadata(content: bytes) -> bytes:
    """Return the bytes of a picture without its metadata; the very same where there is none.

    Raises:
        Unknown: it is no JPEG, PNG, WebP or GIF, or is damaged.
    """
    for head, strip in ((b"\xff\xd8\xff", _jpeg), (b"\x89PNG\r\n\x1a\n", _png), (b"RIFF", _webp), (b"GIF8", _gif)):
        if content.startswith(head):
            try:
                return strip(content)
            except (IndexError, struct.error) as error:
                raise Unknown("the picture is cut off") from error
    raise Unknown("a picture of this kind cannot be taken apart: only JPEG, PNG, WebP and GIF can")


def _orientation(content: bytes) -> int:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            found = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  a damaged Exif block raises errors of any type, and then tells no orientation
        return 1
    return found if 1 <= found <= 8 else 1


def _exif(content: bytes) -> bytes:
    """Return an Exif block that holds the orientation alone; empty where it is the usual one."""
    way = _orientation(content)
    return b"" if way == 1 else struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, _ORIENTATION, 3, 1, way, 0, 0)


def _jpeg(content: bytes) -> bytes:
    out, exif = [content[:2]], _exif(content)
    told = not exif
    for marker, start, end in _segments(content):
        wanted = _JPEG_KEPT.get(marker, b"") if 0xE0 <= marker <= 0xEF else None
        if not told and marker != 0xE0:
            out.append(b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif)
            told = True
        if marker == 0xFE or (wanted is not None and not (wanted and content.startswith(wanted, start + 4))):
            continue
        out.append(content[start:end])
    return b"".join(out)


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment up to the end of the picture; the coded pixels go with their header."""
    at = 2
    while True:
        if content[at] != 0xFF:
            raise Unknown("the picture is damaged")
        while content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if marker == 0xD9:
            yield marker, at, at + 2
            return
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        if end > len(content) or end < at + 4:
            raise Unknown("the picture is cut off")
        if marker == 0xDA:
            end = _coded(content, end)
        yield marker, at, end
        at = end


def _coded(content: bytes, at: int) -> int:
    """Return where coded pixels end: before a marker that is neither a stuffed byte nor a restart."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0:
            raise Unknown("the picture is cut off")
        following = content[at + 1]
        if following != 0 and following != 0xFF and not 0xD0 <= following <= 0xD7:
            return at
        at += 1 if following == 0xFF else 2


def _png(content: bytes) -> bytes:
    out, at, exif = [content[:8]], 8, _exif(content)
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            raise Unknown("the picture is cut off")
        if kind not in _PNG_LEFT_OUT:
            if kind == b"IDAT" and exif:
                body, exif = b"eXIf" + exif, b""
                out.append(struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)))
            out.append(content[at:end])
        if kind == b"IEND":
            return b"".join(out)
        at = end


def _webp(content: bytes) -> bytes:
    size = struct.unpack_from("<I", content, 4)[0] + 8
    if content[8:12] != b"WEBP" or size > len(content):
        raise Unknown("the picture is cut off" if content[8:12] == b"WEBP" else "it is no picture")
    out, at, exif = [], 12, _exif(content)
    while at < size:
        kind, length = struct.unpack_from("<4sI", content, at)
        end = at + 8 + length + length % 2
        if at + 8 + length > size:
            raise Unknown("the picture is cut off")
        piece = content[at:end]
        if kind == b"VP8X":
            flags = piece[8] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if exif else 0)
            piece = piece[:8] + bytes([flags]) + piece[9:]
        if kind in _WEBP_KEPT:
            out.append(piece)
        at = end
    if exif:
        out.append(b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2))
    body = b"WEBP" + b"".join(out)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _gif(content: bytes) -> bytes:
    at = 13 + _palette(content[10])
    out = [content[:at]]
    while True:
        start, kind = at, content[at]
        if kind == 0x3B:
            return b"".join([*out, b"\x3b"])
        if kind == 0x2C:
            at = _blocks(content, at + 11 + _palette(content[at + 9]))
            out.append(content[start:at])
        elif kind == 0x21:
            at = _blocks(content, at + 2)
            label = content[start + 1]
            if label == 0xF9 or (label == 0xFF and content[start + 3 : start + 14] in _GIF_KEPT):
                out.append(content[start:at])
        else:
            raise Unknown("the picture is damaged")


def _palette(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(content: bytes, at: int) -> int:
    """Return where a row of blocks ends."""
    while content[at]:
        at += content[at] + 1
    return at + 1
