"""Items of every kind of bundle and column, and posted ones that do not fit any more."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient

from asking import ids, put
from palate.bundle import Bundle
from palate.bundle.posted import PostedParts
from palate.data.catalogue import Catalogue
from palate.data.store import Posted, Store
from palate.encoders.pipeline import encode
from palate.models import ALS, ContentKNN, ItemKNN, Popularity
from palate.serving.app import create_app
from palate.serving.newcomers import Neighbours
from small_shop import write_shop


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    shop = write_shop(tmp_path_factory.mktemp("posted") / "shop")
    return encode(shop.without_features(*shop.features), title="tf-idf", photo="colour-texture")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'events.db'}"


@contextmanager
def served(bundle, url):
    app = create_app(bundle, None, Store(url))
    try:
        yield TestClient(app, raise_server_exceptions=False)
    finally:
        app.state.live.close()


def test_parts_are_weighed_after_an_item_was_posted_as_before(data, url):
    user = data.users.ids[0]
    with served(Bundle.of(ContentKNN().fit(data), data), url) as client:
        before = ids(client.get(f"/v1/recommend/{user}?k=40&weight=photo:0"))
        put(client, "twin", {"title": data.catalogue.table["title"][0]})
        after = ids(client.get(f"/v1/recommend/{user}?k=40&weight=photo:0"))
        assert [item for item in after if item != "twin"] == before
        assert "twin" in after


def test_nobody_is_said_to_have_liked_a_new_item(data, url):
    with served(Bundle.of(Popularity().fit(data), data), url) as client:
        put(client, "twin", {"title": data.catalogue.table["title"][0]})
        hits = client.get(f"/v1/recommend/{data.users.ids[1]}?k=40").json()["items"]
        said = {hit["item_id"]: [reason["kind"] for reason in hit["reasons"]] for hit in hits}
        assert said.pop("twin") == ["new"]
        assert set(map(tuple, said.values())) == {("popular",)}


def test_an_item_that_is_taken_away_speaks_for_no_other(data, url):
    title, twin = data.catalogue.table["title"][0], data.items.ids[0]
    user = next(name for code, name in enumerate(data.users) if not data.seen[[code]].indices.tolist().count(0))
    with served(Bundle.of(ItemKNN().fit(data), data), url) as client:

        def like():
            hits = client.get(f"/v1/recommend/{user}?k=40").json()["items"]
            return next(hit["reasons"][0]["of"] for hit in hits if hit["item_id"] == "new")

        put(client, "new", {"title": title}, photo=(data.catalogue.root / "media/photo/0.png").read_bytes())
        assert like() == twin
        assert client.delete(f"/v1/items/{twin}?wait=30").status_code == 200
        assert like() != twin
        put(client, twin, {"title": title}, photo=(data.catalogue.root / "media/photo/0.png").read_bytes())
        assert like() == twin


def test_neighbours_are_those_of_all_items_at_once_whatever_the_order(data, url):
    pictures = [(data.catalogue.root / f"media/photo/{code}.png").read_bytes() for code in range(4)]
    titles, old = data.catalogue.table["title"].to_list(), data.items.ids
    with served(Bundle.of(ItemKNN().fit(data), data), url) as client:

        def neighbours():
            model = client.app.state.deck.engine.model
            anew = Neighbours.of(model.ground.space, np.arange(model.met, len(model.items)), model.ground.known)
            np.testing.assert_array_equal(
                np.sort(model.around.codes), np.sort(anew.codes)
            )  # of equal ones any is first
            np.testing.assert_allclose(model.around.weights, anew.weights, atol=1e-6)
            return set(model.around.codes.ravel().tolist())

        for name, code in (("a", 0), ("b", 1), ("c", 2), ("a", 3)):
            put(client, name, {"title": titles[code]}, photo=pictures[code])
            assert 3 in neighbours()
        put(client, old[3], {"title": titles[20]})
        neighbours()
        assert client.delete(f"/v1/items/{old[3]}?wait=30").status_code == 200
        assert 3 not in neighbours()
        assert client.delete("/v1/items/b?wait=30").status_code == 200
        neighbours()
        put(client, old[3], {"title": titles[3]}, photo=pictures[3])
        assert 3 in neighbours()


@pytest.mark.parametrize("kind", [Popularity, ItemKNN, ALS])
def test_a_bundle_without_parts_takes_items(data, url, kind):
    bare = data.without_features(*data.features)
    with served(Bundle.of(kind().fit(bare), bare), url) as client:
        before = ids(client.get(f"/v1/recommend/{data.users.ids[1]}?k=40"))
        put(client, "new", {"title": "a red umbrella"})
        assert client.delete(f"/v1/items/{before[0]}?wait=30").status_code == 200
        assert ids(client.get(f"/v1/recommend/{data.users.ids[1]}?k=40")) == before[1:]
        assert ids(client.post("/v1/search", json={"text": "umbrella"})) == ["new"]


def test_what_people_wrote_of_an_item_stays_when_it_is_posted(data, url):
    rows = len(data.interactions)
    said = pl.Series([f"a fine thing, {row % 7} of 7" for row in range(rows)])
    cut = pl.Series(["train"] * (rows - 20) + ["test"] * 20)
    log = data.interactions.with_column("text", said).with_column("split", cut)
    talked = encode(data.with_interactions(log), of="interactions", text="tf-idf")
    bundle = Bundle.of(ContentKNN().fit(talked), talked)
    code = int(np.flatnonzero(bundle.data.features["interactions.text"].present)[0])
    with served(bundle, url) as client:
        put(client, "new", {"title": "red lamp"})
        put(client, data.items.ids[code], {"title": "blue lamp"})
        reviews = client.app.state.deck.engine.bundle.data.features["interactions.text"]
        np.testing.assert_array_equal(
            reviews.values[code], bundle.data.features["interactions.text"].values[code], strict=True
        )
        assert (reviews.present[code], reviews.present[-1]) == (True, False)


@pytest.fixture(scope="module")
def columns(data):
    """A bundle whose catalogue has columns of many types."""
    n = len(data.items)
    table = data.catalogue.table.with_columns(
        pieces=pl.Series(range(n), dtype=pl.Int64),
        mass=pl.Series([1.0] * n, dtype=pl.Float32),
        day=pl.Series([date(2020, 1, 1)] * n),
        at=pl.Series([datetime(2020, 1, 1, 3)] * n),
        tags=pl.Series([["a", "b"]] * n),
        kind=pl.Series(["lamp"] * n, dtype=pl.Categorical),
        maker=pl.Series(["somebody"] * n),
    )
    types = {**data.catalogue.types, "pieces": "number", "day": "date", "at": "date", "kind": "category"}
    typed = replace(data, catalogue=Catalogue(table, types, data.catalogue.root))
    return Bundle.of(ItemKNN().fit(typed), typed)


@pytest.mark.parametrize(
    ("given", "shown", "found"),
    [
        ({"pieces": 4}, 4, "pieces = 4"),
        ({"pieces": 4.5}, 4.5, "pieces = 4.5"),
        ({"pieces": 2**62 + 1}, 2**62 + 1, "pieces > 1000"),
        ({"day": "2024-05-06"}, "2024-05-06", "day > 2024-01-01"),
        ({"at": "2024-05-06"}, "2024-05-06 00:00:00", "at = 2024-05-06"),
        ({"at": "2024-05-06T10:00:00+02:00"}, "2024-05-06 08:00:00", "at = '2024-05-06T08:00:00'"),
        ({"tags": ["x"]}, "x", "tags contains 'x'"),
        ({"kind": "mug"}, "mug", "kind = 'mug'"),
        ({"maker": "Node.js"}, "Node.js", "maker = 'Node.js'"),
    ],
)
def test_a_column_takes_what_it_can_hold(columns, url, given, shown, found):
    (name,) = given
    with served(columns, url) as client:
        put(client, "x", {"title": "a purple umbrella", **given})
        assert client.get("/v1/items/x").json()["fields"][name] == shown
        hits = ids(client.post("/v1/search", json={"text": "umbrella", "by": "words", "filter": found}))
        assert hits == ["x"]


@pytest.mark.parametrize(
    "given", [{"day": "soon"}, {"day": 5}, {"pieces": 1e300}, {"pieces": 2**70}, {"mass": 1e300}, {"kind": 3}]
)
def test_a_column_refuses_what_it_cannot_hold(columns, url, given):
    (name,) = given
    with served(columns, url) as client:
        assert f"{name} was {given[name]!r}, which is no " in put(client, "x", given, status=422)["error"]


def test_an_item_has_an_id(data, url):
    with served(Bundle.of(ItemKNN().fit(data), data), url) as client:
        assert "the id of the item is empty" in put(client, "", {"title": "x"}, status=422)["error"]


def test_an_item_that_fits_no_more_is_there_without_what_does_not_fit(data, url, caplog, tmp_path):
    bare = write_shop(tmp_path / "shop")
    store = Store(url)
    store.post(Posted("odd", {"title": 5, "price": "much", "day": "2024-01-01", "vectors": {"photo": [1.0, 2.0]}}))
    store.post(Posted("good", {"title": "red lamp", "price": 3}))
    store.close()
    with served(Bundle.of(ItemKNN().fit(bare), bare), url) as client:
        assert client.get("/v1/items/odd").json()["fields"] == {"title": None, "price": None}
        assert client.get("/v1/items/good").json()["fields"] == {"title": "red lamp", "price": 3}
        assert "1 posted values of 'price' are left out" in caplog.text
        troubles = client.app.state.live.catalogue.posts.parts.troubles
        assert troubles["odd"] == {"photo": "2 numbers were posted, and the part takes 4"}
        put(client, "odd", {"title": "a lamp"})
        assert troubles["odd"] == {}


def test_files_beside_the_store_take_only_so_much(url, monkeypatch):
    monkeypatch.setattr("palate.bundle.posted._KEPT", 2500)
    store = Store(url)
    for number in range(4):
        store.post(Posted(f"i{number}", {"title": "x"}, {"photo": f"{number}.png"}), {"photo": bytes([number]) * 1000})
    parts = PostedParts(store)
    try:
        for number in (0, 1, 0, 2, 3, 0):
            path = parts.file(f"i{number}", "photo", f"{number}.png")
            assert path.read_bytes() == bytes([number]) * 1000
        assert sorted(file.name for file in path.parent.iterdir()) == ["0.png", "3.png"]
    finally:
        parts.close()
        store.close()


def test_many_ask_for_the_same_file_at_once(url):
    store = Store(url)
    content = bytes(range(256)) * 4096
    store.post(Posted("x", {"title": "x"}, {"photo": "digest.png"}), {"photo": content})
    start, wrong = threading.Barrier(8), []
    for _ in range(10):
        parts = PostedParts(store)

        def bring(parts=parts):
            start.wait()
            try:
                path = parts.file("x", "photo", "digest.png")
                if path.read_bytes() != content:
                    wrong.append("cut short")
            except OSError as error:
                wrong.append(repr(error))

        threads = [threading.Thread(target=bring) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        parts.close()
    store.close()
    assert not wrong
