"""Cells of a column, and rows of a part, that hold something of no use."""

from __future__ import annotations

from dataclasses import dataclass

from palate.clean._problem import Problem, problem
from palate.core.types import Codes
from palate.data.dataset import Dataset
from palate.data.features import Of, part_name

SPOILT = {
    "stray-media": "the path leads out of the dataset folder",
    "missing-file": "the file is not there",
    "broken-media": "the file cannot be opened",
    "huge-media": "the picture is too large to be decoded",
    "blank-picture": "the picture is of one colour",
    "silent-sound": "nothing is heard",
    "clipped-sound": "the sound is cut off at the loudest",
    "empty-text": "the text says nothing",
    "stray-language": "hardly any other text is in this language",
    "outlier": "the vector is far from all others of its part",
    "mismatch": "the vector does not go with the item's other parts",
}
"""Kinds of problems whose cells `clean` can mark absent, and the reason that the quarantine then gives."""


@dataclass(frozen=True, eq=False)
class Spoilt:
    """What kind of problem, in which column or part, and in which rows.

    Shapes:
        codes: int[n], rows of items, users or interactions; details: n sentences, or none.
    """

    kind: str
    what: str
    """A sentence; the first `{n}` becomes the number of rows."""
    of: Of
    column: str
    """As the table calls it, or the name of a part that was made of no column."""
    codes: Codes
    details: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the part of that column is called."""
        return part_name(self.column, self.of)

    def problems(self, data: Dataset) -> list[Problem]:
        """Return it as one problem, or none where no row has it."""
        ids = data.names_of(self.of, self.codes)
        told = [f"{who} {more}" for who, more in zip(ids, self.details, strict=True)] if self.details else ()
        return problem(self.kind, self.what, ids, self.name, details=told)
