from __future__ import annotations

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.interfaces import Queries
from palate.models import ItemKNN, Popularity, VectorSpace
from palate.retrieval import content_space, similar


def test_content_puts_items_of_one_group_together(tiny):
    space = content_space(ItemKNN().fit(tiny), tiny.without_features("photo"))
    for item in range(6):
        found = similar(ItemKNN().fit(tiny), item, 5, space=space)
        assert item not in found.items
        assert {int(code) % 3 for code in found.items[0]} == {item % 3}
        assert (found.scores <= 1 + 1e-5).all()


def test_behaviour_is_what_the_model_says_of_one_like(tiny):
    model = ItemKNN().fit(tiny)
    found = similar(model, 4, 3, by="behaviour", space=None)
    scores = model.score(Queries.of_history([4], len(tiny.items)))[0]
    scores[4] = np.nan
    assert found.items[0, 0] == np.nanargmax(scores)
    assert 4 not in found.items


def test_the_default_is_content_where_the_item_has_any(tiny):
    model = ItemKNN().fit(tiny)
    only_photo = tiny.without_features("title")
    space = content_space(model, only_photo)
    lacking, having = 7, 8
    assert not only_photo.features["photo"].present[lacking]
    behaviour = similar(model, lacking, 3, by="behaviour", space=space)
    assert np.array_equal(similar(model, lacking, 3, space=space).items, behaviour.items)
    content = similar(model, having, 3, by="content", space=space)
    assert np.array_equal(similar(model, having, 3, space=space).items, content.items)
    assert (similar(model, lacking, 3, by="content", space=space).items == -1).all()


def test_what_cannot_be_compared_says_why(tiny):
    bare = tiny.without_features("title", "photo")
    model = Popularity().fit(bare)
    assert content_space(model, bare) is None
    with pytest.raises(DataError, match="no features"):
        similar(model, 0, by="content", space=None)
    with pytest.raises(DataError, match="same for everyone"):
        similar(model, 0, space=None)


def test_an_item_is_not_like_itself_by_behaviour(tiny):
    found = similar(VectorSpace().fit(tiny), 3, 29, by="behaviour", space=None)
    assert 3 not in found.items[0]
    assert (found.items[0] >= 0).all()
