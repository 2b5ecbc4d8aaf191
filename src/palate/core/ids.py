"""External ids (text) and internal codes (int32), one to one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
import polars as pl

from palate.core.errors import DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.core.types import Codes


class IdMap:
    """A bijection of external ids (str) and codes 0 … n-1, in order of first appearance.

    Example:
        >>> ids = IdMap(["b", "a", "b"])
        >>> ids.ids, ids.codes(["a", "z"]).tolist()
        (('b', 'a'), [1, -1])
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids: tuple[str, ...] = tuple(dict.fromkeys(map(str, ids)))

    @classmethod
    def of_series(cls, *columns: pl.Series) -> IdMap:
        """Build from text columns, in order of first appearance across them."""
        joined = pl.concat([column.cast(pl.String).alias("id") for column in columns])
        return cls(joined.unique(maintain_order=True).to_list())

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.ids)}

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the ids in order."""
        return fingerprint(self.series)

    @cached_property
    def series(self) -> pl.Series:
        """The ids as a text column, row = code."""
        return pl.Series("id", self.ids, dtype=pl.String)

    def codes(self, ids: Iterable[str]) -> Codes:
        """Return the code of each id, -1 where it is unknown."""
        known = self._codes
        return np.fromiter((known.get(name, -1) for name in ids), dtype=np.int32)

    def encode(self, column: pl.Series) -> Codes:
        """Return the code of each row of a text column, -1 where it is unknown or null; fast for millions of rows."""
        frame = pl.DataFrame({"id": self.series, "code": np.arange(len(self), dtype=np.int32)})
        joined = column.cast(pl.String).alias("id").to_frame().join(frame, on="id", how="left", maintain_order="left")
        return joined["code"].fill_null(-1).to_numpy().astype(np.int32, copy=False)

    def code(self, name: str, what: str = "id") -> int:
        """Return one id's code.

        Raises:
            DataError: there is none; the message suggests the nearest.
        """
        if name in self._codes:
            return self._codes[name]
        near = did_you_mean(name, self.ids) if len(self) <= 20 else f"there are {len(self):,}, such as '{self.ids[0]}'"
        raise DataError(f"there is no {what} '{name}': {near}")

    def decode(self, codes: Iterable[int]) -> list[str]:
        """Return the ids of codes."""
        return [self.ids[code] for code in codes]

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __contains__(self, name: object) -> bool:
        return name in self._codes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdMap) and self.ids == other.ids

    def __hash__(self) -> int:
        return hash(self.ids)

    def __repr__(self) -> str:
        return f"IdMap({len(self):,} ids)"
