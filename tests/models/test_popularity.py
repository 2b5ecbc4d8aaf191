import numpy as np

from palate.interfaces import Queries
from palate.models import Popularity


def test_scores_are_the_training_counts(tiny):
    model = Popularity().fit(tiny)
    expected = np.asarray(tiny.liked.sum(axis=0))
    scores = model.score(Queries.of_users(tiny, np.array([0, 1], np.int32)))
    assert np.array_equal(scores, np.stack([expected, expected]).astype(np.float32))


def test_recommend_leaves_out_what_was_seen(tiny):
    frame = Popularity().fit(tiny).recommend(["u0"], k=30)
    bought = {tiny.items.ids[code] for code in tiny.seen[[0]].indices}
    assert frame.height == 30 - len(bought)
    assert not bought & set(frame["item_id"])
    assert frame["rank"].to_list() == list(range(1, frame.height + 1))
