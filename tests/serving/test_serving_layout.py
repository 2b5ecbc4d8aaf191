"""What is laid out anew scores as before."""

from __future__ import annotations

import copy
import weakref

import numpy as np
import pytest

from palate.bundle import Bundle
from palate.core.ids import IdMap
from palate.interfaces import Queries
from palate.models import ALS, BPR, ItemKNN
from palate.serving import Engine
from palate.serving.layout import laid_out
from palate.serving.newcomers import WithNewcomers
from palate.serving.options import Options
from palate.serving.stages import hide


@pytest.fixture(scope="module", params=[ALS(dim=8, reg=1), BPR(dim=8, epochs=2)], ids=["als", "bpr"])
def model(request, shop):
    return copy.copy(request.param).fit(shop)


def test_scores_are_the_same(model, shop):
    turned = laid_out(model)
    assert turned.vectors.flags.f_contiguous
    assert model.vectors.flags.c_contiguous
    queries = Queries.of_users(shop, np.arange(12, dtype=np.int32))
    for items in (None, np.array([4, 9], np.int32)):
        assert np.allclose(
            turned.score(queries, items), model.score(queries, items), rtol=1e-5, atol=1e-6, equal_nan=True
        )
    one, other = (each.explain(Queries.of_history([3], 36), 5) for each in (turned, model))
    assert one.score == pytest.approx(other.score, rel=1e-5)
    assert one.history == pytest.approx(other.history, rel=1e-5)


def test_it_is_made_once_for_all_editions_of_a_model(model, shop):
    assert laid_out(model) is laid_out(model)
    items = IdMap([*shop.items.ids, "new"])
    wider = laid_out(WithNewcomers(model, None, items, np.array([36], np.int32)))
    assert wider.model is laid_out(model)
    assert wider.score(Queries.of_history([3], 37)).shape == (1, 37)


def test_it_goes_when_the_model_goes(shop):
    model = ALS(dim=4, reg=1).fit(shop)
    gone = weakref.ref(laid_out(model)), weakref.ref(model)
    assert gone[0]() is not None
    del model
    assert [each() for each in gone] == [None, None]


def test_others_stay_as_they_are(shop):
    model = ItemKNN().fit(shop)
    assert laid_out(model) is model


def test_an_engine_says_the_same_as_the_library(model, shop):
    engine = Engine(Bundle.of(model, shop))
    expected = model.recommend(["user 3"], 5)
    found = engine.recommend("user 3", 5)
    assert [hit.item_id for hit in found.items] == expected["item_id"].to_list()
    assert found.items[0].reasons


def test_scores_that_somebody_holds_are_copied_and_others_are_not(shop):
    engine = Engine(Bundle.of(ItemKNN().fit(shop), shop))
    ask = engine.ranker.ask(engine.people["user 3"], Options())
    held, places = np.ones((1, 36), np.float32), []

    def fresh():
        made = np.ones((1, 36), np.float32)
        places.append(made.ctypes.data)
        return made

    hidden = np.isnan(hide(held, [ask])[0])
    assert set(np.flatnonzero(hidden)) == set(ask.hidden)
    assert not np.isnan(held).any()
    found = hide(fresh(), [ask])  # pytest would hold what stands in an assertion
    assert found.ctypes.data == places[0]
    shared = np.broadcast_to(np.ones(36, np.float32), (1, 36))
    assert np.isnan(hide(shared, [ask])).sum() == len(ask.hidden)
    assert not np.isnan(shared).any()


def test_scores_that_a_model_keeps_stay_as_they_are(shop, monkeypatch):
    engine = Engine(Bundle.of(ItemKNN().fit(shop), shop))
    kept = np.arange(36, dtype=np.float32)[None].copy()
    monkeypatch.setattr(engine.model, "score", lambda queries: kept)
    first = engine.recommend("user 3", 36, reasons=False)
    assert not np.isnan(kept).any()
    assert engine.recommend("user 3", 36, reasons=False) == first
