"""Items that a model never met, placed as a live service places them: how well they are ranked, and how much of a list they take.

    python benchmarks/quality/newcomers.py --real FOLDER --out FOLDER [--publish docs/results]

Films are held back whole (the split cold-items), and a model learns from what people did with the others. Each person's list of 20
is made of all that they have not met, new films among them, and judged by the new films that they liked.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from grounds import GROUNDS

from palate.core.files import write_text
from palate.core.ids import IdMap
from palate.core.types import Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.interfaces import Queries, Run
from palate.linalg.topk import top_k
from palate.models import registry
from palate.retrieval import parts_space
from palate.serving.newcomers import Ground, WithNewcomers

GROUND = "movielens-posters, cold-items"
MODELS = ("item-knn", "user-knn", "ease", "als", "popularity")
K = 20


@dataclass(frozen=True)
class Row:
    """Figures of one model: recall of new films in the list of all, in that of new ones alone, and their share of the list."""

    model: str
    way: str
    recall: float
    alone: float
    share: float


def main() -> int:
    """Judge each model with and without new items."""
    words = _words()
    ground = GROUNDS[GROUND]
    cut = split(ground.data(words.real, words.out), ground.how, 0)
    rows = [row for name in MODELS for row in _judge(name, cut)]
    for row in rows:
        print(f"{row.model:12} {row.way:26} {row.recall:.4f} {row.alone:.4f} {row.share:.1%}")
    if words.publish:
        write_text(words.publish / "newcomers.md", _page(rows))
    return 0


def _judge(name: str, cut: Split) -> list[Row]:
    """Fit a model on the known films alone, and place the others behind them."""
    known, new = _known_and_new(cut)
    n, order = len(known), np.concatenate([known, new])
    data = _ordered(cut.train, order)
    model = registry.get(name)().fit(_ordered(cut.train, known), None, Run(seed=0))
    content = registry.get("content-knn")().fit(data, None, Run(seed=0))
    space = parts_space(data)
    assert space is not None
    rows = np.arange(n, len(order), dtype=np.int32)
    placed = WithNewcomers(model, Ground.of(space, model), data.items, rows)

    users = np.flatnonzero(np.diff(cut.test.history[:, new].indptr)).astype(np.int32)
    truth = cut.test.history[users][:, new].toarray() > 0
    seen = data.seen[users].toarray()[:, :n] > 0
    scores = placed.score(Queries.of_users(data, users))
    theirs, alike = scores[:, :n], content.score(Queries.of_users(data, users))
    ways = {
        "content-knn, by quantiles": _at_their_places(theirs, alike),
        "neighbours, means alone": placed.around.mean(theirs),
        "neighbours, by quantiles": scores[:, n:],
    }
    return [_row(name, way, theirs, found, truth, seen) for way, found in ways.items()]


def _known_and_new(cut: Split) -> tuple[Codes, Codes]:
    """Return the films that somebody met in training, and those of the test that nobody did."""
    met = np.asarray(cut.train.seen.sum(axis=0)).ravel() > 0
    liked = np.asarray(cut.test.history.sum(axis=0)).ravel() > 0
    return np.flatnonzero(met).astype(np.int32), np.flatnonzero(liked & ~met).astype(np.int32)


def _ordered(data: Dataset, order: Codes) -> Dataset:
    """Return a dataset of these items in this order; nobody did anything with the others."""
    place = np.full(len(data.items), -1, np.int32)
    place[order] = np.arange(len(order))
    events = data.interactions
    moved = Interactions(events.user, place[events.item], events.weight, events.time)
    features = {name: table.take(order) for name, table in data.features.items()}
    items = IdMap(data.items.decode(order))
    return replace(data, items=items, catalogue=data.catalogue.take(order), features=features, interactions=moved)


def _at_their_places(theirs: Floats, alike: Floats) -> Floats:
    """Return for each new film the score of the known one at the same place by content; NaN where content says nothing."""
    known, new = np.nan_to_num(alike[:, : theirs.shape[1]]), np.nan_to_num(alike[:, theirs.shape[1] :])
    found = np.full(new.shape, np.nan, np.float32)
    for row in range(len(new)):
        ladder = np.sort(np.nan_to_num(theirs[row], nan=-np.inf))
        place = np.searchsorted(np.sort(known[row]), new[row], side="right") - 1
        found[row] = np.where(new[row] > 0, ladder[np.maximum(place, 0)], np.nan)
    return found


def _row(model: str, way: str, theirs: Floats, found: Floats, truth: Mask, seen: Mask) -> Row:
    both = np.concatenate([np.where(seen, np.nan, theirs), found], axis=1)
    listed, alone = top_k(both, K).items, top_k(found, K).items
    n = theirs.shape[1]
    of_all = np.concatenate([np.zeros_like(seen), truth], axis=1)
    return Row(model, way, _recall(listed, of_all), _recall(alone, truth), float((listed >= n).mean()))


def _recall(listed: Codes, truth: Mask) -> float:
    """Return the mean over people of what they liked that is in the list, of what could be."""
    hits = np.take_along_axis(truth, np.maximum(listed, 0), 1) & (listed >= 0)
    return float((hits.sum(axis=1) / np.minimum(truth.sum(axis=1), K)).mean())


def _page(rows: list[Row]) -> str:
    table = "\n".join(
        f"| {row.model} | {row.way} | {row.recall:.4f} | {row.share:.1%} | {row.alone:.4f} |" for row in rows
    )
    return f"""# New items in a list

Made by `python benchmarks/quality/newcomers.py`. Films are held back whole (MovieLens with posters, the split `cold-items`, seed 0); each model with its defaults
learns from what people did with the others, and is then told of the new films as a live service is told of posted ones. Each person with a new film
that they liked gets 20 films out of all that they have not met. **Recall@20** is of those new films; **share** is how much of the list is new;
**alone** is recall where the list is made of new films only. Left out, all three are 0.

| model | how new films are scored | Recall@20 | share | alone |
|---|---|---|---|---|
{table}

*Neighbours, by quantiles* is what the service does. Here all that people liked is new, which a real list is not: recall grows with the share, so the
last column compares how well ways rank new films, and the share tells how much they take from the others.
"""


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="the folder of real data")
    parser.add_argument("--out", type=Path, required=True, help="where imported data go")
    parser.add_argument("--publish", type=Path, help="write the table there")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
