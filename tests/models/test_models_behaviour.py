import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError, MemoryLimitError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import EASE, SLIM, ContentKNN, ItemKNN, UserKNN


def everyone(data):
    return Queries.of_users(data, np.arange(len(data.users), dtype=np.int32))


@pytest.mark.parametrize("kind", [ItemKNN, UserKNN, SLIM, EASE])
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


@pytest.mark.parametrize("settings", [{"neighbours": 0}, {"item_power": -1}, {"user_power": 0.5}])
def test_user_knn_refuses_settings_out_of_range(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        UserKNN(**settings)


@pytest.mark.parametrize("settings", [{"l1": -1}, {"reg": -0.5}, {"epochs": 0}, {"tolerance": 0}])
def test_slim_refuses_settings_out_of_range(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        SLIM(**settings)


def test_slim_refuses_an_l1_that_leaves_nothing(tiny):
    with pytest.raises(ConfigError, match=r"l1 was 1000, and no weight .* give less"):
        SLIM(l1=1000).fit(tiny)


def test_slim_of_people_who_liked_one_thing_each_knows_nothing_more(tiny):
    first = np.unique(tiny.interactions.user, return_index=True)[1]
    alone = SLIM().fit(tiny.with_interactions(tiny.interactions.take(first)))
    scores = alone.score(everyone(tiny))
    assert not scores[~np.isnan(scores)].any()


def test_ease_wants_some_regularisation():
    with pytest.raises(ConfigError, match="reg"):
        EASE(reg=0)


ONE_WAY = [ItemKNN(shrink=1, neighbours=3), ContentKNN(neighbours=2), SLIM(l1=0.2, reg=1, non_negative=False)]


@pytest.mark.parametrize("model", ONE_WAY, ids=lambda model: model.name)
def test_explanations_follow_edges_that_go_one_way(tiny, model):
    model.fit(tiny)
    again = type(model)(model.config).load_state(model.state())
    again.remember(model.users, model.items, model.liked, model.seen)
    query = Queries.of_users(tiny, np.array([2], np.int32))
    scores = model.score(query)[0]
    assert (model.graph != model.graph.T).nnz
    assert (scores > 0).any()
    for item in range(30):
        explanation = model.explain(query, item)
        assert sum(explanation.history.values()) == pytest.approx(scores[item], abs=1e-5)
        assert again.explain(query, item).history == explanation.history


def test_ease_refuses_a_reg_that_single_precision_cannot_carry(tiny):
    old = tiny.interactions
    twins = Interactions(np.tile(old.user, 2), np.concatenate([old.item, old.item ^ 1]), np.tile(old.weight, 2))
    with pytest.raises(ConfigError, match=r"reg was 1e-08.* give more"):
        EASE(reg=1e-8).fit(tiny.with_interactions(twins))


@pytest.mark.parametrize("kind", [ItemKNN, SLIM])
def test_says_how_much_memory_it_would_take_before_it_takes_it(kind):
    everything = np.arange(1200, dtype=np.int32)
    items = IdMap(map(str, everything))
    bot = Dataset(
        IdMap(["bot"]),
        items,
        Interactions(np.zeros(1200, np.int32), everything, np.ones(1200, np.float32)),
        bare_catalogue(items),
    )
    with pytest.raises(
        MemoryLimitError, match=rf"{kind.name} could take 11 MB .*memory_limit_mb is 10.*neighbours=100"
    ):
        kind(memory_limit_mb=10).fit(bot)
    assert 0 < kind(memory_limit_mb=10, neighbours=5).fit(bot).graph.nnz <= 6000
    assert 0 < kind(memory_limit_mb=11).fit(bot).graph.nnz <= 1200 * 1199


def test_the_length_of_a_list_is_bounded_by_what_there_is(tiny):
    model = ItemKNN().fit(tiny)
    assert model.recommend(["u0"], k=1 << 40).equals(model.recommend(["u0"], k=30))
    with pytest.raises(DataError, match="k was -1"):
        model.recommend(["u0"], k=-1)
