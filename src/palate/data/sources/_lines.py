"""JSON lines to a table, block by block: broken lines are told and cost no more than their block."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import polars as pl

from palate.core.errors import DataError
from palate.core.progress import progress
from palate.data.quarantine import Rejected, frame_of
from palate.data.sources._literal import DECODER, json_of_literal
from palate.data.sources._texts import as_text

BLOCK = 8 << 20
"""Bytes of text that are held at once, beside the columns that are kept."""
LONGEST = 16 << 20
"""A longer line is set aside unread."""
_BOM = b"\xef\xbb\xbf"
_SHOWN = 200
_Line = tuple[int, bytes]
"""A line and its number, from 1."""


@dataclass
class Lines:
    """The objects of a file, every value as text, and the lines that were set aside.

    A text stays what it is; a number, a list or an object within becomes its JSON text.
    """

    table: pl.DataFrame
    rejected: pl.DataFrame
    rows: pl.Series
    """The line of each row, counted from 1."""


def read_lines(
    path: Path,
    fields: Sequence[str],
    literals: bool = False,
    shape: Callable[[pl.DataFrame], pl.DataFrame] = lambda table: table,
) -> Lines:
    """Read some fields of the JSON object on each line; a field that an object lacks is null.

    Args:
        path: the file, plain or packed with gzip.
        fields: which to keep; the others are not held in memory.
        literals: whether a line may be a Python dict instead.
        shape: what to make of the fields, block by block, so that the raw ones are not held; row by row the same.

    Raises:
        DataError: the file is cut off, damaged, or holds no object at all.
    """
    schema = dict.fromkeys(fields, pl.String)
    tables, numbers, work = [shape(pl.DataFrame(schema=schema))], [_rows([])], _Work(path.name)
    for first, block in blocks(path):
        table = None if block is None else _whole(block, schema)
        if block is None:
            work.set_aside(first, f"the line is longer than {LONGEST >> 20} MiB", None)
        elif table is not None:
            tables.append(shape(table))
            numbers.append(pl.Series("row", range(first, first + table.height), dtype=pl.Int64))
        else:
            table, rows = _mended(block, first, schema, literals, work)
            tables.append(shape(table))
            numbers.append(rows)
    table = pl.concat(tables)
    if not table.height:
        why = work.rejected[0].reason if work.rejected else "it is empty"
        raise DataError(f"{path} holds no line that is a JSON object ({why}): give one object a line")
    return Lines(table, work.frame(), pl.concat(numbers))


def read_objects(path: Path) -> Lines:
    """Read every field of the JSON object on each line, in the types that are found.

    Raises:
        DataError: the file is cut off, damaged, or holds no object at all.
    """
    tables, numbers, work = list[pl.DataFrame](), list[pl.Series](), _Work(path.name)
    for first, block in blocks(path):
        if block is None:
            work.set_aside(first, f"the line is longer than {LONGEST >> 20} MiB", None)
            continue
        lines = _numbered(block, first)
        table = _inferred(lines)
        if table is None:
            lines = list(work.objects(lines, (), False))
            table = _inferred(lines)
        if table is None:  # the values of a field are of several kinds
            objects = [json.loads(line) for _, line in lines]
            table = pl.DataFrame(objects, infer_schema_length=None, strict=False)
        tables.append(table)
        numbers.append(_rows(lines))
    if not sum(map(len, tables)):
        raise DataError(f"{path} holds no line that is a JSON object: give CSV, TSV, Parquet or JSON lines")
    return Lines(_together(tables), work.frame(), pl.concat(numbers))


def _inferred(lines: list[_Line]) -> pl.DataFrame | None:
    if not lines:
        return pl.DataFrame()
    try:
        table = pl.read_ndjson(io.BytesIO(_joined(lines)), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        return None
    return table if table.height == len(lines) else None


def _together(tables: list[pl.DataFrame]) -> pl.DataFrame:
    """Join tables by column name; a column whose types do not go together becomes text."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    mixed = {name for name in names if not _agree({table.schema[name] for table in tables if name in table.columns})}
    if mixed:
        tables = [
            table.with_columns(as_text(table[name]) for name in table.columns if name in mixed) for table in tables
        ]
    return pl.concat(tables, how="diagonal_relaxed")


