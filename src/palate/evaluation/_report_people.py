"""The report's people: what some users liked beside what they are recommended."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import scipy.sparse as sp

from palate.core.rng import generator
from palate.core.types import Codes
from palate.data.dataset import Dataset
from palate.evaluation._report_media import Media
from palate.evaluation._scoring import relevant_items
from palate.explain import reasons, titles
from palate.interfaces import Queries
from palate.linalg.topk import top_k
from palate.models import Model

_LIKED = 8
_SHOWN = 8
_SOUND_BYTES = 1_000_000


def people(model: Model[Any], known: Dataset, test: Dataset, count: int, seed: int, media: Media) -> str:
    """Return one section a user; the users are drawn, not picked, among those with a like to find and one to show."""
    relevant = relevant_items(known, test)
    eligible = np.flatnonzero((np.diff(relevant.indptr) > 0) & (np.diff(known.liked.indptr) > 0))
    if len(eligible) == 0:
        return ""
    drawn = generator(seed, "report").choice(eligible, size=min(count, len(eligible)), replace=False)
    codes = np.sort(drawn).astype(np.int32)
    queries = Queries.of_users(known, codes)
    scores = model.score(queries).copy()
    scores[sp.csr_array(known.seen[codes]).tocoo().coords] = np.nan
    lists = top_k(scores, _SHOWN).items
    sections = []
    for row, code in enumerate(codes):
        media.sound_bytes += _SOUND_BYTES // len(codes)
        wanted = set(relevant[[code]].indices.tolist())
        sections.append(_person(model, known, int(code), lists[row], wanted, media))
    return "".join(sections)


def _person(model: Model[Any], known: Dataset, code: int, listed: Codes, wanted: set[int], media: Media) -> str:
    query = Queries.of_users(known, np.array([code], np.int32))
    past, total = latest_likes(known, code)
    offered = [int(item) for item in listed if item >= 0]
    shelf = _shelf(known, offered, media, [_why(model, known, query, item) for item in offered], wanted)
    hits = sum(item in wanted for item in offered)
    missing = len(wanted) - hits
    return (
        f'<section class="person"><h3>user {escape(known.users.ids[code])}</h3>'
        f'<div class="sides"><div><h4>liked <small>{_counted(past, total)}</small></h4>'
        f'<div class="shelf">{_shelf(known, past, media)}</div></div>'
        f"<div><h4>recommended <small>{hits} of these in fact liked"
        f"{f', {missing} more to be found' if missing else ''}</small></h4>"
        f'<div class="shelf">{shelf or "nothing could be scored"}</div></div></div></section>'
    )


def _why(model: Model[Any], known: Dataset, query: Queries, item: int) -> list[str]:
    found = reasons(model, query, item, known.items, known.catalogue, most=1)
    parts = [reason.text for reason in found if reason.kind == "part"]
    others = [reason.text for reason in found if reason.kind != "part"]
    return [*others, *([", ".join(parts[:3])] if len(parts) > 1 else [])]


def latest_likes(known: Dataset, code: int) -> tuple[list[int], int]:
    """Return the items that a user liked, latest first, at most eight, and how many there are in all."""
    log = known.interactions
    rows = np.flatnonzero((log.user == code) & known.liked_rows)
    if log.time is not None:
        rows = rows[np.argsort(-log.time[rows], kind="stable")]
    items = list(dict.fromkeys(log.item[rows].tolist()))
    return items[:_LIKED], len(items)


def _counted(shown: Sequence[int], total: int) -> str:
    return f"{total}" if len(shown) == total else f"{len(shown)} of {total}"


def _shelf(
    known: Dataset, codes: Sequence[int], media: Media, why: Sequence[Sequence[str]] = (), wanted: set[int] = frozenset()  # type: ignore[assignment]
) -> str:  # fmt: skip
    names = titles(known.catalogue, known.items, codes)
    cards = []
    for index, (code, name) in enumerate(zip(codes, names, strict=True)):
        reason = "".join(f"<small>{escape(line)}</small>" for line in why[index]) if index < len(why) else ""
        badge = '<span class="badge" title="liked: an item of the test part">✓</span>' if code in wanted else ""
        cards.append(
            f"<figure{' class=hit' if code in wanted else ''}>{badge}{media.picture(code, name)}"
            f'<figcaption><b title="{escape(name)}">{escape(name)}</b>{reason}</figcaption>{media.sound(code, name)}</figure>'
        )
    return "".join(cards)
