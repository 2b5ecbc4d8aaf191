"""Writing so that nothing is lost: aside, flush to disk, rename."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from palate.core.errors import StoreError


@contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; when the block ends well it takes the place of `path`, durably.

    Raises:
        StoreError: the disk is full or refuses; what stood at `path` is untouched and nothing is left beside it.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        _sync(aside)
        os.replace(aside, path)
        _sync(path.parent)
    except Exception as error:
        reason = _why_not_written(error)
        if reason is None:
            raise
        raise _NotWrittenError(path, reason) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; when the block ends well it takes the place of `path`, durably.

    Raises:
        StoreError: the disk is full or refuses; what stood at `path` is untouched and nothing is left beside it.
    """
    token = uuid.uuid4().hex[:8]
    aside, old = path.with_name(f".{path.name}.{token}.part"), path.with_name(f".{path.name}.{token}.old")
    try:
        aside.mkdir(parents=True)
        yield aside
        for file in aside.rglob("*"):
            if file.is_file():
                _sync(file)
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(aside, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
        _sync(path.parent)
    except Exception as error:
        reason = _why_not_written(error)
        if reason is None:
            raise
        raise _NotWrittenError(path, reason) from error
    finally:
        for folder in (aside, old):
            shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text in place of `path`, all or nothing."""
    with replacing_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


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
