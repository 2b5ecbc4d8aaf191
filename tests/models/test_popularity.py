import numpy as np
import pytest

from palate.core.errors import DataError
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


def test_one_user_alone_and_ids_that_are_numbers_are_understood(tiny):
    model = Popularity().fit(tiny)
    user = tiny.users.ids[0]
    assert model.recommend(user, k=2).equals(model.recommend([user], k=2))
    with pytest.raises(DataError, match="no user '7'"):
        model.recommend([7])
    with pytest.raises(DataError, match="popularity is not fitted: call fit first"):
        Popularity().recommend(user)
