"""Small worlds in which it is known where people's taste lies, so that it is known what a fusion can find and what not.

Every world has people, things with the parts `colour` and `sound`, and a true liking of each for each; likes are drawn from it. All of
them are split by things, so that what is to be found can be told from parts alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from palate.core.ids import IdMap
from palate.core.types import Floats
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions

USERS, ITEMS, LIKES = 300, 480, 30
CLASSES = 5
_TASTE = 4
"""Numbers of a taste."""
_WIDTH = 8
"""Numbers of a part."""


def one_part(rng: np.random.Generator) -> tuple[Floats, dict[str, Floats]]:
    """People like by sound alone; colour says nothing."""
    sound, colour = _taste(rng), _taste(rng)
    return _liking(rng, sound), {"colour": _seen(rng, colour), "sound": _seen(rng, sound)}


def in_the_sum(rng: np.random.Generator) -> tuple[Floats, dict[str, Floats]]:
    """People like by sound and by colour, and the two add up."""
    sound, colour = _taste(rng), _taste(rng)
    liking = _liking(rng, sound) + _liking(rng, colour)
    return liking / np.sqrt(2), {"colour": _seen(rng, colour), "sound": _seen(rng, sound)}


def parity(rng: np.random.Generator) -> tuple[Floats, dict[str, Floats]]:
    """People like things whose class of colour matches their class of sound; which matches is a matter of taste.

    Each class of colour comes with each class of sound alike often, and each taste likes each class alike often.
    """
    cells = np.arange(ITEMS) % CLASSES**2
    colour, sound = cells // CLASSES, cells % CLASSES
    taste = np.arange(USERS) % CLASSES
    matches = (colour + sound) % CLASSES == taste[:, None]
    centres = [rng.normal(size=(CLASSES, _WIDTH)) for _ in range(2)]
    parts = {
        name: (centre[of] + 0.3 * rng.normal(size=(ITEMS, _WIDTH))).astype(np.float32)
        for name, centre, of in zip(("colour", "sound"), centres, (colour, sound), strict=True)
    }
    return (8.0 * matches).astype(np.float32), parts


def missing(rng: np.random.Generator) -> tuple[Floats, dict[str, Floats]]:
    """People like by sound, which 60 % of the things lack; colour is a faint echo of it."""
    sound = _taste(rng)
    echo = 0.7 * sound + np.sqrt(1 - 0.7**2) * _taste(rng)
    parts = {"colour": _seen(rng, echo), "sound": _seen(rng, sound)}
    parts["sound"][rng.permutation(ITEMS)[: round(0.6 * ITEMS)]] = np.nan
    return _liking(rng, sound), parts


def noise(rng: np.random.Generator) -> tuple[Floats, dict[str, Floats]]:
    """People like by sound, of which most numbers are noise; colour is noise alone, and much of it."""
    sound = _taste(rng)
    loud = np.concatenate([_seen(rng, sound), rng.normal(size=(ITEMS, 3 * _WIDTH))], axis=1)
    return _liking(rng, sound), {"colour": rng.normal(size=(ITEMS, 8 * _WIDTH)), "sound": loud}


WORLDS: dict[str, Callable[[np.random.Generator], tuple[Floats, dict[str, Floats]]]] = {
    "one part": one_part,
    "sum": in_the_sum,
    "parity": parity,
    "60 % missing": missing,
    "noise": noise,
}


def world(name: str, seed: int) -> tuple[Dataset, Floats]:
    """Return a world and the true liking in it, float32[users, items].

    Each person likes LIKES things, drawn without replacement with chances that go with e^liking (Gumbel's trick).
    """
    rng = np.random.default_rng([seed, list(WORLDS).index(name)])
    liking, parts = WORLDS[name](rng)
    drawn = np.argsort(-(liking + rng.gumbel(size=liking.shape)), axis=1)[:, :LIKES]
    user, item = np.repeat(np.arange(USERS), LIKES).astype(np.int32), drawn.ravel().astype(np.int32)
    ids = IdMap(f"i{code}" for code in range(ITEMS))
    rows = Interactions(user, item, np.ones(len(user), np.float32))
    features = {part: _table(part, values) for part, values in parts.items()}
    people = IdMap(f"u{code}" for code in range(USERS))
    return Dataset(people, ids, rows, bare_catalogue(ids), features=features), liking.astype(np.float32)


def _taste(rng: np.random.Generator) -> Floats:
    """Return what things are like; float[items, taste]."""
    return rng.normal(size=(ITEMS, _TASTE))


def _liking(rng: np.random.Generator, things: Floats) -> Floats:
    """Return how much everyone likes them, who looks for one direction each; float[users, items]."""
    people = rng.normal(size=(USERS, _TASTE))
    return 3 * (people / np.linalg.norm(people, axis=1, keepdims=True)) @ things.T


def _seen(rng: np.random.Generator, things: Floats) -> Floats:
    """Return things as a part shows them: turned, and blurred a little."""
    return things @ rng.normal(size=(_TASTE, _WIDTH)) + 0.3 * rng.normal(size=(ITEMS, _WIDTH))


def _table(name: str, values: Floats) -> FeatureTable:
    present = ~np.isnan(values).any(axis=1)
    return FeatureTable(np.where(present[:, None], values, 0).astype(np.float32), present, name)
