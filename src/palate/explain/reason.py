"""Why an item was recommended."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue
from palate.explain.titles import titles
from palate.explain.words import SharedWords
from palate.interfaces import Explains, Explanation, Queries
from palate.models import Model

Kind = Literal["liked", "part", "popular", "words", "taste", "new"]


@dataclass(frozen=True)
class Reason:
    """One reason; `amount` is in units of the score, `share` is its part of the sum of all amounts of its kind.

    Where a model has learned something of the person, that counts beside past likes.

    Amounts may be negative (an item liked in the past that speaks against); shares are then of the sum of sizes.
    """

    kind: Kind
    of: str | None
    """Item id (`liked`, `new`), part name (`part`), user id (`taste`), or nothing (`popular`, `words`)."""
    label: str
    """What `of` is called."""
    amount: float
    share: float | None
    text: str


def reasons(
    model: Model[Any],
    query: Queries,
    item: int,
    items: IdMap,
    catalogue: Catalogue,
    most: int = 3,
    shared: SharedWords | None = None,
) -> list[Reason]:
    """Say why `item` scores as it does for one query: past likes first, then parts, or how popular it is.

    Args:
        model: what scored it.
        query: one row.
        item: its code.
        items: ids by code.
        catalogue: where the titles are.
        most: how many past likes to name; those that speak against the item are not named.
        shared: what parts have in common in words, to be named with them.
    """
    if model.name == "popularity":
        count = model.score(query, np.array([item], np.int32))[0, 0]
        return [] if np.isnan(count) else [popular(int(count))]
    if not isinstance(model, Explains):
        return []
    explanation = model.explain(query, item)
    liked = query.history.indices.tolist()
    words = {part: shared.of(part, item, liked) for part, amount in explanation.parts.items() if shared and amount > 0}
    return [*_liked(explanation, items, catalogue, most), *part_reasons(explanation.parts, words)]


def popular(people: int) -> Reason:
    """Return the reason of a popularity list.

    Example:
        >>> popular(12).text
        'popular: 12 people liked it'
    """
    text = f"popular: {people:,} {'person' if people == 1 else 'people'} liked it"
    return Reason("popular", None, "popularity", float(people), None, text)


def new(item: str, title: str) -> Reason:
    """Return the reason of an item that nobody has met yet: the known one that it is most like.

    Example:
        >>> new("p7", "Red mug").text
        'new: by what it is, most like Red mug'
    """
    return Reason("new", item, title, 0.0, None, f"new: by what it is, most like {title}")


def _liked(explanation: Explanation, items: IdMap, catalogue: Catalogue, most: int) -> list[Reason]:
    history = explanation.history
    total = _size({**history, None: explanation.own})
    speaking = (code for code, amount in history.items() if amount > 0)
    named = heapq.nsmallest(most, speaking, key=lambda code: (-history[code], code))
    rows = zip(named, titles(catalogue, items, named), strict=True)
    return [
        Reason(
            "liked", items.ids[code], title, float(history[code]), history[code] / total, f"because you liked {title}"
        )
        for code, title in rows
    ]


def part_reasons(parts: Mapping[str, float], words: Mapping[str, Sequence[str]] | None = None) -> list[Reason]:
    """Return one reason a part, the biggest first; none where behaviour is all there is, which says nothing.

    The text of a part that speaks against the item says so. A part that adds nothing, such as the picture of an item without
    one, is no reason. `words` tell of a part what the item has in common with what was liked.

    Example:
        >>> [reason.text for reason in part_reasons({"title": 0.2, "photo": 0.6})]
        ['photo 75 %', 'title 25 %']
        >>> part_reasons({"sound": 0.4}, {"sound": ["drums", "fast"]})[0].text
        'sound (drums, fast) 100 %'
        >>> [reason.text for reason in part_reasons({"title": 1.0, "photo": -0.25, "sound": -0.001})]
        ['title 80 %', 'sound 0 %', 'photo 20 % against']
    """
    if set(parts) == {"behaviour"}:
        return []
    total = _size(parts)
    ordered = sorted((name for name in parts if parts[name]), key=lambda name: (-parts[name], name))
    found = []
    for name in ordered:
        common = (words or {}).get(name)
        label = f"{name} ({', '.join(common)})" if common else name
        share = parts[name] / total
        against = " against" if round(100 * share) < 0 else ""
        text = f"{label} {100 * abs(share):.0f} %{against}"
        found.append(Reason("part", name, label, float(parts[name]), share, text))
    return found


def _size(amounts: Mapping[Any, float]) -> float:
    return float(np.abs(list(amounts.values())).sum()) or 1.0
