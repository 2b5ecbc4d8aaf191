"""Deliberately broken inputs of every modality, made from good ones by a seed.

    broken("image", 200, folder, seed=0)    200 paths; of texts, 200 strings

A new modality joins by itself with the inputs that the contract suite has for it; one that has several kinds of file
says so in `GOOD`.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from palate.interfaces import Raw

Rng = np.random.Generator
Breaker = Callable[[bytes, bytes, Rng], bytes]
"""A good file, another good one of another kind -> a broken one."""


def picture(kind: str, **options: object) -> Callable[[Rng], bytes]:
    def make(rng: Rng) -> bytes:
        small = Image.fromarray(rng.integers(0, 255, (6, 5, 3), dtype=np.uint8))
        file = io.BytesIO()
        small.resize((61, 47), Image.Resampling.BICUBIC).save(file, kind, **options)  # type: ignore[arg-type]
        return file.getvalue()

    return make


def animation(rng: Rng) -> bytes:
    frames = [Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)) for _ in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def tone(rng: Rng, rate: int = 16_000) -> np.ndarray:
    time = np.arange(rate // 2) / rate
    return (0.4 * np.sin(time * 2 * np.pi * rng.integers(200, 2000)) + rng.normal(0, 0.02, len(time))).astype("f4")


def sound(kind: str, subtype: str | None = None) -> Callable[[Rng], bytes]:
    def make(rng: Rng) -> bytes:
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, tone(rng), 16_000, format=kind, subtype=subtype)
        return file.getvalue()

    return make


def clip(container: str, video: str | None, audio: str) -> Callable[[Rng], bytes]:
    """Half a second of moving blocks and a tone, or the tone alone."""

    def make(rng: Rng) -> bytes:
        import av

        file = io.BytesIO()
        with av.open(file, "w", format=container) as out:
            track = out.add_stream(audio, rate=48_000)
            sight = out.add_stream(video, rate=10, width=64, height=48, pix_fmt="yuv420p") if video else None
            for number in range(5 if sight else 0):
                pixels = np.full((48, 64, 3), 40 * number, np.uint8)
                pixels[8 * number : 8 * number + 8, :32] = rng.integers(0, 255, 3)
                out.mux(sight.encode(av.VideoFrame.from_ndarray(pixels)))
            samples = av.AudioFrame.from_ndarray(tone(rng, 48_000)[None], format="fltp", layout="mono")
            samples.sample_rate = 48_000
            for stream, packets in ((sight, None), (track, samples)):
                if stream is not None:
                    out.mux(stream.encode(packets))
            out.mux(track.encode(None))
        return file.getvalue()

    return make


GOOD: dict[str, dict[str, Callable[[Rng], bytes]]] = {
    "image": {
        "jpg": picture("JPEG", quality=80),
        "progressive.jpg": picture("JPEG", progressive=True),
        "png": picture("PNG"),
        "webp": picture("WEBP"),
        "gif": animation,
        "bmp": picture("BMP"),
        "tiff": picture("TIFF"),
        "lzw.tiff": picture("TIFF", compression="tiff_lzw"),
    },
    "audio": {
        "wav": sound("WAV"),
        "float.wav": sound("WAV", "FLOAT"),
        "flac": sound("FLAC"),
        "ogg": sound("OGG"),
        "mp3": sound("MP3"),
        "m4a": clip("ipod", None, "aac"),
        "mp4": clip("mp4", "mpeg4", "aac"),
    },
    "video": {
        "mp4": clip("mp4", "mpeg4", "aac"),
        "h264.mp4": clip("mp4", "libx264", "aac"),
        "webm": clip("webm", "libvpx-vp9", "libopus"),
        "mkv": clip("matroska", "mpeg4", "aac"),
        "avi": clip("avi", "mpeg4", "mp3"),
    },
}
"""Kinds of file of each modality."""


def truncated(good: bytes, other: bytes, rng: Rng) -> bytes:
    return good[: rng.integers(1, len(good))]


def only_a_head(good: bytes, other: bytes, rng: Rng) -> bytes:
    return good[: rng.integers(1, 64)]


def without_a_head(good: bytes, other: bytes, rng: Rng) -> bytes:
    return good[rng.integers(1, 64) :]


def bits_flipped(good: bytes, other: bytes, rng: Rng, end: int | None = None) -> bytes:
    content = np.frombuffer(good, np.uint8).copy()
    places = rng.integers(0, min(end or len(content), len(content)), rng.integers(1, 40))
    content[places] ^= np.uint8(1) << rng.integers(0, 8, len(places), dtype=np.uint8)
    return content.tobytes()


def head_flipped(good: bytes, other: bytes, rng: Rng) -> bytes:
    return bits_flipped(good, other, rng, end=80)


def run_of(value: int | None) -> Breaker:
    def make(good: bytes, other: bytes, rng: Rng) -> bytes:
        start, length = int(rng.integers(0, len(good))), int(rng.integers(1, 1 + len(good) // 2))
        run = rng.bytes(length) if value is None else bytes([value]) * length
        return (good[:start] + run + good[start + length :])[: len(good)]

    return make


def head_of_another(good: bytes, other: bytes, rng: Rng) -> bytes:
    length = int(rng.integers(4, 48))
    return other[:length] + good[length:]


def hole(good: bytes, other: bytes, rng: Rng) -> bytes:
    start, end = sorted(rng.integers(0, len(good), 2).tolist())
    return good[:start] + good[end:]


def stutter(good: bytes, other: bytes, rng: Rng) -> bytes:
    start, end = sorted(rng.integers(0, len(good), 2).tolist())
    return good[:end] + good[start:end] * int(rng.integers(1, 30)) + good[end:]


def joined(good: bytes, other: bytes, rng: Rng) -> bytes:
    return good + other


def repeated(good: bytes, other: bytes, rng: Rng) -> bytes:
    return good * int(rng.integers(2, 60))


def numbers_swollen(good: bytes, other: bytes, rng: Rng) -> bytes:
    """Put the largest numbers where a head has sizes."""
    content = bytearray(good)
    for place in rng.integers(4, min(120, len(good) - 4), 3).tolist():
        content[place : place + 4] = [b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\xff" * 4][int(rng.integers(3))]
    return bytes(content)


BREAKERS: tuple[Breaker, ...] = (
    truncated,
    only_a_head,
    without_a_head,
    bits_flipped,
    head_flipped,
    run_of(0),
    run_of(255),
    run_of(None),
    head_of_another,
    hole,
    stutter,
    joined,
    repeated,
    numbers_swollen,
    lambda good, other, rng: good,  # its name is wrong, see below
    lambda good, other, rng: other,
    lambda good, other, rng: b"",
    lambda good, other, rng: rng.bytes(int(rng.integers(1, 5000))),
    lambda good, other, rng: b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>" * 20,
    lambda good, other, rng: b"#EXTM3U\nfile:///etc/passwd\n",
)


def png(width: int, height: int, rows: bytes = b"", depth: int = 1) -> bytes:
    """A PNG of any declared size, and what of its rows there is."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def gif(width: int, height: int, rng: Rng) -> bytes:
    return animation(rng)[:6] + struct.pack("<HH", width, height) + animation(rng)[10:]


