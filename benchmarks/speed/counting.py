"""What it costs a served item-knn to go on counting, beside fitting it anew, on a million interactions.

    python benchmarks/speed/counting.py

Events are single likes, more of them by those who like much already. Seconds are of the processor, on one core. `score_times_slower` is the time to score 500 people one by one beside
`item-knn` itself: with no event since the last fold, and with as many as there may be before the next. The scores at the end are those
of a model fitted anew.
"""

from __future__ import annotations

import json
import time

import numpy as np
from item_knn import ITEMS, USERS, world

from palate.core.ids import IdMap
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import ItemKNN
from palate.serving.counting import Counting

MOST, ASKED, REPEATS = 20_000, 500, 3


def seconds(work, repeats=REPEATS):
    """Return the least processor time of several runs, which a busy machine does not blur, and the result."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


def asked(model, queries):
    """Score people one by one, as requests come."""
    for query in queries:
        model.score(query)


def anew(data, counting):
    """Return a model fitted on what people like by now."""
    liked = counting._likes().tocoo()
    user, item = (codes.astype(np.int32) for codes in liked.coords)
    log = Interactions(user, item, np.ones(len(user), np.float32))
    return Dataset(IdMap(f"p{n}" for n in range(liked.shape[0])), data.items, log, data.catalogue)


def main() -> None:
    data = world()
    rng = np.random.default_rng(1)
    queries = [Queries.of_users(data, np.array([user], np.int32)) for user in range(0, USERS, USERS // ASKED)]
    few = data.take_interactions(np.arange(len(data.interactions)) < 1000)
    Counting(ItemKNN().fit(few)).fold()  # compiles, where this machine has not yet
    fit, model = seconds(lambda: ItemKNN().fit(data))
    first, counting = seconds(lambda: Counting(model), 1)
    own, _ = seconds(lambda: asked(model, queries))
    rested, _ = seconds(lambda: asked(counting, queries))
    likes: dict[str, set[int]] = {}
    events, each = 0, []
    while not counting.full and events < MOST:
        code = int(USERS * rng.random() ** 1.5)
        user = data.users.ids[code]
        known = likes.setdefault(
            user, set(data.history.indices[data.history.indptr[code] : data.history.indptr[code + 1]])
        )
        known.add(int(ITEMS * rng.random() ** 2))
        codes = np.array(sorted(known), np.int32)
        start = time.process_time()
        counting.follow({user: codes})
        each.append(time.process_time() - start)
        events += 1
    busy, _ = seconds(lambda: asked(counting, queries))
    fold, _ = seconds(counting.fold, 1)
    theirs = ItemKNN().fit(anew(data, counting))
    assert all(np.allclose(counting.score(query), theirs.score(query), 1e-4, 1e-6, equal_nan=True) for query in queries)
    pairs = counting.counts.pairs
    told = {
        "likes": data.liked.nnz, "pairs": pairs.nnz, "fit_seconds": round(fit, 2), "first_count_seconds": round(first, 2),
        "event_milliseconds": {"median": round(1e3 * float(np.median(each)), 3), "p99": round(1e3 * float(np.quantile(each, 0.99)), 3)},
        "events_in_the_time_of_a_fit": round(fit / float(np.mean(each))),
        "events_before_a_fold": events, "fold_seconds": round(fold, 2), "fold_beside_fit": round(fold / fit, 2),
        "score_milliseconds": round(1e3 * own / len(queries), 3),
        "score_times_slower": {"folded": round(rested / own, 2), "full": round(busy / own, 2)},
        "bytes_beside_item_knn": round((pairs.data.nbytes + pairs.indices.nbytes) / (model.graph.data.nbytes + model.graph.indices.nbytes), 2),
    }  # fmt: skip
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