def _agree(types: set[pl.DataType]) -> bool:
    """Tell whether columns of these types can be one: a list goes with lists only, an object with objects."""
    known = [kind for kind in types if kind != pl.Null]
    if any(kind.is_nested() for kind in known) and len({kind.base_type() for kind in known}) > 1:
        return False
    try:
        pl.concat([pl.DataFrame(schema={"x": kind}) for kind in known or [pl.Null()]], how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        return False
    return True


@dataclass
class _Work:
    place: str
    rejected: list[Rejected] = field(default_factory=list)

    def set_aside(self, number: int, reason: str, line: bytes | None) -> None:
        shown = None if line is None else line[:_SHOWN].decode("utf-8", "replace").strip()
        self.rejected.append(Rejected(self.place, number, None, reason, shown))

    def frame(self) -> pl.DataFrame:
        """Return what was set aside, by line."""
        return frame_of(sorted(self.rejected, key=lambda one: one.row or 0))

    def objects(self, lines: Iterable[_Line], fields: Sequence[str], literals: bool) -> Iterator[_Line]:
        """Yield the lines that are objects, as JSON; the others are set aside."""
        for number, line in lines:
            found = _object(line, fields, literals)
            if isinstance(found, bytes):
                yield number, found
            else:
                self.set_aside(number, found, line)


def _numbered(block: bytes, first: int) -> list[_Line]:
    return [(number, line) for number, line in enumerate(block.split(b"\n"), first) if line.strip()]


def _whole(block: bytes, schema: dict[str, Any]) -> pl.DataFrame | None:
    """Parse a block in one go; None where a line is broken or blank, so that rows are not lines."""
    if block.lstrip()[:2] == b"{'":
        return None
    try:
        table = pl.read_ndjson(io.BytesIO(block), schema=schema)
    except pl.exceptions.PolarsError:
        return None
    return table if table.height == block.count(b"\n") + (not block.endswith(b"\n")) else None


def _mended(
    block: bytes, first: int, schema: dict[str, Any], literals: bool, work: _Work
) -> tuple[pl.DataFrame, pl.Series]:
    """Parse a block without its broken lines: first without those that do not end as an object does, which are most."""
    fields = list(schema)
    lines = _numbered(block, first)
    cut = [line for line in lines if not line[1].rstrip().endswith(b"}")]
    lines = [line for line in lines if line[1].rstrip().endswith(b"}")]
    lines += work.objects(cut, fields, literals)
    table = _whole(_joined(lines), schema)
    if table is None:
        return _by_halves(list(work.objects(lines, fields, literals)), schema, work)
    return table, _rows(lines)


def _by_halves(lines: list[_Line], schema: dict[str, Any], work: _Work) -> tuple[pl.DataFrame, pl.Series]:
    """Parse lines without those that are JSON to Python and not to polars."""
    tables, rows = [pl.DataFrame(schema=schema)], [_rows([])]
    piles = [lines] if lines else []
    while piles:
        pile = piles.pop()
        table = _whole(_joined(pile), schema)
        if table is not None:
            tables.append(table)
            rows.append(_rows(pile))
        elif len(pile) == 1:
            work.set_aside(pile[0][0], "the line cannot be read as JSON", pile[0][1])
        else:
            piles += [pile[len(pile) // 2 :], pile[: len(pile) // 2]]
    return pl.concat(tables), pl.concat(rows)


def _joined(lines: list[_Line]) -> bytes:
    return b"\n".join(line for _, line in lines)


def _rows(lines: list[_Line]) -> pl.Series:
    return pl.Series("row", [number for number, _ in lines], dtype=pl.Int64)


def _object(line: bytes, fields: Sequence[str], literals: bool) -> bytes | str:
    """Return the JSON object of a line, or what is wrong with it."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "the line is not UTF-8 text"
    if literals and text.lstrip().startswith("{'"):
        made = json_of_literal(text, fields)
        return "the line is neither a JSON object nor a Python dict" if made is None else made.encode()
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError):
        return "the line is not a JSON object"
    return line if isinstance(value, dict) else "the line is not a JSON object"


def blocks(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Yield blocks of whole lines with the number of their first; None stands for a line that is too long."""
    try:
        with path.open("rb") as raw, progress(f"reading {path.name}", path.stat().st_size >> 20, "MB") as advance:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            done = 0
            for found in _split(gzip.GzipFile(fileobj=raw) if packed else raw):
                yield found
                advance((raw.tell() >> 20) - done)
                done = raw.tell() >> 20
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is cut off or damaged ({error}): fetch the file again") from error
    except OSError as error:
        raise DataError(f"{path} could not be read ({error.strerror or error}): look at the file") from error


def _split(file: IO[bytes] | gzip.GzipFile) -> Iterator[tuple[int, bytes | None]]:
    number, rest, too_long = 1, b"", False
    start = file.read(len(_BOM))
    rest = b"" if start == _BOM else start
    while chunk := file.read(BLOCK):
        end = chunk.rfind(b"\n") + 1
        if too_long:
            begin = chunk.find(b"\n") + 1
            if not begin:
                continue
            too_long, number = False, number + 1
            chunk, end = chunk[begin:], max(end - begin, 0)
        if not end:
            rest += chunk
            if len(rest) > LONGEST:
                yield number, None
                rest, too_long = b"", True
            continue
        block = rest + chunk[:end]
        rest = chunk[end:]
        yield number, block
        number += block.count(b"\n")
    if rest:
        yield number, rest
