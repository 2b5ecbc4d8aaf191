"""`palate.Client` against a real service, and against one that misbehaves as told."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

import palate
from palate import Client
from palate.bundle import Bundle
from palate.client.line import Line
from palate.core.errors import ConfigError, DataError, MissingExtraError, ServiceError
from palate.data.features import FeatureTable
from palate.data.store import Store
from palate.encoders.tf_idf import TfIdf
from palate.models import ContentKNN
from services import served
from small_shop import write_shop


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    data = write_shop(tmp_path_factory.mktemp("asked") / "shop")
    texts = data.catalogue.table["title"].to_list()
    encoder = TfIdf(dim=16).fit(texts)
    values, present = encoder.encode([encoder.decode(text) for text in texts])
    data = data.with_features(title=FeatureTable(values, present, "words", "items", "text", encoder.reference()))
    folder = tmp_path_factory.mktemp("bundle") / "b"
    Bundle.of(ContentKNN(neighbours=10).fit(data), data).save(folder)
    return folder


@pytest.fixture(scope="module")
def client(folder):
    with served(folder) as service, Client(service.url) as client:
        yield client


def test_it_walks_through_all_that_is_offered(client, folder, tmp_path):
    ready = client.ready()
    assert (ready.model, ready.items) == ("content-knn", 36)
    assert client.recommend("ann", k=3).fallback == "popularity"
    taken = client.events([{"user_id": "ann", "item_id": "tea/0"}, {"user_id": "ann", "item_id": "no such"}])
    assert (taken.accepted, taken.duplicates, [each.index for each in taken.rejected]) == (1, 0, [1])
    found = client.recommend("ann", k=3, filter="price < 20")
    assert client.explain("ann", found.items[0].item_id, k=3).score == pytest.approx(found.items[0].score, rel=1e-5)
    assert (len(found.items), found.fallback) == (3, None)
    assert found.items[0].reasons[0].kind == "liked"
    batch = client.recommend_batch(
        ["ann", {"user": "ann", "k": 3, "filter": "price < 20"}, {"user": "ann", "k": 0}]
    ).answers
    assert (batch[0], batch[1], batch[2].error[:7]) == (client.recommend("ann"), found, "k was 0")
    options = {
        "exclude": ["tea/3"],
        "history": ["lamp/1"],
        "diversity": 0.5,
        "weights": {"title": 2.0},
        "reasons": False,
    }
    wanted = client.recommend("ann", k=5, **options)
    assert wanted == client.recommend_batch([{"user": "ann", "k": 5, **options}]).answers[0]
    assert wanted.items[0].reasons == []
    assert [event.item_id for event in client.history("ann").events] == ["tea/0"]
    assert client.users("user 3", limit=2).users[0].user_id == "user 3"
    assert len(client.similar("tea/0", k=4, by="content").items) == 4
    assert client.search("green lamp", k=2, user="user 3", weights={"text": 0.5}).items[0].item_id.startswith("lamp/")
    item = client.item("tea/0")
    assert item.media["photo"].url == "/v1/media/tea%2F0/photo"
    assert client.media("tea/0", "photo").startswith(b"\x89PNG")
    client.feedback(4, "fine", "ann")
    assert (client.feedback_summary().answers, client.feedback_summary().newest[0].text) == (1, "fine")
    erased = client.erase("ann")
    assert (erased.events, erased.feedback) == (1, 1)
    with pytest.raises(ServiceError, match="there is no user 'ann'") as told:
        client.history("ann")
    assert told.value.status == 404


def test_items_come_and_go(client, tmp_path):
    picture = tmp_path / "new.png"
    picture.write_bytes(client.media("tea/0", "photo"))
    posted = client.put_item("lamp/../new ü", {"title": "Purple lamp", "price": 3.0}, {"photo": picture}, wait=20)
    assert posted.live
    assert client.item("lamp/../new ü").title == "Purple lamp"
    assert client.media("lamp/../new ü", "photo") == picture.read_bytes()
    assert client.search("purple lamp", k=1).items[0].item_id == "lamp/../new ü"
    assert client.put_item("plain", {"title": "Plain cup"}, wait=20).item_id == "plain"
    for item in ("plain", "lamp/../new ü"):
        assert client.delete_item(item, wait=20).live
        with pytest.raises(ServiceError, match="there is no item"):
            client.item(item)


def test_files_are_searched_by_where_the_service_can(client, tmp_path):
    file = tmp_path / "x.png"
    file.write_bytes(b"1234")
    for asked in ({"image": file}, {"sound": file, "text": "tea", "weights": {"text": 0.5}, "filter": "price < 9"}):
        with pytest.raises(ServiceError, match="no part to search by") as told:
            client.search(**asked)
        assert told.value.status == 422
    with pytest.raises(DataError, match="cannot be read"):
        client.search(image=tmp_path / "none.png")


@pytest.mark.parametrize("name", ["..", ".", "a/../b", "a%2Fb", "a?b#c", "é 茶", "'", "\\", "a//b"])
def test_any_id_comes_over_as_it_is(client, name):
    with pytest.raises(ServiceError) as told:
        client.history(name)
    assert str(told.value).startswith(f"there is no user '{name}'")
    client.events([{"user_id": name, "item_id": "tea/0"}])
    assert len(client.history(name).events) == 1
    assert client.erase(name).events == 1


def test_an_id_that_is_no_text_is_told(client):
    with pytest.raises(DataError, match="holds a character that no text has"):
        client.recommend("\ud800")


def test_keys_are_sent_and_not_shown(folder, tmp_path):
    url = f"sqlite:///{tmp_path / 'keys.db'}"
    store = Store(url)
    key = store.add_key("reader", ["read"])
    store.close()
    with served(folder, "--store", url) as service:
        with Client(service.url, key) as client:
            assert client.recommend("user 3", k=1).items
            with pytest.raises(ServiceError, match="this needs write") as told:
                client.events([])
            assert told.value.status == 403
        with Client(service.url, "wrong") as wrong, pytest.raises(ServiceError, match="wants a key") as told:
            wrong.recommend("user 3")
        assert told.value.status == 401
    assert key not in f"{client!r} {told.value} {service.said()}"


class Naughty:
    """Answers as it is told, in turn; keeps what it was asked."""

    def __init__(self, *turns):
        self.turns, self.asked = list(turns), []

    def __call__(self, request):
        self.asked.append(request)
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn

    def client(self, **options):
        client = Client("http://service/under", **options)
        client._line.http = httpx.Client(transport=httpx.MockTransport(self), base_url="http://service/under")
        self.slept = []
        client._line.sleep = self.slept.append
        return client


TAKEN = httpx.Response(200, json={"accepted": 1, "duplicates": 0, "rejected": []})
AWAY = httpx.Response(503, json={"error": "the store is away"})
BROKEN = httpx.ReadError("reset")


def test_events_are_sent_again_with_the_ids_they_had():
    service = Naughty(httpx.ConnectError("refused"), AWAY, BROKEN, httpx.RemoteProtocolError("half an answer"), TAKEN)
    event = {"user_id": "ann", "item_id": "x"}
    assert service.client().events([event, {**event, "event_id": "mine"}]).accepted == 1
    bodies = [json.loads(request.content) for request in service.asked]
    assert bodies == [bodies[0]] * 5
    ids = [each["event_id"] for each in bodies[0]["events"]]
    assert (len(ids[0]), ids[1]) == (32, "mine")
    assert event == {"user_id": "ann", "item_id": "x"}
    assert str(service.asked[0].url) == "http://service/under/v1/events"


def test_the_waits_grow_differ_and_end():
    waits = []
    for _ in range(40):
        service = Naughty(*[AWAY] * 6)
        with pytest.raises(ServiceError, match="the store is away") as told:
            service.client().events([])
        assert told.value.status == 503
        waits.append(service.slept)
    assert [len(each) for each in waits] == [5] * 40
    for turn, longest in enumerate((0.1, 0.2, 0.4, 0.8, 1.6)):
        drawn = [each[turn] for each in waits]
        assert longest / 2 < max(drawn) <= longest
        assert len(set(drawn)) > 30


def test_what_may_have_counted_is_not_sent_again():
    for turn in (BROKEN, AWAY, httpx.ReadTimeout("slow")):
        service = Naughty(turn)
        with pytest.raises(ServiceError):
            service.client().feedback(3)
        assert len(service.asked) == 1
    service = Naughty(
        httpx.ConnectError("refused"), httpx.Response(429, headers={"retry-after": "2"}), httpx.Response(201)
    )
    service.client().feedback(3)
    assert service.slept[1] == 2.0


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(httpx.Response(500, json={"error": "a bug"}), "a bug"), (httpx.Response(502, text="<html>bad"), "answered 502 Bad Gateway: <html>bad"),
     (httpx.Response(400, json=["error"]), "answered 400"), (httpx.Response(422, json={"error": "k was 0"}), "k was 0"),
     (httpx.Response(307, headers={"location": "http://elsewhere/"}), "answered 307")],
)  # fmt: skip
def test_a_refusal_is_told_at_once(answer, sentence):
    service = Naughty(answer)
    with pytest.raises(ServiceError, match=sentence) as told:
        service.client().recommend("ann")
    assert (told.value.status, len(service.asked)) == (answer.status_code, 1)


def test_a_service_that_is_not_there_is_told_of():
    service = Naughty(httpx.ConnectError("refused"))
    with pytest.raises(ServiceError, match=r"http://service/under/ cannot be reached .*start it") as told:
        service.client(retries=0).recommend("ann")
    assert told.value.status is None
    with pytest.raises(ServiceError, match=r"no answer within 0.5 s: ask again"):
        Naughty(httpx.ReadTimeout("slow")).client(timeout=0.5).events([])
    with pytest.raises(ServiceError):
        Naughty(AWAY).client().ready()


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "", "http://[::1", "http://x:port"])
def test_an_address_that_is_none_is_told(url):
    with pytest.raises(ConfigError, match=r"such as http://127.0.0.1:8000"):
        Client(url)


def test_options_go_as_the_route_wants_them():
    service = Naughty(httpx.Response(200, json={"items": []}))
    service.client().recommend(
        "ann", exclude=["a", "b"], history=["c"], diversity=0.5, weights={"title": 2}, reasons=False
    )
    assert (
        service.asked[0].url.query == b"k=10&exclude=a&exclude=b&history=c&diversity=0.5&weight=title%3A2&reasons=false"
    )


def test_it_needs_neither_the_service_nor_torch(monkeypatch):
    code = "import palate, sys; palate.Client('http://x'); print({'fastapi', 'starlette', 'torch', 'sqlalchemy', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'palate\[client\]'"):
        Line("http://x", None, 1, 1)
    assert palate.Client is Client
