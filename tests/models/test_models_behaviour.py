import numpy as np
import pytest

from palate.core.errors import ConfigError
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import EASE, ItemKNN


def everyone(data):
    return Queries.of_users(data, np.arange(len(data.users), dtype=np.int32))


@pytest.mark.parametrize("kind", [ItemKNN, EASE])
def test_a_dislike_and_a_repeated_like_change_nothing(tiny, kind):
    old = tiny.interactions
    more = Interactions(
        np.append(old.user, [0, old.user[0]]).astype(np.int32),
        np.append(old.item, [29, old.item[0]]).astype(np.int32),
        np.append(old.weight, [0, 5]).astype(np.float32),
    )
    with_more = kind().fit(tiny.with_interactions(more))
    assert np.array_equal(with_more.score(everyone(tiny)), kind().fit(tiny).score(everyone(tiny)), equal_nan=True)


def test_item_knn_with_as_many_neighbours_as_items_is_the_whole(tiny):
    some, whole = ItemKNN(neighbours=30).fit(tiny), ItemKNN().fit(tiny)
    assert np.allclose(some.score(everyone(tiny)), whole.score(everyone(tiny)), atol=1e-6)


def test_ease_equals_double_precision(tiny):
    model = EASE(reg=3).fit(tiny)
    likes = tiny.liked.toarray().astype(np.float64)
    inverse = np.linalg.inv(likes.T @ likes + 3 * np.eye(30))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    assert np.allclose(model.score(everyone(tiny)), likes @ weights, atol=1e-5)


@pytest.mark.parametrize("settings", [{"shrink": -1}, {"neighbours": -1}, {"user_power": "much"}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        ItemKNN(**settings)


def test_ease_wants_some_regularisation():
    with pytest.raises(ConfigError, match="reg"):
        EASE(reg=0)
