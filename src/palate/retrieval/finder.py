"""Search of every kind: by a text, a picture, a sound or several of them, for somebody; by vectors, by words, or by both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from palate.core.errors import ConfigError, DataError, WeightsError, did_you_mean
from palate.core.types import Codes, Floats
from palate.interfaces import Ranked
from palate.linalg.topk import top_k
from palate.retrieval.blend import Blend, Listed, blend, weights_of
from palate.retrieval.searcher import Found, Searcher
from palate.retrieval.words import WordIndex

How = Literal["vectors", "words", "hybrid"]
_HELD = 2 / 3
"""In a hybrid search the list of words holds what has this share of the text, by rarity, of what the fullest has: half a
text would else push aside what the vectors alone know to be meant."""
_DEEP = 1000
"""Items of a list that count."""
Taste = Callable[[Codes], Floats]
"""Item codes to what a user thinks of them; NaN where that is not known."""


@dataclass(frozen=True)
class Wanted:
    """What is looked for.

    Example:
        >>> Wanted(text="a wooden lamp", weights={"text": 0.7}).by is None
        True
    """

    text: str | None = None
    image: Path | None = None
    by: How | None = None
    """How a text is looked for; both ways where nothing is said and both can be gone."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """How much `text`, `image`, `sound` and `user` count, from 0 to 1."""
    sound: Path | None = None


@dataclass(frozen=True, eq=False)
class Finding:
    """What was found: the ranking, what each list adds, and the lists themselves."""

    blend: Blend
    lists: tuple[Listed, ...]

    @property
    def ranked(self) -> Ranked:
        """The best items."""
        return self.blend.ranked


class Finder:
    """Looks for items by vectors and by words, and joins what was found by reciprocal rank.

    Each way of asking gives a list of at most a thousand items; the lists are blended by weight. A text that is looked
    for by both ways gives half its weight to each, and words then find only what holds most of it. Where pictures have
    vectors in a space that texts share, a text is looked for among them, too, and so is a picture among texts. A user adds no item: their taste ranks the best of what was found,
    a hundred or ten times as many as are wanted, once more.

    Args:
        searcher: looks by vectors.
        words: looks by words.
    """

    def __init__(self, searcher: Searcher, words: WordIndex) -> None:
        self.searcher = searcher
        self.words = words

    def ways(self) -> list[How]:
        """Return how a text can be looked for; the last is the default."""
        vectors, words = self._asks("text"), bool(self.words.columns)
        there = {"vectors": vectors, "words": words, "hybrid": vectors and words}
        return [way for way in get_args(How) if there[way]]

    def takes_pictures(self) -> bool:
        """Tell whether a picture can be looked for."""
        return self._asks("image")

    def takes_sounds(self) -> bool:
        """Tell whether a sound can be looked for."""
        return self._asks("audio")

    def find(self, wanted: Wanted, k: int = 10, only: Codes | None = None, taste: Taste | None = None) -> Finding:
        """Return the k best items, of `only` where that is given.

        Args:
            wanted: what is looked for.
            k: how many.
            only: the codes that may be found; None lets all.
            taste: what a user thinks of items; without one, nobody's taste counts.

        Raises:
            DataError: nothing was given, it cannot be read, or it cannot be searched in that way.
            ConfigError: a weight or the way is wrong.
        """
        asked = [name for name in ("text", "image", "sound") if getattr(wanted, name) is not None]
        if not asked:
            raise DataError("a search takes a text, a picture, a sound or several of them: give at least one")
        weights = weights_of([*asked, *(["user"] if taste is not None else [])], wanted.weights)
        lists = [listed for listed in self._lists(wanted, weights, max(_DEEP, k), only) if listed.weight > 0]
        if taste is not None and weights["user"] > 0:
            lists += _liked(blend(lists, max(100, 10 * k)).ranked.items[0], taste, weights["user"])
        return Finding(blend(lists, k), tuple(lists))

    def _lists(self, wanted: Wanted, weights: Mapping[str, float], k: int, only: Codes | None) -> Iterator[Listed]:
        if wanted.text is None and wanted.by is not None:
            raise ConfigError(f"by={wanted.by} says how a text is looked for: give a text, or leave it out")
        if wanted.text is not None:
            yield from self._by_text(wanted.text, self._way(wanted.by), weights["text"], k, only)
        if wanted.image is not None:
            yield _vectors("image", weights["image"], self.searcher.by_image(wanted.image, k, only))
        if wanted.sound is not None:
            yield _vectors("sound", weights["sound"], self.searcher.by_sound(wanted.sound, k, only))

    def _asks(self, modality: str) -> bool:
        """Tell whether vectors can be asked by a modality."""
        return bool(self.searcher.parts(modality) or self.searcher.across(modality))

    def _by_text(self, text: str, way: How, weight: float, k: int, only: Codes | None) -> list[Listed]:
        if way == "vectors":
            return [_vectors("text", weight, self.searcher.by_text(text, k, only))]
        if way == "words":
            return [_ranked("words", weight, self.words.search(text, k, only))]
        try:
            return _shared_out(
                weight,
                [
                    lambda: _vectors("text", 1, self.searcher.by_text(text, k, only)),
                    lambda: _ranked("words", 1, self.words.search(text, k, only, _HELD)),
                ],
            )
        except WeightsError as error:
            raise WeightsError(f"{error}; a search by words needs no encoder") from error

    def _way(self, by: How | None) -> How:
        ways = self.ways()
        if by is not None and by not in get_args(How):
            raise ConfigError(f"a text cannot be looked for by '{by}': {did_you_mean(by, get_args(How))}")
        if by == "hybrid" and by not in ways:
            raise DataError(
                f"a text cannot be looked for by vectors and words at once, since only {ways[0] if ways else 'neither'} "
                "can be: leave 'by' out"
            )
        return by or (ways[-1] if ways else "vectors")


def _shared_out(weight: float, ways: Sequence[Callable[[], Listed]]) -> list[Listed]:
    """Return the lists of those ways that can make something of what is asked, each with an equal share of the weight."""
    made, troubles = [], []
    for way in ways:
        try:
            made.append(way())
        except DataError as error:
            troubles.append(error)
    if troubles and not any(len(listed.items) for listed in made):
        raise troubles[0]
    return [replace(listed, weight=weight / len(made)) for listed in made]


def _vectors(name: str, weight: float, found: Found) -> Listed:
    listed = _ranked(name, weight, found.ranked)
    return replace(listed, parts={part: values[: len(listed.items)] for part, values in found.parts.items()})


def _ranked(name: str, weight: float, ranked: Ranked) -> Listed:
    there = ranked.items[0] >= 0
    return Listed(name, weight, ranked.items[0][there], ranked.scores[0][there])


def _liked(found: Codes, taste: Taste, weight: float) -> list[Listed]:
    """Rank what was found by somebody's taste; nothing where that is not known of any of it."""
    codes = np.sort(found[found >= 0])
    if not len(codes):
        return []
    best = top_k(taste(codes)[None, :], len(codes))
    there = best.items[0][best.items[0] >= 0]
    return [Listed("user", weight, codes[there], best.scores[0][: len(there)])] if len(there) else []
