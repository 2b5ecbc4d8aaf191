"""What a bundle answers, for the command line and for HTTP alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from palate.bundle import Bundle
from palate.core.errors import DataError, PalateError
from palate.core.part import Part
from palate.core.types import Codes
from palate.explain import SharedWords, counterfactual, part_reasons, reasons, titles
from palate.interfaces import Index, Queries, Ranked
from palate.linalg.neighbours import unit_rows
from palate.retrieval import (
    By,
    ContentSpace,
    Decode,
    ExactIndex,
    Filters,
    Finder,
    How,
    Searcher,
    Taste,
    Wanted,
    WordIndex,
    content_space,
    default_way,
    similar,
)
from palate.retrieval.indexes import registry as indexes
from palate.retrieval.indexes._choice import chosen, measured_recall
from palate.serving.diversity import Diversify
from palate.serving.findings import drafted
from palate.serving.newcomers import why
from palate.serving.options import Options
from palate.serving.people import People, Person
from palate.serving.ranker import Asked, Ranker
from palate.serving.reweighing import Reweighed
from palate.serving.schemas import Answer, Explained, Hit, Without
from palate.serving.settings import ServingSettings
from palate.serving.stages import Draft, ExplainByModel, queries

_TRIES = 2_000
"""How many sets of likes to try before the smallest set is only sought greedily."""


@dataclass(frozen=True, eq=False)
class Ready:
    """What of an engine takes time to make, and can be had of another one's instead."""

    space: ContentSpace | None
    searcher: Searcher
    words: WordIndex
    reweighed: Reweighed
    gone: Codes = field(default_factory=lambda: np.zeros(0, np.int32))
    """Items that are never found."""
    fresh: ContentSpace | None = None
    """Where items lie that the model has no vector of."""
    index: str = "exact"
    """How near vectors are found."""
    recall: float = 1.0
    """Which share of the ten nearest by content it finds, measured when it was built."""


