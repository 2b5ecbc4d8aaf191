"""Opens every media file: broken, of another format than its name says, too large, blank, silent, clipped."""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from palate.clean._blank import colour_if_blank
from palate.clean._loudness import listen
from palate.clean._spoilt import Spoilt
from palate.core.cores import cores
from palate.core.progress import track
from palate.core.types import Codes
from palate.data.catalogue import MEDIA_TYPES, Catalogue
from palate.data.dataset import Dataset
from palate.data.features import OF, Of, part_name
from palate.data.media import MAX_PIXELS, MAX_SIDE, is_url, picture_kinds, stray

_SOUND_ENDINGS = {
    "WAV": (".wav",), "WAVEX": (".wav",), "RF64": (".wav",), "OGG": (".ogg", ".oga", ".opus"), "FLAC": (".flac",),
    "MPEG": (".mp3",), "AIFF": (".aiff", ".aif"),
}  # fmt: skip
_WHAT = {
    "stray-media": "{n} paths of '%s' lead out of the dataset folder",
    "missing-file": "{n} files of '%s' that the table names are not there",
    "broken-media": "{n} files of '%s' cannot be opened",
    "huge-media": "{n} pictures of '%s' are too large to be decoded",
    "wrong-extension": "{n} files of '%s' hold another format than their name says",
    "blank-picture": "{n} pictures of '%s' are of one colour",
    "silent-sound": "{n} sounds of '%s' are silent",
    "clipped-sound": "{n} sounds of '%s' are cut off at the loudest",
}


@dataclass(frozen=True)
class Verdict:
    """What was found in one file: a kind of problem and a sentence, or neither; and a digest of the content."""

    kind: str | None = None
    what: str = ""
    digest: str = ""


def of_files(data: Dataset) -> tuple[list[Spoilt], list[str]]:
    """Open every media file, on all cores; returns what is wrong with them, and what could not be looked at."""
    found: list[Spoilt] = []
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # size is judged below
        for of in OF:
            table = data.table_of(of)
            for column in table.file_columns:
                look = _looker(table.types[column], part_name(column, of), notes)
                if look is not None:
                    found += _column(data, of, column, look)
    return found, notes


def _column(data: Dataset, of: Of, column: str, look: Callable[[Path], Verdict]) -> list[Spoilt]:
    table, name = data.table_of(of), part_name(column, of)
    paths = _paths(table, column)
    files = list(dict.fromkeys(paths.values()))
    with ThreadPoolExecutor(cores()) as workers:
        verdicts = dict(
            zip(files, track(workers.map(look, files), f"opening {name}", len(files), "files"), strict=True)
        )
    by_kind: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    by_content: dict[str, list[int]] = defaultdict(list)
    values = table.paths(column).to_list()
    by_kind["stray-media"] = [
        (code, Path(value)) for code, value in enumerate(values) if value and not is_url(value) and stray(value)
    ]
    for code, path in paths.items():
        verdict = verdicts[path]
        if verdict.kind is not None:
            by_kind[verdict.kind].append((code, path))
        elif verdict.digest:
            by_content[verdict.digest].append(code)
    found = []
    for kind, what in _WHAT.items():
        rows = by_kind.get(kind, [])
        details = [f"({path.name}): {verdicts[path].what if path in verdicts else path}" for _, path in rows]
        found.append(Spoilt(kind, what % name, of, column, _codes(code for code, _ in rows), tuple(details)))
    if of == "interactions":  # whoever shows one picture twice has written about it twice
        return found
    same = sorted(code for codes in by_content.values() for code in codes[1:])
    what = f"{{n}} {of} have the same file for '{name}' as an earlier {of.removesuffix('s')}"
    return [*found, Spoilt("identical-media", what, of, column, _codes(same))]


def _codes(rows: Iterable[int]) -> Codes:
    return np.fromiter(rows, dtype=np.int32)


def _paths(table: Catalogue, column: str) -> dict[int, Path]:
    found = {code: table.media_path(code, column) for code in range(len(table))}
    return {code: path for code, path in found.items() if path is not None}


def _looker(kind: str, column: str, notes: list[str]) -> Callable[[Path], Verdict] | None:
    if kind == "image":
        return look_at_picture
    if kind not in MEDIA_TYPES:
        return look_whether_there
    try:
        if kind == "audio":
            import soundfile  # noqa: F401

            return listen_to_sound
        import av  # noqa: F401

        return watch_video
    except ImportError:
        notes.append(f"the files of '{column}' were not opened: that needs pip install 'palate[media]'")
        return None


