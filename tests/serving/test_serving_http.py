from __future__ import annotations

import io
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from palate.bundle import Bundle
from palate.core.errors import WeightsError
from palate.data.features import FeatureTable
from palate.models import ContentKNN, ItemKNN, Popularity
from palate.serving import Engine, ServingSettings
from palate.serving.app import create_app
from palate.serving.catalogue import Showcase


def get(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_recommendations_are_those_of_the_library(client, bundle):
    answer = get(client, "/v1/recommend/user%203?k=5")
    assert answer["fallback"] is None
    expected = bundle.model.recommend(["user 3"], 5)
    assert [hit["item_id"] for hit in answer["items"]] == expected["item_id"].to_list()
    assert [hit["rank"] for hit in answer["items"]] == [1, 2, 3, 4, 5]
    assert np.allclose([hit["score"] for hit in answer["items"]], expected["score"].to_numpy(), atol=1e-5)
    assert set(answer["items"][0]) == {"item_id", "score", "rank", "reasons"}


def test_reasons_name_likes_and_shares_of_parts(client, bundle):
    (hit,) = get(client, "/v1/recommend/user%203?k=1")["items"]
    liked = [reason for reason in hit["reasons"] if reason["kind"] == "liked"]
    parts = {reason["of"]: reason["share"] for reason in hit["reasons"] if reason["kind"] == "part"}
    history = bundle.model.liked[[3]].indices
    assert {reason["of"] for reason in liked} <= {bundle.data.items.ids[code] for code in history}
    assert set(parts) == {"photo", "title"}
    assert sum(map(abs, parts.values())) == pytest.approx(1)


def test_an_unknown_user_gets_what_is_popular_and_is_told(client, bundle):
    answer = get(client, "/v1/recommend/a%2Fstranger?k=3")
    assert answer["fallback"] == "popularity"
    counts = np.asarray(bundle.model.liked.sum(axis=0))
    best = bundle.data.items.decode(np.argsort(-counts, kind="stable")[:3])
    assert [hit["item_id"] for hit in answer["items"]] == best
    assert answer["items"][0]["reasons"][0]["text"] == f"popular: {int(counts.max())} people liked it"


def test_a_user_whom_the_model_cannot_score_gets_the_fallback_without_what_was_seen(shop):
    rows = shop.interactions
    dislikes = replace(rows, weight=np.where(rows.user == 0, np.float32(0), rows.weight))
    data = shop.with_interactions(dislikes)
    engine = Engine(Bundle.of(ItemKNN().fit(data), data))
    answer = engine.recommend("user 0", 30)
    assert answer.fallback == "popularity"
    met = {data.items.ids[code] for code in data.seen[[0]].indices}
    assert met
    assert not met & {hit.item_id for hit in answer.items}


def test_a_list_for_everybody_says_so_to_a_stranger_only(shop):
    engine = Engine(Bundle.of(Popularity().fit(shop), shop))
    assert engine.recommend("a stranger").fallback == "popularity"
    assert engine.recommend("user 0").fallback is None


def test_likes_of_which_the_model_knows_nothing_get_the_fallback(shop):
    photo = shop.features["photo"]
    nothing = np.isin(np.arange(36), shop.liked[[0]].indices)
    data = shop.without_features("title").with_features(
        photo=FeatureTable(photo.values, photo.present & ~nothing, "some", "items", "image")
    )
    assert Engine(Bundle.of(ContentKNN().fit(data), data)).recommend("user 0").fallback == "popularity"


def test_similar_by_content_and_by_behaviour(client):
    answer = get(client, "/v1/similar/tea%2F0?k=4")
    assert answer["fallback"] is None
    assert "tea/0" not in [hit["item_id"] for hit in answer["items"]]
    for hit in answer["items"]:
        assert {reason["of"] for reason in hit["reasons"]} == {"photo", "title"}
        assert sum(reason["amount"] for reason in hit["reasons"]) == pytest.approx(hit["score"], abs=1e-4)
    assert get(client, "/v1/similar/tea%2F0?k=4&by=content") == answer
    assert len(get(client, "/v1/similar/tea%2F0?k=4&by=behaviour")["items"]) == 4


def test_search_by_words(client):
    answer = client.post("/v1/search", json={"text": "green lamp", "k": 3}).json()
    assert len(answer["items"]) == 3
    assert all(hit["item_id"].startswith("lamp/") for hit in answer["items"])
    assert answer["items"][0]["score"] > 0.5


def test_the_page_lists_users_and_their_past(client, bundle):
    found = get(client, "/v1/users?query=ER%203&limit=3")
    assert [user["user_id"] for user in found["users"]] == ["user 3", "user 30", "user 31"]
    assert found["total"] == 11
    events = get(client, "/v1/users/user%203/history?limit=50")["events"]
    rows = np.flatnonzero(bundle.data.interactions.user == 3)
    assert len(events) == len(rows)
    times = [event["timestamp"] for event in events]
    assert times == sorted(times, reverse=True)
    assert {event["item_id"] for event in events} == {
        bundle.data.items.ids[code] for code in bundle.model.seen[[3]].indices
    }
    assert len({event["event_id"] for event in events}) == len(events)
    assert len(get(client, "/v1/users/user%203/history?limit=2")["events"]) == 2


def test_without_times_the_last_row_is_the_newest(shop):
    rows = shop.interactions
    data = shop.with_interactions(replace(rows, time=None))
    events = Showcase(Bundle.of(Popularity().fit(data), data)).history("user 3", 50).events
    assert [event.item_id for event in events] == data.items.decode(rows.item[rows.user == 3][::-1])


def test_an_item_shows_its_columns_and_files(client):
    item = get(client, "/v1/items/tea%2F0")
    assert item["title"] == "Red tea no. 0 <b>&amp;</b>"
    assert item["fields"]["price"] == 3.5
    assert item["media"] == {
        "photo": {"type": "image", "url": "/v1/media/tea%2F0/photo"},
        "sound": {"type": "audio", "url": "/v1/media/tea%2F0/sound"},
    }
    assert get(client, "/v1/items/cup%2F5")["media"] == {}


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/v1/similar/none", 404, "there is no item 'none'"),
        ("/v1/items/none", 404, "there is no item 'none'"),
        ("/v1/users/none/history", 404, "there is no user 'none'"),
        ("/v1/media/none/photo", 404, "there is no item 'none'"),
        ("/v1/media/tea%2F0/title", 404, "there is no media column 'title'"),
        ("/v1/media/cup%2F5/photo", 404, "has no file"),
        ("/v1/nothing", 404, "there is nothing at /v1/nothing"),
        ("/v1/recommend/x?k=0", 422, "k was 0: ask for 1 to 100 items"),
        ("/v1/recommend/x?k=101", 422, "k was 101"),
        ("/v1/recommend/x?k=many", 422, "k was 'many': input should be a valid integer"),
        ("/v1/similar/tea%2F0?by=smell", 422, "by was 'smell'"),
        ("/v1/users?limit=0", 422, "limit was 0"),
    ],
)
def test_a_wrong_request_gets_one_sentence(client, path, status, sentence):
    answer = get(client, path, status)
    assert list(answer) == ["error"]
    assert sentence in answer["error"]
    assert "\n" not in answer["error"]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"json": {"text": ""}}, "is empty"),
        ({"json": {"text": "x", "n": 1}}, "n: Extra inputs are not permitted"),
        ({"json": {"text": "x", "k": 0}}, "k: "),
        ({"content": b"{"}, "Invalid JSON"),
        ({"files": {"image": ("x.png", b"1234")}}, "no part to search by picture"),
        ({"files": {"photo": ("x.png", b"1234")}}, "field 'image'"),
        ({"files": {"image": ("x.png", b"1234")}, "data": {"k": "ten"}}, "k was 'ten'"),
        ({"files": {"image": ("x.png", b"1234")}, "data": {"k": "9" * 5000}}, "give a whole number"),
    ],
)
def test_a_wrong_search_gets_one_sentence(client, request_, sentence):
    answer = client.post("/v1/search", **request_)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_a_picture_is_uploaded_and_searched(shop, monkeypatch):
    seen = {}

    def by_image(self, path, k, only=None):
        with Image.open(path) as image:
            seen["size"] = image.size
        return self.by_text("red", k, only)

    monkeypatch.setattr("palate.retrieval.Searcher.by_image", by_image)
    client = TestClient(create_app(Bundle.of(Popularity().fit(shop), shop), ServingSettings(max_upload_mb=1)))
    content = io.BytesIO()
    Image.new("RGB", (7, 5)).save(content, "PNG")
    answer = client.post("/v1/search", files={"image": ("x.png", content.getvalue())}, data={"k": "2"})
    assert len(answer.json()["items"]) == 2
    assert seen["size"] == (7, 5)
    answer = client.post("/v1/search", files={"image": ("x.png", bytes((1 << 20) + 1))})
    assert answer.status_code == 413
    assert "larger than 1 MB" in answer.json()["error"]


