"""Who gets which items: many people in one go, each with options of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from palate.core.errors import DataError, PalateError
from palate.core.ids import IdMap
from palate.core.types import Codes, Floats
from palate.models import Model
from palate.retrieval import Filters
from palate.serving.diversity import POOL, Diversify
from palate.serving.layout import laid_out
from palate.serving.options import Options
from palate.serving.people import People, Person
from palate.serving.reweighing import Reweighed
from palate.serving.stages import Ask, ByPopularity, Draft, Score, best, by_model, explain_by_popularity, hide

_NONE = np.zeros(0, np.int32)
_CELLS = 8_000_000
"""Scores that are held at a time."""
Asked = tuple[str, Options]
"""A user's id, and what they want."""


@dataclass(frozen=True, eq=False)
class Listed:
    """A list, and whether it is of what is popular, since the model knows too little."""

    draft: Draft
    popular: bool = False


class Ranker:
    """Runs the stages in a fixed order: score, filter, rank, rerank, explain.

    Somebody of whom nothing is known, or for whom the model can score nothing, gets what is popular. Those who ask at the same time
    are scored in one call of the model.
    """

    def __init__(
        self,
        model: Model[Any],
        items: IdMap,
        filters: Filters,
        diversify: Diversify,
        explain: Callable[[Ask, Draft], Draft],
        max_k: int,
        reweighed: Reweighed,
        gone: Codes = _NONE,
    ) -> None:
        self.gone = gone
        self.model, self.items, self.filters, self.max_k = laid_out(model), items, filters, max_k
        self.diversify, self.explain = diversify, explain
        self.reweighed = reweighed.over(model)
        self.popular = ByPopularity(_counts(model))

    def __call__(self, asked: Sequence[Asked], people: People) -> list[Listed | PalateError]:
        """Return a list for each, or what is wrong with what they asked; the others are not disturbed by it."""
        found: dict[int, Listed | PalateError] = {}
        asks: dict[int, Ask] = {}
        for place, (user, options) in enumerate(asked):
            try:
                asks[place] = self.ask(people[user], options)
            except PalateError as error:
                found[place] = error
        for places in self._together(asks):
            try:
                lists: Sequence[Listed | PalateError] = self._lists([asks[place] for place in places])
            except PalateError as error:
                lists = [error] * len(places)
            found.update(zip(places, lists, strict=True))
        return [found[place] for place in range(len(asked))]

    def ask(self, person: Person, options: Options) -> Ask:
        """Look up what somebody asks.

        Raises:
            DataError: a number is out of range, or an item of the history is unknown. RequestError: the filter cannot be read.
            ConfigError: the model cannot weigh parts in this way.
        """
        options.check(self.max_k)
        if options.history:
            person = _with(person, _known(self.items, options.history))
        hidden = person.seen
        if options.exclude:
            codes = self.items.codes(options.exclude)
            hidden = np.union1d(hidden, codes[codes >= 0])
        if len(self.gone):
            hidden = np.union1d(hidden, self.gone)
        only = None if options.where is None else self.filters.mask(options.where)
        return Ask(person, hidden, options, self.reweighed(options.weights) if options.weights else self.model, only)

    def _together(self, asks: Mapping[int, Ask]) -> Iterator[list[int]]:
        """Say who can be scored in one call: those with the same model, and so many that the scores fit."""
        groups: dict[int, list[int]] = {}
        for place, ask in asks.items():
            groups.setdefault(id(ask.model), []).append(place)
        rows = max(1, _CELLS // max(1, len(self.items)))
        for places in groups.values():
            for start in range(0, len(places), rows):
                yield places[start : start + rows]

    def _lists(self, asks: Sequence[Ask]) -> list[Listed]:
        known = [place for place, ask in enumerate(asks) if len(ask.person.liked)]
        ranked = dict(zip(known, _ranked(by_model, [asks[place] for place in known]), strict=True))
        strangers = [
            place for place in range(len(asks)) if place not in ranked or self._nothing(asks[place], ranked[place])
        ]
        popular = dict(zip(strangers, _ranked(self.popular, [asks[place] for place in strangers]), strict=True))
        return [
            Listed(self._finished(ask, popular[place], explain_by_popularity), True)
            if place in popular
            else Listed(self._finished(ask, ranked[place], self.explain))
            for place, ask in enumerate(asks)
        ]

    def _nothing(self, ask: Ask, draft: Draft) -> bool:
        """Tell whether the model, and not a filter, left nothing to recommend."""
        if len(draft.items):
            return False
        return ask.only is None or not len(_ranked(by_model, [replace(ask, only=None)])[0].items)

    def _finished(self, ask: Ask, draft: Draft, explain: Callable[[Ask, Draft], Draft]) -> Draft:
        options = ask.options
        if options.diversity:
            draft = self.diversify(draft, options.k, options.diversity)
        return explain(ask, draft) if options.reasons else draft


def _ranked(score: Score, asks: Sequence[Ask]) -> list[Draft]:
    if not asks:
        return []
    return best(hide(score(asks), asks), [POOL if ask.options.diversity else ask.options.k for ask in asks])


def _known(items: IdMap, names: Sequence[str]) -> Codes:
    codes = items.codes(names)
    if (codes < 0).any():
        unknown = [name for name, code in zip(names, codes, strict=True) if code < 0]
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        shown = ", ".join(f"'{name[:40]}'" for name in unknown[:5])
        raise DataError(f"history names {shown}{more}, of which there is no item: name items of the catalogue")
    return codes


def _with(person: Person, codes: Codes) -> Person:
    """Return a person who liked some more items."""
    return Person(person.code, np.union1d(person.liked, codes), np.union1d(person.seen, codes))


def _counts(model: Model[Any]) -> Floats:
    counts = np.asarray(model.liked.sum(axis=0), np.float32)
    met = np.asarray(model.seen.sum(axis=0)) > 0
    return np.where(met, counts, np.float32(np.nan))
