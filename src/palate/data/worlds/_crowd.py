"""The people of a world: their tastes, what they do over the year, and what knowing a taste is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Generic

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.core.rng import generator
from palate.core.types import Floats, Mask
from palate.data.worlds import _people as people
from palate.data.worlds._items import Items, S

_JUDGES, _CELLS = 1_000, 20_000_000
"""At most so many users are asked what a modality is worth; fewer where the items are many."""
_CHUNK = 1 << 18
_REGIONS = ("north", "east", "south", "west")


class Crowd(Generic[S]):
    """The users, drawn once: tastes, popularity, and every event."""

    def __init__(self, config: S, items: Items[S]) -> None:
        n_items, n_users, seed = config.n_items, config.n_users, config.seed
        self.config = config
        self.ids = [f"u{index:0{len(str(n_users))}d}" for index in range(1, n_users + 1)]
        self.traits, self.hints = items.traits(), items.hints()
        self.tastes = people.draw_tastes(items.vocabulary, n_users, seed)
        weights = {name: float(getattr(config, f"{name}_taste")) for name in self.traits}
        self.laws = people.Laws(weights, config.popularity, config.recency)
        self.fame = people.draw_fame(n_items, config.popularity, seed)
        self.release = people.draw_releases(n_items, config.fresh, seed)
        self.is_bot = generator(seed, "bots").permutation(n_users) < round(config.bots * n_users)
        self._act()

    def _act(self) -> None:
        config, persons = self.config, np.flatnonzero(~self.is_bot)
        least = min(5, config.n_events // len(persons))
        activity = np.zeros((config.n_users, people.PERIODS), dtype=np.int64)
        activity[persons] = people.draw_activity(len(persons), config.n_events, least, config.n_items // 4, config.seed)
        events = people.draw_events(self.tastes, self.traits, self.laws, self.fame, self.release, activity, config.seed)
        bots = np.flatnonzero(self.is_bot).astype(np.int32)
        extra = people.draw_bots(bots, config.n_items, 100, self.release, config.seed)
        user, item, time = (np.concatenate([events[column], extra[column]]) for column in range(3))
        order = np.lexsort((item, user, time))
        self.user, self.item, self.time = user[order], item[order], time[order]

    def liking(self) -> Floats:
        """Return what each event's user thinks of its item, by taste alone, in deviations from the mean; float32[events]."""
        liking = np.zeros(len(self.user), dtype=np.float32)
        for start in range(0, len(liking), _CHUNK):
            part = slice(start, start + _CHUNK)
            for name, weight in self.laws.weights.items():
                tastes, traits = self.tastes[name][self.user[part]], self.traits[name][self.item[part]]
                liking[part] += np.float32(weight) * np.einsum("nd,nd->n", tastes, traits)
        spread = liking.std()
        return (liking - liking.mean()) / spread if spread > 0 else liking

    def write(self, folder: Path, items: list[str], weight: npt.NDArray[np.number], kind: Sequence[str]) -> None:
        """Write users.csv and events.csv; events in order of time, each with its weight and kind."""
        n_users, rng = len(self.ids), generator(self.config.seed, "about users")
        joined = people.START - rng.integers(0, 900, n_users) * people.DAY
        pl.DataFrame(
            {
                "user_id": self.ids,
                "region": [_REGIONS[code] for code in rng.integers(0, len(_REGIONS), n_users)],
                "joined": people.days(joined),
            }
        ).write_csv(folder / "users.csv")
        pl.DataFrame(
            {
                "user_id": pl.Series(self.ids, dtype=pl.String).gather(self.user),
                "item_id": pl.Series(items, dtype=pl.String).gather(self.item),
                "weight": weight,
                "timestamp": self.time,
                "kind": kind,
            }
        ).write_csv(folder / "events.csv")

    def worth(self) -> dict[str, float]:
        """Return Recall@20 of ranking by what is true, on a held-out fifth of what some users did."""
        most = max(50, min(_JUDGES, _CELLS // self.config.n_items))
        judges = np.flatnonzero(~self.is_bot)[:most]
        held, known = self._held_out(judges)
        tastes = {name: table[judges] for name, table in self.tastes.items()}
        worth = {
            "everything": hit_share(people.utility(tastes, self.traits, self.laws) + self.fame, held, known),
            "popularity": hit_share(np.broadcast_to(self.fame, held.shape), held, known),
        }
        for name in self.traits:
            alone = people.Laws({name: 1.0}, 0, 0)
            worth[name] = hit_share(people.utility(tastes, self.traits, alone), held, known)
        for name, (modality, foretold) in self.hints.items():
            worth[name] = hit_share(tastes[modality] @ foretold.T, held, known)
        worth["chance"] = float((20 / (~known).sum(axis=1)).mean())
        return {name: round(share, 4) for name, share in worth.items()}

    def _held_out(self, judges: npt.NDArray[np.int64]) -> tuple[Mask, Mask]:
        """Return a random fifth of what the judges did, and the rest; bool[judges, items] each."""
        place = np.full(len(self.ids), -1)
        place[judges] = np.arange(len(judges))
        rows = np.flatnonzero(place[self.user] >= 0)
        fifth = generator(self.config.seed, "worth").random(len(rows)) < 0.2
        held, known = (np.zeros((len(judges), self.config.n_items), dtype=bool) for _ in range(2))
        for mask, chosen in ((held, rows[fifth]), (known, rows[~fifth])):
            mask[place[self.user[chosen]], self.item[chosen]] = True
        return held, known


def hit_share(scores: Floats, held: Mask, known: Mask, k: int = 20) -> float:
    """Return Recall@k of a scoring: the mean share of each user's held items among their k best unknown ones; 0 where none are held.

    Shapes:
        scores, held, known: [users, items].
    """
    keys = np.where(known, -np.inf, scores)
    top = np.argpartition(-keys, k - 1, axis=1)[:, :k]
    hits = np.take_along_axis(held, top, axis=1).sum(axis=1)
    some = held.sum(axis=1) > 0
    return float((hits[some] / held.sum(axis=1)[some]).mean()) if some.any() else 0.0
