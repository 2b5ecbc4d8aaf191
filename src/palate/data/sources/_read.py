"""A table file to a frame, told by content: CSV, TSV, Parquet, JSON lines."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from palate.core.errors import DataError
from palate.data.quarantine import Rejected, frame_of
from palate.data.sources._lines import good_lines

_SEPARATORS = ",\t;|"
_PILE = 50_000
"""Rows that are held one by one, where a file has to be read so."""


@dataclass(frozen=True)
class Read:
    """A table as it came; of CSV every value is text. `rows` numbers the rows where some were set aside."""

    table: pl.DataFrame
    rejected: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    rows: pl.Series | None = None


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
        return _delimited(path, separator or _separator(head), encoding, header)
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


def _delimited(path: Path, separator: str, encoding: str, header: list[str] | None) -> Read:
    # a stray quote in tab-separated values is a letter, unless fields are quoted from the header on
    quote = None if separator == "\t" and b'"' not in _head(path).splitlines()[0] else '"'
    try:
        if encoding.lower().replace("-", "") != "utf8":
            raise pl.exceptions.ComputeError("another encoding")
        table = pl.read_csv(
            path,
            separator=separator,
            quote_char=quote,
            infer_schema=False,
            has_header=header is None,
            new_columns=header,
        )
    except pl.exceptions.PolarsError:
        return _line_by_line(path, separator, quote, encoding, header)
    if _has_short_rows(path, table, separator):
        return _line_by_line(path, separator, quote, encoding, header)
    table = table.rename(dict(zip(table.columns, _header(table.columns), strict=True)))
    blank = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if not blank.any():
        return Read(table)
    numbers = pl.Series("row", range(1, table.height + 1), dtype=pl.Int64)
    return Read(table.filter(~blank), rows=numbers.filter(~blank))


def _has_short_rows(path: Path, table: pl.DataFrame, separator: str) -> bool:
    """Tell whether a line may have too few fields: polars fills those with nulls, as if they had been empty."""
    if table.width < 2 or not table.to_series(-1).null_count():
        return False
    lines = pl.read_csv(
        path, separator="\x01", quote_char=None, infer_schema=False, has_header=False, new_columns=["line"],
        truncate_ragged_lines=True,
    )["line"]  # fmt: skip
    return bool((lines.str.count_matches(separator, literal=True) < table.width - 1).any())


def _line_by_line(path: Path, separator: str, quote: str | None, encoding: str, names: list[str] | None) -> Read:
    """Read a file that has broken lines: slower, and each broken line is told."""
    try:
        with _text(path, encoding) as file:
            return _from_records(path, _records(file, separator, quote), separator, names)
    except (LookupError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read as '{encoding}' ({error}): name its encoding, as in gb18030") from error


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    raw: Any = path.open("rb")
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    file = gzip.GzipFile(fileobj=raw) if packed else raw
    signed = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    return io.TextIOWrapper(file, signed, "surrogateescape", newline="")


def _from_records(
    path: Path, records: Iterator[tuple[int, list[str] | str]], separator: str, names: list[str] | None
) -> Read:
    header = _header(next(records, (0, []))[1]) if names is None else names
    schema = dict.fromkeys(header, pl.String)
    tables, good, numbers, aside = (
        [pl.DataFrame(schema=schema)],
        list[list[str | None]](),
        list[int](),
        list[Rejected](),
    )
    for place, values in records:
        number = place if names is None else place + 1
        wrong = values if isinstance(values, str) else _wrong(values, len(header))
        if wrong:
            shown = separator.join(values).encode("utf-8", "replace").decode()[:200]
            aside.append(Rejected(path.name, number, None, wrong, None if values is wrong else shown))
        elif values:
            good.append([value or None for value in values])
            numbers.append(number)
        if len(good) == _PILE:
            tables.append(pl.DataFrame(good, schema=schema, orient="row"))
            good.clear()
    tables.append(pl.DataFrame(good, schema=schema, orient="row"))
    table = pl.concat(tables)
    if not table.height and aside:
        raise DataError(f"none of the {len(aside):,} rows of {path} can be read: {aside[0].reason}")
    return Read(table, frame_of(aside), pl.Series("row", numbers, dtype=pl.Int64))


def _records(file: Iterable[str], separator: str, quote: str | None) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the number and the values of each record, the header being 0; of a broken one, what is wrong.

    After a broken record reading goes on at the next line, so that a quote that is never closed costs one row.
    """
    lines, number = _Rewind(file), -1
    quoting: Literal[0, 3] = csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL
    while True:
        reader = csv.reader(lines, delimiter=separator, quotechar=quote, quoting=quoting, strict=True)
        try:
            for values in reader:
                lines.since.clear()
                number += 1
                yield number, values
            return
        except csv.Error as error:
            lines.back_to_second()
            number += 1
            yield number, f"the row cannot be parsed ({error})"


class _Rewind:
    """Lines, of which those of the record that is being read can be read again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.since: deque[str] = deque()
        self._again: deque[str] = deque()
        self._lines = iter(lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.since.append(line)
        return line

    def back_to_second(self) -> None:
        """Go back to the line after the first of the record."""
        self.since.popleft()
        self._again.extendleft(reversed(self.since))
        self.since.clear()


def _header(values: list[str] | str) -> list[str]:
    names: list[str] = []
    for value in [values] if isinstance(values, str) else values:
        name = value.strip()
        names.append(f"{name}_duplicated_{names.count(name) - 1}" if name in names else name)
    return names


def _wrong(values: list[str], width: int) -> str | None:
    if values and len(values) != width:
        return f"the row has {len(values)} fields for {width} columns"
    try:
        "".join(values).encode()
    except UnicodeEncodeError:  # a byte that could not be read is kept as half a letter
        return "the row is not UTF-8 text"
    return None


def _json_lines(path: Path) -> Read:
    try:
        return Read(pl.read_ndjson(path, infer_schema_length=None))
    except pl.exceptions.PolarsError:
        pass
    good, numbers, aside = good_lines(path)
    if not good:
        raise DataError(f"{path} holds no line that is a JSON object: give CSV, TSV, Parquet or JSON lines")
    try:
        table = pl.read_ndjson(io.BytesIO(good), infer_schema_length=None)
    except pl.exceptions.PolarsError:  # the values of a field are of several kinds
        table = pl.DataFrame([json.loads(line) for line in good.split(b"\n")], infer_schema_length=None, strict=False)
    return Read(table, aside, numbers)


def _short(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
