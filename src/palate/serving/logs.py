"""Where a service writes what happens, and how: lines of JSON, lines of text, or warnings alone."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any, Literal

from palate.core.errors import ConfigError

Form = Literal["json", "text", "none"]
KEY = re.compile(r"palate-[A-Za-z0-9_-]{16,}")
"""What an API key looks like, wherever it stands."""
_LOGGERS = ("palate.serving", "uvicorn")


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, message, and the facts that came with it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return _keyless(json.dumps(told, ensure_ascii=False, default=str))


class TextLines(logging.Formatter):
    """A record as a line for people, and a traceback behind it where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        facts = " ".join(f"{name}={value}" for name, value in _facts(record).items() if value is not None)
        line = f"{_time(record)} {record.levelname.lower()} {record.getMessage()}" + (f": {facts}" if facts else "")
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return _keyless(line)


@contextmanager
def logging_to(form: Form, file: Path | None = None) -> Iterator[None]:
    """Write what the service and its server say, until the end of the block.

    Args:
        form: how; `none` leaves out the lines of requests, and writes warnings and errors as text.
        file: where; standard error where nothing is said. A file that is moved away is begun anew.

    Raises:
        ConfigError: the file cannot be written.
    """
    handler: logging.Handler
    try:
        handler = logging.StreamHandler(sys.stderr) if file is None else WatchedFileHandler(file, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"log_file was '{file}', which cannot be written ({error.strerror}): name another") from error
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    loggers[0].setLevel(logging.WARNING if form == "none" else logging.INFO)
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
        handler.close()


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = getattr(record, "facts", {})
    return facts


def _keyless(line: str) -> str:
    return KEY.sub("palate-…", line)
