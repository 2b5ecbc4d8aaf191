"""Takes out repeated rows, values out of range, machines, and users and items with too little; marks absent what is of no use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from palate.clean._absent import spoilt, without
from palate.clean._bots import of_machines
from palate.clean._merge import merged
from palate.clean._near import near_duplicates
from palate.clean._spoilt import Spoilt
from palate.clean._tables import impossible
from palate.clean.core import k_core
from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.types import Codes, Mask
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions


class CleanConfig(Config):
    """What is taken out, and what is marked absent."""

    absent: tuple[str, ...] = ()
    """Kinds of problems, as `check` calls them, whose cells and vectors are marked absent: those in `SPOILT`."""
    bots: Literal["leave", "thin", "drop"] = "leave"
    """Of users who act like machines, take out so many interactions that 1 − score of them stays, or all."""
    near_duplicates: Literal["leave", "merge"] = "leave"
    """Make one item of those that are nearly the same: the one with the most interactions, which gets those of all."""
    duplicates: bool = True
    """Of rows with the same user, item and kind, keep the last: by time where known, else by row."""
    times: bool = True
    """Take out interactions with an impossible time."""
    min_weight: float | None = None
    """Take out interactions that weigh less."""
    max_weight: float | None = None
    """Take out interactions that weigh more."""
    since: str | None = None
    """Take out interactions before this moment: ISO 8601, UTC where no zone is given."""
    until: str | None = None
    """Take out interactions from this moment on."""
    user_core: int = Field(1, ge=1)
    """Take out users with fewer interactions than this."""
    item_core: int = Field(1, ge=1)
    """Take out items with fewer interactions than this; both are repeated until nothing changes."""
    seed: int = Field(0, ge=0)
    """Which interactions stay where bots are thinned."""


@dataclass(frozen=True)
class CleanReport:
    """What `clean` took out, and what it marked absent."""

    before: Mapping[str, int]
    after: Mapping[str, int]
    """users, items, interactions."""
    steps: Mapping[str, int]
    """Reason -> interactions."""
    rounds: int
    rejected: pl.DataFrame
    """What was taken out, as rows for the quarantine."""
    absent: Mapping[str, Mapping[str, int]]
    """Column or part -> kind of problem -> cells that are absent for it now."""
    merged: int
    """Items that became part of another."""

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "before": dict(self.before), "after": dict(self.after), "removed": dict(self.steps), "rounds": self.rounds,
            "absent": {name: dict(kinds) for name, kinds in self.absent.items()},
            "merged": self.merged,
        }  # fmt: skip


def clean(data: Dataset, config: CleanConfig | None = None, /, **settings: Any) -> tuple[Dataset, CleanReport]:
    """Return the dataset without what the settings take out, and a report of it.

    What is marked absent stays in the tables as an empty cell. Bots are thinned rather than down-weighted: models learn
    from likes as such, whatever these weigh, and a smaller weight would say that a thing was liked less. A core above 1 also takes the users and items that fall below it out of the tables and the features; else these
    stay as they are.

    Raises:
        DataError: nothing would be left, or something is to be marked absent that cannot be.
        MissingExtraError: near-duplicates are to be merged, and a library that compares files is not installed.
    """
    config = config or CleanConfig.of(settings)
    before, found = _sizes(data), spoilt(data, config.absent)
    data, aside = without(data, found)
    if config.near_duplicates == "merge":
        data, copies = merged(data, near_duplicates(data).kept(data))
        aside.append(copies)
    n_merged = before["items"] - len(data.items)
    events = data.interactions
    reasons: list[tuple[str, Mask]] = []
    left = np.ones(len(events), dtype=bool)
    for reason, wrong in [*_ranges(events, config), *_machines(data, config)]:
        reasons.append((reason, left & wrong))
        left &= ~wrong
    if config.duplicates:
        again = np.zeros(len(events), dtype=bool)
        again[left] = _earlier(events.take(left))
        reasons.append(("a later row has the same user, item and kind", again))
        left &= ~again
    inside = np.flatnonzero(left)
    kept, rounds = k_core(events.user[inside], events.item[inside], config.user_core, config.item_core)
    outside = np.zeros(len(events), dtype=bool)
    outside[inside[~kept]] = True
    reasons.append((f"outside of the core of {config.user_core} a user and {config.item_core} an item", outside))
    left &= ~outside
    if len(events) and not left.any():
        raise DataError(f"nothing of '{data.name}' would be left: ask for a wider range or a smaller core")
    fresh = data.take_interactions(left)
    if config.user_core > 1 or config.item_core > 1:
        fresh = _shrunk(fresh, config)
    steps = {reason: int(rows.sum()) for reason, rows in reasons if rows.any()}
    rejected = pl.concat([*aside, _aside(data, reasons)])
    return fresh, CleanReport(before, _sizes(fresh), steps, rounds, rejected, _by_column(found), n_merged)


def _machines(data: Dataset, config: CleanConfig) -> list[tuple[str, Mask]]:
    if config.bots == "leave":
        return []
    return [("the user acts like a machine", of_machines(data, config.bots == "thin", config.seed))]


def _by_column(found: list[Spoilt]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for each in found:
        counts.setdefault(each.name, {})[each.kind] = len(each.codes)
    return counts


def _ranges(events: Interactions, config: CleanConfig) -> list[tuple[str, Mask]]:
    found: list[tuple[str, Mask]] = []
    if config.times:
        found.append(("the time is impossible", impossible(events)))
    if config.min_weight is not None:
        found.append((f"the weight is below {config.min_weight:g}", events.weight < config.min_weight))
    if config.max_weight is not None:
        found.append((f"the weight is above {config.max_weight:g}", events.weight > config.max_weight))
    for bound, name in ((config.since, "since"), (config.until, "until")):
        if bound is None:
            continue
        if events.time is None:
            raise DataError(f"'{name}' needs times and the dataset has none: leave it out")
        moment = _moment(bound)
        late = events.time >= moment
        found.append(
            (f"the time is {'before' if name == 'since' else 'not before'} {bound}", ~late if name == "since" else late)
        )
    return found


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"'{text}' is no moment in time: write it as 2024-05-31 or 2024-05-31T12:00:00Z") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _earlier(events: Interactions) -> Mask:
    frame = pl.DataFrame({"user": events.user, "item": events.item, "row": np.arange(len(events))})
    kind = events.column("kind")
    frame = frame.with_columns(pl.lit("").alias("kind") if kind is None else kind.alias("kind"))
    if events.time is not None:
        frame = frame.with_columns(pl.Series("time", events.time)).sort("time", maintain_order=True)
    last = frame.unique(["user", "item", "kind"], keep="last", maintain_order=False)["row"].to_numpy()
    earlier = np.ones(len(events), dtype=bool)
    earlier[last] = False
    return earlier


def _shrunk(data: Dataset, config: CleanConfig) -> Dataset:
    """Drop users and items without interactions from the tables and the features."""
    events = data.interactions
    users, user = _kept(events.user, len(data.users), config.user_core > 1)
    items, item = _kept(events.item, len(data.items), config.item_core > 1)
    of = {"users": users, "items": items}
    features = {
        name: part.take(of[part.of]) if part.of in of and len(of[part.of]) < len(part) else part
        for name, part in data.features.items()
    }
    return replace(
        data,
        users=IdMap(data.users.decode(users)),
        items=IdMap(data.items.decode(items)),
        interactions=replace(events, user=user, item=item),
        catalogue=data.catalogue.take(items),
        people=None if data.people is None else data.people.take(users),
        features=features,
    )


def _kept(codes: Codes, n: int, drop: bool) -> tuple[Codes, Codes]:
    kept = np.unique(codes).astype(np.int32) if drop else np.arange(n, dtype=np.int32)
    fresh = np.full(n, -1, dtype=np.int32)
    fresh[kept] = np.arange(len(kept), dtype=np.int32)
    return kept, fresh[codes]


def _sizes(data: Dataset) -> dict[str, int]:
    return {"users": len(data.users), "items": len(data.items), "interactions": len(data.interactions)}


def _aside(data: Dataset, reasons: list[tuple[str, Mask]]) -> pl.DataFrame:
    frames = []
    for reason, rows in reasons:
        index = np.flatnonzero(rows)
        user = data.users.series.gather(data.interactions.user[index])
        item = data.items.series.gather(data.interactions.item[index])
        frame = pl.DataFrame({"user": user, "item": item, "row": pl.Series(index + 1, dtype=pl.Int64)})
        frames.append(
            frame.select(
                pl.lit("interactions.parquet").alias("place"),
                "row",
                pl.concat_str("user", "item", separator=" → ").alias("id"),
                pl.lit(reason).alias("reason"),
                pl.Series("value", data.interactions.weight[index]).cast(pl.String),
            )
        )
    return pl.concat(frames)
