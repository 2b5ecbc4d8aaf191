"""What was set aside, and why: nothing is dropped silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from palate.core.errors import StoreError
from palate.core.files import locked, replacing_file

FILE = "quarantine.parquet"
SCHEMA = pl.Schema(
    {
        "step": pl.String,
        "place": pl.String,
        "row": pl.Int64,
        "id": pl.String,
        "reason": pl.String,
        "value": pl.String,
    }
)
_ROW_SCHEMA = {name: kind for name, kind in SCHEMA.items() if name != "step"}


@dataclass(frozen=True)
class Rejected:
    """One row or file that was set aside.

    `place` is the table or the column, `row` counts data rows from 1, `id` tells whose row it was, `value` is what
    was found there.
    """

    place: str
    row: int | None
    id: str | None
    reason: str
    value: str | None


def frame_of(rows: Sequence[Rejected]) -> pl.DataFrame:
    """Return rejected rows as a table with the columns place, row, id, reason, value."""
    return pl.DataFrame([asdict(row) for row in rows], schema=_ROW_SCHEMA)


def append(folder: Path, step: str, rows: Sequence[Rejected] | pl.DataFrame) -> None:
    """Write rows into the folder's quarantine; those that the same step wrote before are replaced.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> append(folder, "import", [Rejected("events.csv", 7, "u1", "the weight is NaN", "nan")])
        >>> read(folder)["reason"].to_list()
        ['the weight is NaN']
    """
    frame = rows if isinstance(rows, pl.DataFrame) else frame_of(rows)
    fresh = frame.select(pl.lit(step).alias("step"), *(pl.col(name).cast(kind) for name, kind in _ROW_SCHEMA.items()))
    if fresh.is_empty() and not (folder / FILE).is_file():
        return
    with locked(folder / ".quarantine.lock"):  # two columns may be encoded at once
        old = read(folder)
        kept = old.filter(pl.col("step") != step)
        if fresh.is_empty() and kept.height == old.height:
            return
        with replacing_file(folder / FILE) as aside:
            pl.concat([kept, fresh]).write_parquet(aside)


def read(folder: Path) -> pl.DataFrame:
    """Return the folder's quarantine with the columns step, place, row, id, reason, value; empty where there is none.

    Raises:
        StoreError: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return pl.DataFrame(schema=SCHEMA)
    try:
        return pl.read_parquet(path, memory_map=False).select(SCHEMA.names())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path} could not be read ({error}): remove it, or import again") from error


def reasons(frame: pl.DataFrame) -> dict[str, int]:
    """Return how many rows each reason set aside, most first."""
    counts = frame.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    return dict(zip(counts["reason"].to_list(), counts["len"].to_list(), strict=True))
