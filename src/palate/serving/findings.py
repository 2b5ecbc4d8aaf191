"""What a search found, with the reasons: which parts were near, which words matched, whose taste it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from palate.explain import Reason
from palate.retrieval import Finding, WordIndex
from palate.serving.stages import Draft

Because = Callable[[int], Sequence[str]]
"""An item code to the titles of past likes that speak for it."""


def drafted(finding: Finding, text: str | None, words: WordIndex, because: Because, user: str | None = None) -> Draft:
    """Return what was found; the amounts of the reasons of an item add up to its score.

    Args:
        finding: what was found.
        text: what was looked for.
        words: tells which words matched.
        because: tells of past likes.
        user: whose taste counted.
    """
    ranked = finding.ranked
    items = ranked.items[0][ranked.items[0] >= 0]
    codes = items.tolist()
    named = {listed.name for listed in finding.lists}
    matched = words.matched(text, codes) if text is not None and "words" in named else [{} for _ in codes]
    said: list[list[Reason]] = [[] for _ in codes]
    for listed in finding.lists:
        place = {int(code): row for row, code in enumerate(listed.items)}
        for row, code in enumerate(codes):
            at = finding.blend.places[listed.name][row]
            if not at:
                continue
            amount, score = float(finding.blend.amounts[listed.name][row]), float(ranked.scores[0][row])
            if listed.name == "words":
                said[row].append(_words(matched[row], amount, score))
            elif listed.name == "user":
                said[row].append(_taste(user or "", int(at), len(listed.items), because(code), amount, score))
            else:
                cosines = {part: float(values[place[code]]) for part, values in listed.parts.items()}
                said[row] += _near(cosines, amount, score)
    return Draft(items, np.asarray(ranked.scores[0][: len(items)], np.float32), tuple(said))


def _near(cosines: dict[str, float], amount: float, score: float) -> list[Reason]:
    """Divide what a list adds over the parts that an item has, by their cosines."""
    there = {part: cosine for part, cosine in cosines.items() if cosine == cosine}
    total = sum(there.values())
    even = total <= 0 or min(there.values()) < 0
    amounts = {part: amount * (1 / len(there) if even else cosine / total) for part, cosine in there.items()}
    return [
        Reason("part", part, part, amounts[part], _share(amounts[part], score), f"{part} {cosine:.2f}")
        for part, cosine in there.items()
    ]


def _words(matched: dict[str, list[str]], amount: float, score: float) -> Reason:
    text = "; ".join(f"{column}: {', '.join(words)}" for column, words in matched.items())
    return Reason("words", None, "words", amount, _share(amount, score), text or "words")


def _taste(user: str, place: int, of: int, likes: Sequence[str], amount: float, score: float) -> Reason:
    why = f", who liked {' and '.join(likes)}" if likes else ""
    return Reason("taste", user, user, amount, _share(amount, score), f"taste of {user}{why}: no. {place} of {of}")


def _share(amount: float, score: float) -> float | None:
    return amount / score if score > 0 else None