def wav(rate: int, channels: int, size: int) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, (rate * channels * 2) % 2**32, (channels * 2) % 2**16, 16)
    return b"RIFF" + struct.pack("<I", 2**32 - 1) + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + bytes(range(256)) * 20  # fmt: skip


BOMBS: dict[str, Sequence[Callable[[Rng], tuple[str, bytes]]]] = {
    "image": (
        lambda rng: ("png", png(2**31 - 1, 2**31 - 1)),
        lambda rng: ("png", png(16_000, 16_000, bytes(2001 * 16_000))),
        lambda rng: ("png", png(60_000, 1, bytes(7501))),
        lambda rng: ("png", png(0, 0)),
        lambda rng: ("gif", gif(65_535, 65_535, rng)),
        lambda rng: ("bmp", picture("BMP")(rng)[:18] + struct.pack("<ii", 2**30, -(2**30)) + bytes(300)),
    ),
    "audio": (
        lambda rng: ("wav", wav(16_000, 1, 2**32 - 1)),
        lambda rng: ("wav", wav(16_000, 65_535, 5120)),
        lambda rng: ("wav", wav(2**32 - 1, 2, 5120)),
        lambda rng: ("wav", wav(0, 0, 0)),
        lambda rng: ("wav", wav(16_000, 1, 0)),
    ),
}
"""Files that promise far more than they hold, or hold far more than anybody wants."""

