"""A table file to a frame, told by content: CSV, TSV, Parquet, JSON lines."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import polars as pl

from palate.core.errors import DataError
from palate.data.sources._delimited import Read, delimited
from palate.data.sources._lines import read_objects

__all__ = ["Read", "read_table"]

_SEPARATORS = ",\t;|"


def read_table(
    path: Path, separator: str | None = None, encoding: str = "utf-8", header: list[str] | None = None
) -> Read:
    """Read a table file; lines that cannot be parsed are set aside. `header` names the columns of a file without one.

    Raises:
        DataError: there is no file, or it is none of CSV, TSV, Parquet and JSON lines.
    """
    head = _head(path)
    try:
        if head.startswith(b"PAR1"):
            return Read(pl.read_parquet(path))
        if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
            return _json_lines(path)
        separator = separator or _separator(head)
        # a stray quote in tab-separated values is a letter, unless fields are quoted from the header on
        quote = None if separator == "\t" and b'"' not in head.splitlines()[0] else '"'
        return delimited(path, separator, quote, encoding, header)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path} could not be read as a table ({_short(error)}): give CSV, TSV, Parquet or JSON lines"
        ) from error


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"{path} is a folder and a table file was expected: name a file in it")
    if not path.is_file():
        raise DataError(f"there is no file {path}: name a CSV, TSV, Parquet or JSON lines file")
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if head.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path) as packed:
                head = packed.read(1 << 16)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _damaged(path, error) from error
    if not head.strip():
        raise DataError(f"{path} is empty: nothing was imported")
    if head.startswith(b"PK"):
        raise DataError(f"{path} is a zip or Excel file: save it as CSV, or unpack it")
    if head.lstrip()[:1] == b"[":
        raise DataError(f"{path} is one JSON array: write one object a line (JSON lines)")
    if b"\x00" in head and not head.startswith(b"PAR1"):
        raise DataError(f"{path} is not a table of text: give CSV, TSV, Parquet or JSON lines in UTF-8")
    return head


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is cut off or damaged ({error}): fetch the file again")


def _separator(head: bytes) -> str:
    first = head.decode("utf-8", "replace").splitlines()[0]
    return max(_SEPARATORS, key=first.count)


def _json_lines(path: Path) -> Read:
    try:
        return Read(pl.read_ndjson(path, infer_schema_length=None))
    except pl.exceptions.PolarsError:
        pass
    lines = read_objects(path)
    return Read(lines.table, lines.rejected, lines.rows)


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