class Engine:
    """Recommends, compares, searches and explains.

    The stages of a recommendation run in a fixed order (`Ranker`). Somebody of whom nothing is known, or for whom the
    model can score nothing, gets what is popular, and the answer says so. `decode` reads the files that are searched by;
    without it their encoders do, in this process.
    """

    def __init__(
        self,
        bundle: Bundle,
        settings: ServingSettings | None = None,
        people: People | None = None,
        decode: Decode | None = None,
        ready: Ready | None = None,
    ) -> None:
        self.bundle = bundle
        self.people = people or People(bundle)
        self.settings = settings or ServingSettings(index="exact")  # a graph pays where it is asked often
        self.model, self.catalogue = bundle.model, bundle.data.catalogue
        self.users, self.items = bundle.data.users, bundle.data.items
        self.ready = ready or self._ready(decode)
        self.space, self.searcher = self.ready.space, self.ready.searcher
        self.words = self.ready.words
        self.finder = Finder(self.searcher, self.words)
        self.filters = Filters(self.catalogue, self.items)
        self.shared = SharedWords(bundle.data.features)
        explain = ExplainByModel(self.catalogue, self.settings.reasons, self.shared)
        diversify = Diversify(self.space, self.model.liked)
        self.ranker = Ranker(
            self.model,
            self.items,
            self.filters,
            diversify,
            explain,
            self.settings.max_k,
            self.ready.reweighed,
            self.ready.gone,
        )

    def _ready(self, decode: Decode | None) -> Ready:
        name = chosen(self.settings.index, len(self.items))
        index = indexes.get(name)
        indexed = None if index is ExactIndex else lambda: _empty(index)
        space = content_space(self.model, self.bundle.standardised, _empty(index))
        searcher = Searcher(self.bundle.data.features, indexed, self.bundle.standardiser, decode)
        vectors = (
            np.zeros((0, 0), np.float32)
            if space is None or indexed is None
            else space.table.values[space.table.present]
        )
        recall = 1.0 if space is None else measured_recall(space.index, unit_rows(vectors))
        return Ready(space, searcher, WordIndex(self.catalogue), Reweighed(self.model), index=name, recall=recall)

    def recommend(
        self,
        user: str,
        k: int = 10,
        where: str | None = None,
        *,
        exclude: Sequence[str] = (),
        history: Sequence[str] = (),
        diversity: float = 0.0,
        weights: Mapping[str, float] | None = None,
        reasons: bool = True,
    ) -> Answer:
        """Return the k best new items of a user, known or not.

        Args:
            user: their id.
            k: how many.
            where: a filter, as in `price < 20`; what does not pass is left out before the k best are chosen.
            exclude: ids of items that may not come.
            history: ids of items that they just liked, which count on top of what is known, in this answer alone.
            diversity: how much the items should differ, from 0 (off) to 1.
            weights: how many times as much each part counts as it does in the model, for models by content.
            reasons: whether to say why.

        Raises:
            DataError: a number is out of range, or an item of the history is unknown.
            ConfigError: the model cannot weigh parts in this way.
            RequestError: the filter cannot be read.
        """
        weighed = tuple((weights or {}).items())
        options = Options(k, where, tuple(exclude), tuple(history), diversity, weighed, reasons)
        (answer,) = self.recommend_all([(user, options)])
        if isinstance(answer, PalateError):
            raise answer
        return answer

    def recommend_all(self, asked: Sequence[Asked]) -> list[Answer | PalateError]:
        """Return an answer to each who asks, scored together, or what is wrong with what they asked."""
        return [
            listed if isinstance(listed, PalateError) else self._answer(listed.draft, listed.popular)
            for listed in self.ranker(asked, self.people)
        ]

    def similar(self, item: str, k: int = 10, by: By | None = None, where: str | None = None) -> Answer:
        """Return the k items most like an item, of those that pass the filter `where`.

        Raises:
            DataError: the item is unknown, or items cannot be compared in that way.
            RequestError: the filter cannot be read.
        """
        code = self.items.code(item, "item")
        space = self._space_of(code)
        by = by or default_way(code, space)
        only = self._passing(where)
        draft = _draft(similar(self.model, code, self._length(k), by=by, space=space, only=only))
        shares = space.shares(code, draft.items) if by == "content" and space else {}
        rows = [{name: float(amounts[row]) for name, amounts in shares.items()} for row in range(len(draft.items))]
        return self._answer(replace(draft, reasons=tuple(part_reasons(row) for row in rows)))

    def search(
        self,
        *,
        text: str | None = None,
        image: Path | None = None,
        sound: Path | None = None,
        k: int = 10,
        where: str | None = None,
        by: How | None = None,
        user: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> Answer:
        """Return the k items that suit a text, a picture, a sound or several of them best.

        Args:
            text: words that say what is looked for.
            image: a picture that shows it.
            sound: a file that sounds like it.
            k: how many.
            where: a filter; what does not pass is left out before the k best are chosen.
            by: how the text is looked for: by vectors, words, or both (`hybrid`).
            user: whose taste ranks what was found once more; nothing changes where the model knows too little of them.
            weights: how much `text`, `image`, `sound` and `user` count.

        Raises:
            DataError: nothing can be searched in that way, or the user is unknown.
            ConfigError: a weight is wrong.
            RequestError: the filter cannot be read.
        """
        k, only = self._length(k), self._passing(where)
        taste = None if user is None else self._taste(user)
        given = {name: weight for name, weight in (weights or {}).items() if name != "user" or taste or user is None}
        finding = self.finder.find(Wanted(text, image, by, given, sound), k, only, taste)
        return self._answer(drafted(finding, text, self.words, lambda code: self._because(user, code), user))

    def explain(self, user: str, item: str, k: int | None = None) -> Explained:
        """Say why an item scores as it does for a user, and what would have changed the answer.

        Args:
            user: an id.
            item: an id.
            k: the length of the list that the item would leave without some likes; None does not look for these.

        Raises:
            DataError: the user or the item is unknown, or k is out of range.
        """
        person = self._known(user)
        code = self.items.code(item, "item")
        query = person.query(len(self.items))
        score = float(self.model.score(query)[0, code])
        if not query.history.nnz or np.isnan(score):
            return Explained(user_id=user, item_id=item, score=None, reasons=[])
        said = why(self.model, query, code, self.catalogue, self.settings.reasons, self.shared)
        without = None if k is None else self._without(query, code, self._length(k), person.seen)
        return Explained(user_id=user, item_id=item, score=score, reasons=said, without=without)

    def _without(self, query: Queries, item: int, k: int, seen: Codes) -> Without | None:
        try:
            found = counterfactual(
                self.model, query.history.indices.tolist(), item, k, seen, user=int(query.user[0]), tries=_TRIES
            )
        except DataError:  # it is not in the list
            return None
        removed = [self.items.ids[code] for code in found.removed]
        return Without(
            k=k, rank=found.rank, items=removed, rank_without=found.rank_without if removed else found.rank,
            smallest=found.smallest,
        )  # fmt: skip

    def prepare(self) -> list[str]:
        """Load the encoders and index the words now rather than at the first search; returns what cannot be had."""
        try:
            self.words.prepare()
        except DataError as error:
            return [*self.searcher.prepare(), str(error)]
        return self.searcher.prepare()

    def can_search(self) -> list[str]:
        """Return what can be searched by: `text`, `image`, `sound`."""
        there = {
            "text": bool(self.finder.ways()),
            "image": self.finder.takes_pictures(),
            "sound": self.finder.takes_sounds(),
        }
        return [modality for modality, possible in there.items() if possible]

    def can_compare(self) -> list[str]:
        """Return how items can be compared: `content`, `behaviour`."""
        ways = {"content": self.space is not None, "behaviour": self.model.name != "popularity"}
        return [way for way, possible in ways.items() if possible]

    def titles(self, items: Iterable[str]) -> list[str]:
        """Return what items are called, the id where it has no title."""
        return titles(self.catalogue, self.items, self.items.codes(items).tolist())

    def _passing(self, where: str | None) -> Codes | None:
        gone = self.ready.gone
        if where is None and not len(gone):
            return None
        passing = np.ones(len(self.items), bool) if where is None else self.filters.mask(where).copy()
        passing[gone] = False
        return np.flatnonzero(passing).astype(np.int32)

    def _space_of(self, item: int) -> ContentSpace | None:
        """Return where an item is compared by content."""
        fresh = self.ready.fresh
        return self.space if fresh is None or (self.space is not None and self.space.holds(item)) else fresh

    def _taste(self, user: str) -> Taste | None:
        """Return what a user thinks of items; nothing where nothing is known of them."""
        person = self._known(user)
        if self.model.name == "popularity":
            raise DataError(
                "a search cannot follow a user's taste, since popularity is the same for everyone: leave the user out, "
                "or train another model, such as item-knn"
            )
        query = person.query(len(self.items))
        return (lambda codes: self.model.score(query, codes)[0]) if query.history.nnz else None

    def _because(self, user: str | None, item: int) -> list[str]:
        query = queries([self.people[user or ""]], len(self.items))
        said = reasons(self.model, query, item, self.items, self.catalogue, min(2, self.settings.reasons))
        return [reason.label for reason in said if reason.kind == "liked"]

    def _known(self, user: str) -> Person:
        """Return somebody of whom something is known; says that the user is unknown where it is not so."""
        if user not in self.people:
            self.users.code(user, "user")
        return self.people[user]

    def _answer(self, draft: Draft, popular: bool = False) -> Answer:
        said = draft.reasons or tuple([] for _ in draft.items)
        rows = zip(self.items.decode(draft.items), draft.scores, said, strict=True)
        hits = [
            Hit(item_id=item, score=float(score), rank=rank, reasons=why)
            for rank, (item, score, why) in enumerate(rows, start=1)
        ]
        return Answer(items=hits, fallback="popularity" if popular else None)

    def _length(self, k: int) -> int:
        if not 1 <= k <= self.settings.max_k:
            raise DataError(f"k was {k}: ask for 1 to {self.settings.max_k} items")
        return k


def _empty(index: type[Part[Any]]) -> Index:
    made = index()
    assert isinstance(made, Index)
    return made


def _draft(ranked: Ranked) -> Draft:
    there = ranked.items[0] >= 0
    return Draft(ranked.items[0][there], ranked.scores[0][there])