def look_whether_there(path: Path) -> Verdict:
    """Read a file that only an encoder could judge."""
    content = _content(path)
    return _absent(path) if content is None else Verdict(digest=content)


def look_at_picture(path: Path) -> Verdict:
    """Decode a picture whole, JPEG at an eighth of its size."""
    if (content := _content(path)) is None:
        return _absent(path)
    try:
        with Image.open(path, formats=picture_kinds()) as picture:
            width, height = picture.size
            form = picture.format or ""
            if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
                return Verdict("huge-media", f"{width:,} × {height:,} pixels")
            picture.draft("RGB", (max(width // 8, 1), max(height // 8, 1)))
            picture.load()
            blank = colour_if_blank(picture)
    except Image.DecompressionBombError:
        return Verdict("huge-media", f"more than {MAX_PIXELS:,} pixels")
    except Exception as error:  # noqa: BLE001  decoders raise anything on damaged input
        return Verdict("broken-media", _sentence(error, path))
    endings = [ending for ending, known in Image.registered_extensions().items() if known == form]
    if path.suffix.lower() not in endings and not (form == "MPO" and path.suffix.lower() in (".jpg", ".jpeg")):
        return Verdict("wrong-extension", f"it holds a {form}")
    return Verdict(digest=content) if blank is None else Verdict("blank-picture", f"all of it is {blank}")


def listen_to_sound(path: Path) -> Verdict:
    """Decode a sound to its end; formats that libsndfile does not know go through FFmpeg."""
    import soundfile

    if (content := _content(path)) is None:
        return _absent(path)
    if _cut_wave(path):
        return Verdict("broken-media", "the file is cut short")
    try:
        with soundfile.SoundFile(path) as sound:
            form, frames = sound.format, sound.frames
            heard = listen(sound.blocks(1 << 18, dtype="int16"))
    except soundfile.LibsndfileError as error:
        if path.suffix.lower() in (".m4a", ".aac", ".wma", ".opus", ".webm"):
            return _watch(path, "audio", content)
        return Verdict("broken-media", _sentence(error, path))
    if not heard.frames or heard.frames < frames // 2:
        return Verdict("broken-media", "the file is cut short" if heard.frames else "the file holds no sound")
    if path.suffix.lower() not in _SOUND_ENDINGS.get(form, (path.suffix.lower(),)):
        return Verdict("wrong-extension", f"it holds a {form}")
    if heard.silent:
        return Verdict("silent-sound", "nothing is heard")
    if heard.clipped:
        return Verdict("clipped-sound", f"{heard.stuck:.0%} of it is cut off at the loudest")
    return Verdict(digest=content)


def watch_video(path: Path) -> Verdict:
    """Decode the first picture of a video."""
    content = _content(path)
    return _absent(path) if content is None else _watch(path, "video", content)


def _watch(path: Path, kind: str, content: str) -> Verdict:
    try:
        import av

        with av.open(str(path)) as container:
            if next(iter(container.decode(**{kind: 0})), None) is None:
                return Verdict("broken-media", f"the file holds no {kind}")
    except ImportError:
        return Verdict()
    except Exception as error:  # noqa: BLE001  decoders raise anything on damaged input
        return Verdict("broken-media", _sentence(error, path))
    return Verdict(digest=content)


def _content(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        return digest.hexdigest() if path.stat().st_size else None
    except OSError:
        return None


def _absent(path: Path) -> Verdict:
    if not path.is_file():
        return Verdict("missing-file", "there is no such file")
    empty = path.stat().st_size == 0
    return Verdict("broken-media", "the file is empty" if empty else "the file may not be read")


def _cut_wave(path: Path) -> bool:
    """Tell whether a WAV file says that it is longer than it is."""
    with path.open("rb") as file:
        head = file.read(8)
    return head[:4] == b"RIFF" and 0xFFFFFFFF > struct.unpack("<I", head[4:8])[0] > path.stat().st_size


def _sentence(error: Exception, path: Path) -> str:
    text = str(error).strip() or type(error).__name__
    return text.replace(str(path), path.name).splitlines()[0]
