from __future__ import annotations

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from palate.data.catalogue import Catalogue
from palate.explain import part_reasons, popular, reasons, title_column, titles
from palate.interfaces import Explanation, Queries
from palate.models import ItemKNN, Popularity


class Fixed(Popularity):
    """Explains with fixed amounts."""

    name = "fixed"

    def explain(self, query, item):
        return Explanation(1.0, {1: 0.5, 2: 0.75, 3: -0.25, 4: 0.1}, {"title": 0.38, "photo": 0.62})


def test_likes_come_first_and_biggest_first(tiny):
    model = Fixed().fit(tiny)
    said = reasons(model, Queries.of_history([1, 2, 3, 4], 30), 9, tiny.items, tiny.catalogue, most=2)
    assert [reason.of for reason in said] == ["i2", "i1", "photo", "title"]
    assert said[0].text == "because you liked thing 2 of group 2"
    assert said[0].share == pytest.approx(0.75 / 1.6)
    assert said[2].text == "photo 62 %"
    assert json.loads(json.dumps([dataclasses.asdict(reason) for reason in said]))[0]["kind"] == "liked"


def test_what_speaks_against_is_not_named_but_counts_in_the_shares(tiny):
    model = Fixed().fit(tiny)
    said = reasons(model, Queries.of_history([1], 30), 9, tiny.items, tiny.catalogue, most=9)
    assert "i3" not in [reason.of for reason in said]
    assert sum(reason.share for reason in said if reason.kind == "liked") == pytest.approx(1.35 / 1.6)


def test_popularity_says_how_many(tiny):
    model = Popularity().fit(tiny)
    item = int(np.nanargmax(model.counts))
    (reason,) = reasons(model, Queries.of_users(tiny, np.array([0])), item, tiny.items, tiny.catalogue)
    assert reason == popular(int(model.counts[item]))
    assert popular(1).text == "popular: 1 person liked it"


def test_the_reasons_of_item_knn_add_up(tiny):
    model = ItemKNN().fit(tiny)
    query = Queries.of_users(tiny, np.array([0], np.int32))
    item = int(model.rank(query, 1, tiny.seen[[0]]).items[0, 0])
    said = reasons(model, query, item, tiny.items, tiny.catalogue, most=99)
    liked = [reason for reason in said if reason.kind == "liked"]
    assert liked
    assert sum(reason.amount for reason in liked) == pytest.approx(model.score(query)[0, item], abs=1e-4)
    assert {reason.of for reason in liked} <= {tiny.items.ids[code] for code in query.history.indices}


def test_a_title_is_found_or_the_id_stands_in(tiny):
    assert title_column(tiny.catalogue) == "title"
    assert titles(tiny.catalogue, tiny.items, [0]) == ["thing 0 of group 0"]
    bare = Catalogue(pl.DataFrame({"item_id": tiny.items.series}))
    assert title_column(bare) is None
    assert titles(bare, tiny.items, [3]) == ["i3"]
    holes = Catalogue(tiny.catalogue.table.with_columns(title=pl.lit(None, pl.String)), {"title": "text"})
    assert titles(holes, tiny.items, [3]) == ["i3"]


def test_a_part_that_adds_nothing_is_no_reason():
    assert [reason.of for reason in part_reasons({"title": -0.5, "photo": 0.0})] == ["title"]


def test_a_part_that_speaks_against_is_told_as_such():
    said = part_reasons({"title": 0.5, "photo": -0.5, "sound": -1e-9})
    assert [reason.text for reason in said] == ["title 50 %", "sound 0 %", "photo 50 % against"]
    assert said[2].share == pytest.approx(-0.5)
