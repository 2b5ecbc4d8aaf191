"""Delimited text to a table: broken rows are told, with their number and the reason."""

from __future__ import annotations

import csv
import gzip
import io
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from palate.core.errors import DataError
from palate.data.quarantine import Rejected, frame_of
from palate.data.sources._lines import LONGEST, blocks

_PILE = 50_000
"""Records that are held one by one, where a file has to be read so."""
_SHOWN = 200


@dataclass(frozen=True)
class Read:
    """A table as it came; of CSV every value is text. `rows` numbers the rows where some were set aside."""

    table: pl.DataFrame
    rejected: pl.DataFrame = field(default_factory=lambda: frame_of([]))
    rows: pl.Series | None = None


def delimited(path: Path, separator: str, quote: str | None, encoding: str, names: list[str] | None) -> Read:
    """Read delimited text: in one go where it is sound, else by lines, else by records.

    Args:
        path, separator, encoding: the file, plain or packed.
        quote: what fields may stand in; None where a quote is a letter.
        names: the columns of a file without a header.
    """
    if encoding.lower().replace("-", "") != "utf8":
        return _by_records(path, separator, quote, encoding, names)
    try:
        table = pl.read_csv(
            path, separator=separator, quote_char=quote, infer_schema=False, has_header=names is None, new_columns=names
        )
    except (pl.exceptions.PolarsError, OSError):  # the slower ways tell what is wrong
        table = None
    if table is None or _may_have_short_rows(path, table, separator) or _ends_with(path, separator):
        return _by_lines(path, separator, quote, names) or _by_records(path, separator, quote, encoding, names)
    table = table.rename(dict(zip(table.columns, _header(table.columns), strict=True)))
    blank = table.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if not blank.any():
        return Read(table)
    numbers = pl.Series("row", range(1, table.height + 1), dtype=pl.Int64)
    return Read(table.filter(~blank), rows=numbers.filter(~blank))


def _may_have_short_rows(path: Path, table: pl.DataFrame, separator: str) -> bool:
    """Tell whether a line may have too few fields: polars fills those with nulls, as if they had been empty."""
    if table.width < 2 or not table.to_series(-1).null_count():
        return False
    lines = pl.read_csv(
        path, separator="\x01", quote_char=None, infer_schema=False, has_header=False, new_columns=["line"],
        truncate_ragged_lines=True,
    )["line"]  # fmt: skip
    return bool((lines.str.count_matches(separator, literal=True) < table.width - 1).any())


def _ends_with(path: Path, separator: str) -> bool:
    """Tell whether the last line ends in a separator and no line end: polars then passes over one empty field too many."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        if not packed:
            file.seek(-min(len(separator.encode()), path.stat().st_size), io.SEEK_END)
            return file.read() == separator.encode()
    last = b""
    with gzip.open(path) as text:
        while chunk := text.read(1 << 20):
            last = chunk
    return last.endswith(separator.encode())


def _by_lines(path: Path, separator: str, quote: str | None, names: list[str] | None) -> Read | None:
    """Read a file in which a line is a row; None where it has quotes, single line returns or is no UTF-8 text."""
    header, mark, skipped = names, separator.encode(), 0
    tables, rows, aside = list[pl.DataFrame](), list[int](), list[Rejected]()
    for first, block in blocks(path):
        if block is None or (quote and quote.encode() in block) or block.count(b"\r") != block.count(b"\r\n"):
            return None
        lines = block.removesuffix(b"\n").split(b"\n")
        if header is None:
            header = _header(lines[0].decode("utf-8", "replace").strip("\r").split(separator))
            skipped, lines[0] = 1, b""
        good = list[bytes]()
        for number, line in enumerate(lines, first - skipped):
            if not line.strip(mark + b"\r"):
                continue  # blank, or nothing but separators
            if line.count(mark) == len(header) - 1:
                good.append(line)
                rows.append(number)
            else:
                aside.append(_uneven(path, number, line.decode("utf-8", "replace").strip("\r"), separator, len(header)))
        table = _of_lines(good, header, separator)
        if table is None:
            return None
        tables.append(table)
    if header is None or len(header) < 2 or not rows:
        return None
    return Read(pl.concat(tables), frame_of(aside), pl.Series("row", rows, dtype=pl.Int64))


def _of_lines(lines: list[bytes], header: list[str], separator: str) -> pl.DataFrame | None:
    if not lines:
        return pl.DataFrame(schema=dict.fromkeys(header, pl.String))
    try:
        table = pl.read_csv(
            io.BytesIO(b"\n".join(lines)),
            separator=separator,
            quote_char=None,
            infer_schema=False,
            has_header=False,
            new_columns=header,
        )
    except pl.exceptions.PolarsError:
        return None
    return table if table.height == len(lines) else None


def _uneven(path: Path, number: int, line: str, separator: str, width: int) -> Rejected:
    reason = f"the row has {line.count(separator) + 1} fields for {width} columns"
    return Rejected(path.name, number, None, reason, line[:_SHOWN])


def _by_records(path: Path, separator: str, quote: str | None, encoding: str, names: list[str] | None) -> Read:
    """Read record by record: slower, and each broken one is told."""
    usual = csv.field_size_limit(LONGEST)  # 131,072 letters, which a long text may have
    try:
        with _text(path, encoding) as file:
            return _from_records(path, _records(file, separator, quote), separator, names)
    except (LookupError, UnicodeError) as error:
        raise DataError(f"{path} cannot be read as '{encoding}' ({error}): name its encoding, as in gb18030") from error
    finally:
        csv.field_size_limit(usual)


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    raw: Any = gzip.open(path) if packed else path.open("rb")  # noqa: SIM115 - the wrapper closes it
    signed = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    return io.TextIOWrapper(raw, signed, "surrogateescape", newline="")


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
        if not any(values):
            continue  # blank, or nothing but separators
        wrong = values if isinstance(values, str) else _wrong(values, len(header))
        if wrong:
            shown = separator.join(values).encode("utf-8", "replace").decode()[:_SHOWN]
            aside.append(Rejected(path.name, number, None, wrong, None if values is wrong else shown))
        else:
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
    if len(values) != width:
        return f"the row has {len(values)} fields for {width} columns"
    try:
        "".join(values).encode()
    except UnicodeEncodeError:  # a byte that could not be read is kept as half a letter
        return "the row is not UTF-8 text"
    return None
