"""Who likes what, and what they therefore do: hidden tastes, popularity, time, and events drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.core.progress import track
from palate.core.rng import generator
from palate.core.types import Codes, Floats, Times
from palate.data.worlds._attributes import Attributes, Values, Vocabulary

START = 1_735_689_600
"""The first second of 2025, UTC: where the year of every world begins."""
DAY = 86_400
PERIODS = 12
"""A year is drawn in so many steps; within one, the goods on sale stay the same."""
HIDDEN = 8
"""Width of the taste that no modality shows."""

Tastes = dict[str, Floats]
"""Modality -> float32[users, values of all its attributes]; `hidden` -> float32[users, HIDDEN]."""


@dataclass(frozen=True)
class Laws:
    """What drives a choice, each in the unit of its noise: the logits of a softmax."""

    weights: Mapping[str, float]
    """Modality (or `hidden`) -> deviation of its utility over items."""
    popularity: float
    """Exponent of the Zipf law: the item of rank r is liked r^-popularity as often."""
    recency: float
    """What being new is worth; it halves every three weeks."""


def one_hot(attributes: Mapping[str, Codes], values: Values) -> Floats:
    """Return the attributes of a modality side by side, float32[items, values], so that tastes · this has deviation 1."""
    blocks = []
    for name, codes in attributes.items():
        n = len(values[name])
        block = np.eye(n, dtype=np.float32)[codes] - np.float32(1 / n)
        blocks.append(block / np.float32(np.sqrt((1 - 1 / n) * len(attributes))))
    return np.concatenate(blocks, axis=1)


def item_traits(attributes: Attributes, vocabulary: Vocabulary, n_items: int, seed: int) -> dict[str, Floats]:
    """Return what tastes are about, by modality; `hidden` traits show in no file."""
    traits = {modality: one_hot(codes, vocabulary[modality]) for modality, codes in attributes.items()}
    hidden = generator(seed, "hidden traits").normal(size=(n_items, HIDDEN)) / np.sqrt(HIDDEN)
    return {**traits, "hidden": hidden.astype(np.float32).round(4)}


def draw_tastes(vocabulary: Vocabulary, n_users: int, seed: int) -> Tastes:
    """Give each user one favourite value of each attribute, and a normal liking for each hidden trait.

    A favourite among k values has the weight sqrt(k), so that taste · traits has deviation 1 over items.
    """
    tastes: Tastes = {"hidden": generator(seed, "taste", "hidden").normal(size=(n_users, HIDDEN)).astype(np.float32)}
    for modality, attributes in vocabulary.items():
        favourites = [
            np.sqrt(len(values)) * np.eye(len(values))[generator(seed, "taste", name).integers(0, len(values), n_users)]
            for name, values in attributes.items()
        ]
        tastes[modality] = np.concatenate(favourites, axis=1).astype(np.float32)
    return {name: table.round(4) for name, table in tastes.items()}


def utility(tastes: Tastes, traits: Mapping[str, Floats], laws: Laws, users: slice = slice(None)) -> Floats:
    """Return what users think of items, popularity and novelty aside; float32[users, items]."""
    names = [name for name in traits if laws.weights.get(name, 0)]
    shape = (len(tastes["hidden"][users]), len(traits["hidden"]))
    total = np.zeros(shape, dtype=np.float32)
    for name in names:
        total += np.float32(laws.weights[name]) * (tastes[name][users] @ traits[name].T)
    return total


def draw_fame(n_items: int, exponent: float, seed: int) -> Floats:
    """Return each item's logit of popularity: a Zipf law over a random order; float32[items]."""
    rank = generator(seed, "fame").permutation(n_items) + 1
    return np.asarray(-exponent * np.log(rank), dtype=np.float32)


def draw_releases(n_items: int, fresh: float, seed: int) -> Times:
    """Return when each item came on sale: a share `fresh` during the first eleven months of the year, the rest before."""
    rng = generator(seed, "release")
    during = rng.permutation(n_items) < round(fresh * n_items)
    day = np.where(during, rng.integers(1, 330, n_items), -rng.integers(1, 700, n_items))
    return (START + day * DAY).astype(np.int64)


