"""Which interactions taught a part, so that no other cut of them is judged by what it was learned from."""

from __future__ import annotations

from collections.abc import Mapping

from palate.core.errors import DataError
from palate.core.fingerprint import fingerprint
from palate.core.types import JSON
from palate.data.dataset import Dataset


def taught_by(train: Dataset, how: str, seed: int) -> dict[str, JSON]:
    """Return what a part remembers of the training part of a split by `how` that it was learned from.

    Nothing of it leads back to a person: it is counts and digests.
    """
    n = len(train.users)
    return {"how": how, "seed": seed, "users": n, "who": _who(train, n), "rows": _rows(train)}


def refuse_taught(data: Dataset, train: Dataset, how: str) -> None:
    """Refuse a cut of these data where a part was learned from another one, of which the test may hold a piece.

    Parts that were learned from the interactions of other people do no harm.

    Raises:
        DataError: there is such a part.
    """
    for name, table in data.features.items():
        if table.taught is not None and _same_people(data, table.taught) and table.taught["rows"] != _rows(train):
            before = f"--how {table.taught['how']} --seed {table.taught['seed']}"
            raise DataError(
                f"the part '{name}' was fine-tuned on the training part of another split ({before}) than this one ({how}), whose test "
                f"it may have seen: split as it was, leave it out by naming other parts (--parts), or fine-tune it again"
            )


def _same_people(data: Dataset, taught: Mapping[str, JSON]) -> bool:
    """Tell whether a part was learned from these people, or from the first of them, before others came."""
    return len(data.users) >= int(taught["users"]) > 0 and _who(data, int(taught["users"])) == taught["who"]


def _who(data: Dataset, n: int) -> str:
    return fingerprint(data.users.series[:n])


def _rows(train: Dataset) -> str:
    events = train.interactions
    return fingerprint(train.users.series.gather(events.user), train.items.series.gather(events.item))
