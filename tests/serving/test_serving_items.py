"""Items that are posted and taken away while a service answers."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from asking import ids, put, wait_until
from palate.bundle import Bundle
from palate.data.store import Store
from palate.encoders.pipeline import encode
from palate.models import ContentKNN, ItemKNN
from palate.serving.app import create_app
from palate.serving.counting import Counting
from small_shop import write_shop


@pytest.fixture(scope="module")
def sighted(tmp_path_factory):
    data = write_shop(tmp_path_factory.mktemp("items") / "shop")
    data = encode(data.without_features(*data.features), title="tf-idf", photo="colour-texture")
    return Bundle.of(ItemKNN().fit(data), data)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture
def app(sighted, url):
    app = create_app(sighted, None, Store(url))
    yield app
    app.state.live.close()


@pytest.fixture
def client(app):
    return TestClient(app, raise_server_exceptions=False)


def picture(shop, code=0):
    return (shop.catalogue.root / f"media/photo/{code}.png").read_bytes()


def test_an_item_is_posted_and_found_by_all_that_it_is(client, sighted):
    data = sighted.data
    title = data.catalogue.table["title"][0]
    told = put(client, "new", {"title": f"{title} anew", "price": 3}, photo=picture(data))
    assert told == {"item_id": "new", "live": True, "seconds": 0, "troubles": {}}
    shown = client.get("/v1/items/new").json()
    assert (shown["title"], shown["fields"]["price"]) == (f"{title} anew", 3)
    assert client.get(shown["media"]["photo"]["url"]).content == picture(data)
    assert ids(client.get("/v1/similar/new?k=1&by=content")) == [data.items.ids[0]]
    assert "new" in ids(client.get(f"/v1/similar/{data.items.ids[0]}?k=3&by=content"))
    assert "new" in ids(client.post("/v1/search", json={"text": "anew", "k": 3}))
    assert "new" in ids(client.post("/v1/search", files={"image": ("x.png", picture(data))}))
    assert ids(client.post("/v1/search", json={"text": "anew", "filter": "price = 3"})) == ["new"]


def test_an_item_that_nobody_met_is_recommended_and_says_so(client, sighted):
    data = sighted.data
    user = data.users.ids[int(np.argmax(np.diff(data.history.indptr)))]
    best = ids(client.get(f"/v1/recommend/{user}?k=1"))[0]
    code = data.items.code(best)
    put(client, "twin", {"title": data.catalogue.table["title"][code]}, photo=picture(data, code))
    found = client.get(f"/v1/recommend/{user}?k=40").json()["items"]
    (hit,) = [hit for hit in found if hit["item_id"] == "twin"]
    reason = hit["reasons"][0]
    assert (reason["kind"], reason["of"]) == ("new", best)
    assert reason["text"] == f"new: by what it is, most like {data.catalogue.table['title'][code]}"
    amounts = [each["amount"] for each in hit["reasons"] if each["kind"] == "liked"]
    assert amounts
    assert all(amount > 0 for amount in amounts)
    assert not [each for other in found for each in other["reasons"] if each["kind"] == "new" and other is not hit]


def test_who_likes_a_new_item_gets_what_is_like_it(client, sighted):
    data = sighted.data
    put(client, "twin", {"title": data.catalogue.table["title"][0]}, photo=picture(data))
    events = {"events": [{"user_id": "stranger", "item_id": "twin"}]}
    assert client.post("/v1/events", json=events).json()["accepted"] == 1
    answer = client.get("/v1/recommend/stranger?k=5").json()
    assert answer["fallback"] is None
    assert "twin" not in [hit["item_id"] for hit in answer["items"]]
    assert {reason["of"] for hit in answer["items"] for reason in hit["reasons"] if reason["kind"] == "liked"} == {
        "twin"
    }
    assert client.get("/v1/users/stranger/history").json()["events"][0]["item_id"] == "twin"


def test_an_event_may_come_before_its_item_is_live(app, client, sighted, monkeypatch):
    live = app.state.live
    wait_until(lambda: app.state.deck.edition.ground is not None)
    monkeypatch.setattr(live.catalogue, "_take_over", lambda: None)
    time.sleep(0.2)  # one that began before ends
    told = put(client, "soon", {"title": "red lamp"}, status=202, wait=0)
    assert (told["live"], told["seconds"] > 0) == (False, True)
    assert client.get("/v1/items/soon").status_code == 404
    events = {"events": [{"user_id": "early", "item_id": "soon"}]}
    assert client.post("/v1/events", json=events).json()["accepted"] == 1
    monkeypatch.undo()
    wait_until(lambda: client.get("/v1/items/soon").status_code == 200)
    assert app.state.deck.engine.people["early"].liked.tolist() == [len(sighted.data.items)]


def test_an_item_is_replaced(app, client, sighted):
    wait_until(
        lambda: isinstance(app.state.deck.engine.model, Counting)
    )  # from then on scores are its own, to the last bit
    data = sighted.data
    old = data.items.ids[2]
    user = data.users.ids[0]
    before = client.get(f"/v1/recommend/{user}?k=40").json()
    put(client, old, {"title": "purple umbrella", "price": 99})
    shown = client.get(f"/v1/items/{old}").json()
    assert (shown["title"], shown["fields"]["price"], shown["media"]) == ("purple umbrella", 99, {})
    assert ids(client.post("/v1/search", json={"text": "umbrella"}))[0] == old
    after = client.get(f"/v1/recommend/{user}?k=40").json()
    assert [(hit["item_id"], hit["score"]) for hit in after["items"]] == [
        (hit["item_id"], hit["score"]) for hit in before["items"]
    ]
    put(client, "x", {"title": "one"})
    put(client, "x", {"title": "two", "price": 5})
    assert client.get("/v1/items/x").json()["fields"]["price"] == 5


def test_an_item_is_taken_away_and_comes_back(client, sighted):
    data = sighted.data
    user = data.users.ids[0]
    best = ids(client.get(f"/v1/recommend/{user}?k=1"))[0]
    title = data.catalogue.table["title"][data.items.code(best)]
    assert client.delete(f"/v1/items/{best}?wait=30").json()["live"]
    assert best not in ids(client.get(f"/v1/recommend/{user}?k=40"))
    assert best not in ids(client.get("/v1/recommend/stranger?k=40"))
    assert best not in ids(client.post("/v1/search", json={"text": title, "k": 40}))
    assert best not in ids(client.get(f"/v1/similar/{data.items.ids[1]}?k=40"))
    for path in (f"/v1/items/{best}", f"/v1/media/{best}/photo", f"/v1/similar/{best}"):
        assert client.get(path).status_code == 404
    event = {"events": [{"user_id": user, "item_id": best}]}
    assert "there is no item" in client.post("/v1/events", json=event).json()["rejected"][0]["reason"]
    assert client.delete(f"/v1/items/{best}").status_code == 404
    put(client, best, {"title": title})
    assert best in ids(client.get(f"/v1/recommend/{user}?k=40"))


def test_a_restart_and_another_service_know_what_was_posted(client, sighted, url, monkeypatch):
    other = create_app(sighted, None, Store(url))
    put(client, "new", {"title": "red lamp"}, photo=picture(sighted.data))
    gone = sighted.data.items.ids[0]
    assert client.delete(f"/v1/items/{gone}?wait=30").status_code == 200
    second = TestClient(other)
    wait_until(lambda: second.get("/v1/items/new").status_code == 200)
    wait_until(lambda: second.get(f"/v1/items/{gone}").status_code == 404)
    assert second.get("/v1/media/new/photo").content == picture(sighted.data)
    other.state.live.close()

    def never(*_):
        raise AssertionError("what was encoded once is not encoded again")

    monkeypatch.setattr("palate.bundle.posted.decoded", never)
    third = create_app(sighted, None, Store(url))
    try:
        assert TestClient(third).get("/v1/items/new").json()["title"] == "red lamp"
        assert "new" in ids(TestClient(third).post("/v1/search", json={"text": "red lamp", "k": 40}))
    finally:
        third.state.live.close()


def test_what_cannot_be_encoded_is_told_and_the_rest_counts(client):
    told = put(client, "odd", {"title": "red lamp"}, photo=b"no picture at all")
    assert list(told["troubles"]) == ["photo"]
    assert "odd" in ids(client.post("/v1/search", json={"text": "red lamp", "k": 40}))
    assert put(client, "odd", {"title": "red lamp"})["troubles"] == {}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "the item has no value: send some of title, price, photo, sound"),
        ([], "an item is a JSON object"),
        ({"titel": "x"}, "the item's field 'titel' is unknown: did you mean 'title'?"),
        ({"price": "cheap"}, "price was 'cheap', which is no number"),
        ({"price": True}, "price was True, which is no number"),
        ({"title": {"a": 1}}, "title was {'a': 1}, which is no text"),
        ({"title": "x" * 100_001}, "title has 100,001 characters: at most 100,000 are allowed"),
        ({"title": "a\0b"}, "title holds a character that no text has"),
        ({"photo": "../../etc/passwd"}, "'photo' is a file: send the item as multipart/form-data"),
        ({"item_id": "another"}, "the item's field 'item_id' is unknown"),
    ],
)
def test_what_is_wrong_with_an_item_is_told(client, given, why):
    assert why in put(client, "bad", given, status=422)["error"]
    assert client.get("/v1/items/bad").status_code == 404


def test_what_is_wrong_with_a_form_is_told(client):
    def say(status=422, **form):
        answer = client.put("/v1/items/bad", **form)
        assert answer.status_code == status, answer.text
        return answer.json()["error"]

    assert "'title' takes no file" in say(files={"title": ("t.txt", b"x")})
    assert "could not be read as JSON" in say(data={"data": "{"}, files={"photo": ("a.png", b"x")})
    assert "could not be read as JSON" in say(content=b'{"price": NaN}')
    assert "could not be read as JSON" in say(content=b"[" * 100_000)
    assert "has 600 characters" in client.put(f"/v1/items/{'x' * 600}", json={"title": "t"}).json()["error"]
    assert client.put("/v1/items/x?wait=1e9", json={"title": "t"}).status_code == 422


def test_a_part_that_no_encoder_makes_is_posted_as_numbers(shop, url):
    app = create_app(Bundle.of(ItemKNN().fit(shop), shop), None, Store(url))
    client = TestClient(app)
    code = int(np.flatnonzero(shop.features["photo"].present)[0])
    vector, title = shop.features["photo"].values[code].tolist(), shop.catalogue.table["title"][code]
    try:
        put(client, "new", {"title": title, "vectors": {"photo": vector}})
        (found,) = client.get("/v1/similar/new?k=1&by=content").json()["items"]
        assert (found["item_id"], round(found["score"], 4)) == (shop.items.ids[code], 1)
        for given, why in (
            ({"photo": vector[1:]}, f"the part 'photo' takes a list of {len(vector)} numbers"),
            ({"photo": [*vector[1:], "x"]}, "takes a list of"),
            ({"photo": [*vector[1:], 1e300]}, "takes a list of"),
            ({"title": vector}, "vectors cannot be given for 'title'"),
            ([], "it must be an object of lists of numbers, by part"),
        ):
            assert why in put(client, "bad", {"vectors": given}, status=422)["error"]
    finally:
        app.state.live.close()


def test_a_service_without_a_store_takes_no_items(sighted):
    client = TestClient(create_app(sighted))
    assert client.put("/v1/items/x", json={"title": "x"}).status_code == 409
    assert client.delete("/v1/items/x").status_code == 409


def test_keys_tell_who_may_change_the_catalogue(sighted, url):
    store = Store(url)
    keys = {scope: store.add_key(scope, [scope]) for scope in ("read", "write", "admin")}
    bound = store.add_key("ann", ["read", "write", "admin"], "ann")
    app = create_app(sighted, None, store)
    client = TestClient(app)

    def ask(method, key):
        body = {"json": {"title": "x"}} if method == "PUT" else {}
        return client.request(method, "/v1/items/x?wait=30", headers={"x-api-key": key}, **body).status_code

    try:
        assert [ask("PUT", keys[scope]) for scope in ("read", "admin", "write")] == [403, 403, 200]
        assert [ask("DELETE", keys[scope]) for scope in ("read", "write", "admin")] == [403, 403, 200]
        assert (ask("PUT", bound), ask("DELETE", bound), ask("PUT", "none")) == (403, 403, 401)
    finally:
        app.state.live.close()


def test_many_items_at_once_are_all_there(client, app, sighted):
    for number in range(30):
        put(client, f"n{number}", {"title": f"lamp number {number}", "price": number}, status=202, wait=0)
    put(client, "last", {"title": "lamp"})
    assert len(app.state.deck.engine.items) == len(sighted.data.items) + 31
    found = client.post("/v1/search", json={"text": "lamp number", "k": 50, "filter": "price < 30"}).json()["items"]
    assert {f"n{number}" for number in range(30)} <= {hit["item_id"] for hit in found}


def test_a_picture_says_what_it_is_of_whatever_its_name(client, sighted):
    image = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(image, "JPEG")
    put(client, "red", {"title": "x"}, photo=image.getvalue())
    answer = client.get("/v1/media/red/photo")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_parts_are_weighed_beside_new_items(sighted, url):
    data = sighted.data
    app = create_app(Bundle.of(ContentKNN(neighbours=10).fit(data), data), None, Store(url))
    client = TestClient(app)
    try:
        path = f"/v1/recommend/{data.users.ids[0]}?k=36&weight=photo:3"
        before = client.get(path).json()["items"]
        code = data.items.code(before[0]["item_id"])
        put(client, "twin", {"title": data.catalogue.table["title"][code]}, photo=picture(data, code))
        after = client.get(path).json()["items"]
        assert [(hit["item_id"], hit["score"]) for hit in after if hit["item_id"] != "twin"] == [
            (hit["item_id"], hit["score"]) for hit in before
        ]
        assert "twin" in [hit["item_id"] for hit in after]
    finally:
        app.state.live.close()