def test_a_failure_of_the_service_is_said_too(shop, monkeypatch):
    app = create_app(Bundle.of(Popularity().fit(shop), shop))
    client = TestClient(app, raise_server_exceptions=False)

    def fail(error):
        def raises(*_, **__):
            raise error

        monkeypatch.setattr(app.state.deck.engine, "recommend_all", raises)
        return client.get("/v1/recommend/x")

    answer = fail(WeightsError("no network"))
    assert (answer.status_code, answer.json()) == (503, {"error": "no network"})
    answer = fail(ZeroDivisionError("secret"))
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json()["error"]
    assert "secret" not in answer.text


def test_it_says_that_it_is_there_and_what_it_can_do(client):
    assert get(client, "/health") == {"status": "ok"}
    ready = get(client, "/ready")
    assert (ready["model"], ready["users"], ready["items"]) == ("content-knn", 40, 36)
    assert (ready["search"], ready["similar"]) == (["text"], ["content", "behaviour"])


def test_the_page_and_the_docs_need_no_network(client):
    for path in ("/", "/docs", "/page/app.js", "/page/app.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text.replace("http://${", "")
        assert "https://" not in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    docs = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in docs
    assert "{&quot;" in docs or "{\n" in docs


def test_ids_with_odd_letters_can_be_asked_for(shop, tmp_path):
    from palate.core.ids import IdMap

    names = [f"a/b?{index} ü#%" for index in range(len(shop.items))]
    odd = replace(
        shop, items=IdMap(names), catalogue=replace(shop.catalogue, table=shop.catalogue.table.drop("item_id"))
    )
    client = TestClient(create_app(Bundle.of(Popularity().fit(odd), odd)))
    item = get(client, f"/v1/items/{quote(names[0], safe='')}")
    assert item["item_id"] == names[0]
    assert client.get(item["media"]["photo"]["url"]).headers["content-type"] == "image/png"


def test_an_item_is_explained_and_what_would_have_changed_it(client):
    best = client.get("/v1/recommend/user%203?k=1").json()["items"][0]
    told = client.post("/v1/explain", json={"user": "user 3", "item": best["item_id"], "k": 1}).json()
    assert told["score"] == pytest.approx(best["score"], rel=1e-5)
    assert [reason["of"] for reason in told["reasons"]] == [reason["of"] for reason in best["reasons"]]
    assert told["without"]["rank"] == 1
    assert told["without"]["items"]
    assert client.post("/v1/explain", json={"user": "user 3", "item": best["item_id"]}).json()["without"] is None
    assert client.post("/v1/explain", json={"user": "user 3", "item": "nothing"}).status_code == 404
    assert "there is no user 'x'" in client.post("/v1/explain", json={"user": "x", "item": "tea/0"}).json()["error"]
    assert client.post("/v1/explain", json={"user": "user 3", "item": "tea/0", "k": 0}).status_code == 422
