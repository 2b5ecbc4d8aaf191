"""Writing so that nothing is lost: aside, flush to disk, rename."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from palate.core.errors import StoreError

_HOST = hashlib.blake2b(platform.node().encode(), digest_size=3).hexdigest()


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well it takes the place of `path`, durably.

    Raises:
        StoreError: the disk is full or refuses; what stood at `path` is untouched and nothing is left beside it.
    """
    path, aside, _ = _places(path)
    try:
        with _writing(path):
            _sweep(path)
            yield aside
            _sync(aside)
            os.replace(aside, path)
            _sync(path.parent)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; when the block ends well it takes the place of `path`, durably.

    Raises:
        StoreError: the disk is full or refuses; what stood at `path` is untouched and nothing is left beside it.
    """
    path, aside, old = _places(path)
    lock = path.with_name(f".{path.name}.lock")
    try:
        with _writing(path):
            with locked(lock):
                _sweep(path)
            aside.mkdir()
            yield aside
            for file in aside.rglob("*"):
                if file.is_file():
                    _sync(file)
            with locked(lock):  # of two at once, the later wins
                _swap(path, aside, old)
            _sync(path.parent)
    finally:
        for folder in (aside, old):
            shutil.rmtree(folder, ignore_errors=True)


def recover(path: Path) -> None:
    """Make good what killed processes of this machine left of a folder: put it back in its place, sweep up the rest.

    Raises:
        StoreError: the disk refuses.
    """
    path, _, _ = _places(path)
    if path.parent.is_dir():
        with _writing(path), locked(path.with_name(f".{path.name}.lock")):
            _sweep(path)


@contextmanager
def locked(path: Path, timeout: float = -1) -> Iterator[None]:
    """Keep other processes out while the block runs; the lock file is gone afterwards.

    Raises:
        Timeout: another process holds it for longer than `timeout` seconds; -1 waits for ever.
        StoreError: the folder cannot be written.
    """
    lock = FileLock(path, timeout=timeout)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()  # a folder that takes no files, as /proc, says so; FileLock would wait there for ever
        lock.acquire()
    except Timeout:
        raise
    except OSError as error:
        raise _NotWrittenError(path, error.strerror or str(error)) from error
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps it; it hinders nobody
            path.unlink()
        lock.release()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text in place of `path`, all or nothing."""
    with replacing_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_new(path: Path, text: str, mode: int) -> None:
    """Write UTF-8 text, durably, where nothing is; from its first moment only those whom `mode` names can read it.

    Raises:
        FileExistsError: something is there, and stays.
        StoreError: the disk is full or refuses.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _sync(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise _NotWrittenError(path, error.strerror or str(error)) from error


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value in place of `path`, all or nothing; keys sorted, so equal values give equal files."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        StoreError: it is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} could not be read as JSON: {error}") from error


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Make the folder of `path`, and turn a refusal of the disk into a StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except Exception as error:
        reason = _why_not_written(error)
        if reason is None:
            raise
        raise _NotWrittenError(path, reason) from error


def _places(path: Path) -> tuple[Path, Path, Path]:
    """Return where a path really lies, and two names beside it that tell which process of which machine took them."""
    real = Path(os.path.realpath(path))
    token = f"{_HOST}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return real, real.with_name(f".{real.name}.{token}.part"), real.with_name(f".{real.name}.{token}.old")


def _swap(path: Path, aside: Path, old: Path) -> None:
    """Put `aside` in the place of `path`; whoever stops it between the two renames, disk or Ctrl-C, loses nothing."""
    try:
        if path.exists():
            os.replace(path, old)
        os.replace(aside, path)
    finally:
        if old.exists() and not path.exists():
            os.replace(old, path)


def _sweep(path: Path) -> None:
    """Remove what killed processes of this machine left beside `path`; one killed between two renames is made good."""
    ours = re.compile(rf"\.{re.escape(path.name)}\.{_HOST}-(\d+)-[0-9a-f]{{8}}\.(part|old)")
    for left in list(path.parent.iterdir()):
        match = ours.fullmatch(left.name)
        if match is None or psutil.pid_exists(int(match[1])):
            continue
        if match[2] == "old" and not path.exists():
            os.replace(left, path)
        elif left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _NotWrittenError(StoreError):
    """A write that the disk refused; it keeps the reason, so that a folder can say it of itself."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} could not be written ({reason}); what stood there before is untouched: "
            "free space or choose another place"
        )
        self.reason = reason


def _why_not_written(error: Exception) -> str | None:
    """Return the system's reason, or None where the error is not the disk's.

    Libraries written in Rust (safetensors, polars) raise errors of their own that only quote it: "… (os error 27)".
    """
    if isinstance(error, _NotWrittenError):
        return error.reason
    quoted = re.search(r"\(os error (\d+)\)", str(error))
    if quoted and not isinstance(error, StoreError):
        return os.strerror(int(quoted[1]))
    return error.strerror or str(error) if isinstance(error, OSError) else None