def days(seconds: Times) -> pl.Series:
    """Return unix seconds as dates."""
    return pl.Series(seconds * 1000).cast(pl.Datetime("ms")).dt.date()


def draw_activity(n_users: int, n_events: int, least: int, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Return how many events each user has in each period, int64[users, PERIODS]; they add up to `n_events`."""
    rng = generator(seed, "activity")
    share = rng.lognormal(sigma=0.7, size=n_users)
    count = np.full(n_users, least)
    while (left := n_events - count.sum()) > 0:
        open_ = np.where(count < most, share, 0)
        count = np.minimum(count + rng.multinomial(left, open_ / open_.sum()), most)
    return rng.multinomial(count, np.full(PERIODS, 1 / PERIODS)).astype(np.int64)


def draw_events(
    tastes: Tastes, traits: Mapping[str, Floats], laws: Laws, fame: Floats, release: Times,
    activity: npt.NDArray[np.int64], seed: int,
) -> tuple[Codes, Codes, Times]:  # fmt: skip
    """Let users choose: without repetition, each choice a softmax over the utility of what is on sale.

    The k highest of utility + Gumbel noise are a sample of k without replacement (Kool et al. 2019, section 2.3),
    so a whole block of users is drawn at once.

    Shapes:
        activity: int64[users, PERIODS] -> user int32[n], item int32[n], time int64[n].
    """
    n_users, n_items = len(activity), len(fame)
    rows = max(1, 2_000_000 // n_items)
    users, items, times = [], [], []
    for start in track(range(0, n_users, rows), "letting people choose", unit="blocks"):
        block = slice(start, min(start + rows, n_users))
        rng = generator(seed, "events", start)
        liking = utility(tastes, traits, laws, block) + fame
        for period in range(PERIODS):
            opening = START + period * 365 * DAY // PERIODS
            age = (opening - release) / (21 * DAY)
            novelty = np.where(age >= 0, laws.recency * 0.5 ** np.maximum(age, 0), -np.inf).astype(np.float32)
            chosen, good = _choose(liking + novelty, activity[block, period], rng)
            liking[chosen, good] = -np.inf
            users.append((chosen + start).astype(np.int32))
            items.append(good.astype(np.int32))
            times.append(opening + rng.integers(0, 365 * DAY // PERIODS, len(good)))
    return np.concatenate(users), np.concatenate(items), np.concatenate(times)


def _choose(
    logits: Floats, counts: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw `counts[u]` columns of row u without replacement; return the rows and columns."""
    noise = rng.standard_exponential(logits.shape, dtype=np.float32)
    keys = logits - np.log(np.maximum(noise, np.float32(1e-30)))
    widest = min(int(counts.max(initial=0)), logits.shape[1])
    if widest == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    top = np.argpartition(-keys, widest - 1, axis=1)[:, :widest]
    order = np.argsort(-np.take_along_axis(keys, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    wanted = (np.arange(widest) < counts[:, None]) & np.isfinite(np.take_along_axis(keys, top, axis=1))
    row, place = np.nonzero(wanted)
    return row, top[row, place]


def draw_bots(users: Codes, n_items: int, each: int, release: Times, seed: int) -> tuple[Codes, Codes, Times]:
    """Let bots take `each` random items within an hour; same shapes as `draw_events`."""
    rng = generator(seed, "bots at work")
    hour = START + 360 * DAY + rng.integers(0, 4 * DAY, len(users))
    on_sale = np.flatnonzero(release <= START + 360 * DAY)
    items = [rng.permutation(on_sale)[:each] for _ in users]
    length = np.array([len(chosen) for chosen in items], dtype=np.int64)
    start = np.repeat(hour, length)
    item = np.concatenate(items) if items else np.zeros(0, np.int64)
    return np.repeat(users, length).astype(np.int32), item.astype(np.int32), start + rng.integers(0, 3600, len(start))
