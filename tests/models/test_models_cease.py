"""cease: likeness by parts beside what was liked together."""

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.interfaces import Queries
from palate.models import CEASE, EASE
from palate.models._deep_parts import parts_for

COLD = [3, 17]


def everyone(data):
    return Queries(data.liked, np.arange(len(data.users), dtype=np.int32))


@pytest.fixture
def shop(tiny) -> Dataset:
    """The small shop with two items that nobody ever met."""
    events = tiny.interactions
    return tiny.with_interactions(events.take(~np.isin(events.item, COLD)))


def test_equals_the_formula_in_double_precision(shop):
    model = CEASE(reg=3, content=0.7).fit(shop)
    likes = shop.liked.toarray().astype(np.float64)
    parts = parts_for(model.config, shop).values()
    assert not all(part.present.all() for part in parts)
    cosines = sum(part.values.astype(np.float64) @ part.values.T for part in parts) / len(parts)
    inverse = np.linalg.inv(likes.T @ likes + 3 * np.eye(30) + 0.7 * 3 * cosines)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(model.score(everyone(shop)), likes @ weights, atol=1e-5)


def test_items_that_nobody_liked_are_scored_by_content_alone(shop):
    query = everyone(shop)
    assert np.isnan(EASE().fit(shop).score(query)[:, COLD]).all()
    model = CEASE(content=0.5).fit(shop)
    assert np.isfinite(model.score(query)).all()
    one = Queries(shop.liked[[0]], np.zeros(1, np.int32))
    told = model.explain(one, COLD[0])
    assert list(told.parts) == ["content"]
    assert told.score == pytest.approx(float(model.score(one)[0, COLD[0]]), abs=1e-6)


def test_content_that_says_who_likes_what_helps_and_content_dealt_anew_does_not(shop):
    """In the shop the title carries the groups that people are of: an unmet item must rank high with its own group."""
    groups = shop.features["title"].values

    def apart(model, data):
        scores = model.fit(data).score(everyone(data))[:, COLD]
        taste = shop.liked.toarray() @ groups
        nearness = taste @ groups[COLD].T
        return np.corrcoef(scores.ravel(), nearness.ravel())[0, 1]

    order = np.random.default_rng(0).permutation(30)
    dealt = shop.with_features(title=shop.features["title"].take(order))
    real = apart(CEASE(content=1, parts=("title",)), shop)
    assert real > 0.5
    assert apart(CEASE(content=1, parts=("title",)), dealt) < real / 2


def test_content_without_parts_is_refused(shop):
    bare = Dataset(shop.users, shop.items, shop.interactions, catalogue=bare_catalogue(shop.items))
    with pytest.raises(DataError, match="encode"):
        CEASE(content=1).fit(bare)
    assert EASE().fit(bare).score(everyone(bare)).shape == (40, 30)


def test_a_part_that_tells_items_apart_by_nothing_places_no_new_item(shop):
    flat = shop.features["title"]
    same = shop.with_features(title=FeatureTable(np.ones_like(flat.values), flat.present, flat.source))
    scores = CEASE(parts=("title",)).fit(same).score(everyone(same))
    assert np.isnan(scores[:, COLD]).all()
    assert np.isfinite(np.delete(scores, COLD, axis=1)).all()