_TEXT = "A red mug for tea. 红色的杯子，很漂亮。 <b>New</b> &amp; <i>fine</i> 🙂 "
TEXTS: tuple[Callable[[Rng], str], ...] = (
    lambda rng: "",
    lambda rng: " \t\n\u3000\u00a0\u2028",
    lambda rng: "\u200b\ufeff\u200d" * 50,
    lambda rng: "🙂👩‍👩‍👧‍👦🏳️‍🌈🇨🇳" * 20_000,
    lambda rng: "a" * 300_000,
    lambda rng: "杯" * 300_000,
    lambda rng: "e" + "\u0301" * 20_000,
    lambda rng: "<div><p>" * 10_000 + "deep",
    lambda rng: "<script>alert('x')</script><style>p{}</style><!-- never closed",
    lambda rng: "&#x110000;&amp;amp;&#0;&bogus;&lt;" * 500,
    lambda rng: "".join(map(chr, rng.integers(1, 32, 400))),
    lambda rng: "\x00mug\x00\x07\x1b[31mred\x7f\x85",
    lambda rng: "\u202e\u2066mug\u2069\u202c" * 30,
    lambda rng: "".join(chr(c) for c in rng.integers(0x20, 0x2FFFF, 3000) if not 0xD800 <= c < 0xE000),
    lambda rng: rng.bytes(2000).decode("utf-8", "replace"),
    lambda rng: rng.bytes(2000).decode("latin-1"),
    lambda rng: _TEXT.encode()[: rng.integers(1, 90)].decode("utf-8", "replace"),
    lambda rng: _TEXT.encode().decode("cp1252", "replace"),
    lambda rng: _TEXT * int(rng.integers(1, 2000)),
    lambda rng: "".join(rng.permutation(list(_TEXT))),
    lambda rng: "!?.,;:()[]{}" * int(rng.integers(1, 400)),
    lambda rng: "(" * 5000 + "(a+)+$",
    lambda rng: '{"a":' * 3000,
    lambda rng: "\ue000\uf8ff\U0010ffff\ufffe\uffff",
    lambda rng: str(rng.integers(0, 2**62)),
    lambda rng: "NaN",
)


def broken(
    modality: str, n: int, folder: Path, seed: int, good: Callable[[Path], list[Raw]] | None = None
) -> list[Raw]:
    """Return n broken inputs; media are files in `folder`, of kinds from `GOOD` or made from what `good` gives."""
    rng = np.random.default_rng(seed)
    if modality == "text":
        return [TEXTS[number % len(TEXTS)](rng) for number in range(n)]
    folder.mkdir(parents=True)
    kinds = GOOD.get(modality) or _kinds(good, folder / "good")
    names, paths = list(kinds), []
    bombs = BOMBS.get(modality, ())
    for number in range(n):
        name, another = (names[place % len(names)] for place in (number, number + 1 + number // len(names)))
        if number < len(bombs):
            name, content = bombs[number](rng)
        else:
            # the numbers of kinds and of breakers may share a factor; then every kind still meets every breaker
            breaker = BREAKERS[(number // len(names)) % len(BREAKERS)]
            content = breaker(kinds[name](rng), kinds[another](rng), rng)
        ending = another if number % 7 == 0 else name
        paths.append(folder / f"{number:03d}.{ending}")
        paths[-1].write_bytes(content)
    mixed = good is not None and modality not in GOOD and any(isinstance(entry, str) for entry in good(folder / "good"))
    return [
        path.read_bytes().decode("utf-8", "replace") if mixed and number % 2 else path
        for number, path in enumerate(paths)
    ]


def _kinds(good: Callable[[Path], list[Raw]] | None, folder: Path) -> dict[str, Callable[[Rng], bytes]]:
    assert good is not None
    folder.mkdir()
    made = {}
    for number, raw in enumerate(good(folder)):
        # a breaker wants more than a few bytes to break
        name, content = (
            (raw.suffix, raw.read_bytes()) if isinstance(raw, Path) else (".txt", str(raw).encode().ljust(24))
        )
        made[f"{number}{name}"] = content
    return {name: lambda rng, content=content: content for name, content in made.items()}  # type: ignore[misc]
