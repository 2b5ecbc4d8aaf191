"""Lists for many people in one request."""

from __future__ import annotations

import numpy as np
import pytest
from fastapi.testclient import TestClient

from palate.bundle import Bundle
from palate.core.errors import DataError
from palate.data.store import Store
from palate.models import ContentKNN, ItemKNN, VectorSpace
from palate.serving import Engine, ServingSettings, ranker
from palate.serving.app import create_app
from palate.serving.options import Options

PATH = "/v1/recommend:batch"
VARIED = [
    {"user": "user 3", "k": 4},
    {"user": "nobody", "k": 2},
    {"user": "user 4", "k": 30, "filter": "price < 20", "reasons": False},
    {"user": "user 5", "exclude": ["tea/0"], "history": ["cup/2"], "diversity": 0.5},
    {"user": "user 5", "weights": {"photo": 2}},
    {"user": "user 6", "filter": "price < 0"},
    {"user": "user 7", "filter": "price < 4.5"},
]


def test_each_gets_what_they_would_get_alone(client, bundle):
    told = client.post(PATH, json={"requests": VARIED})
    assert told.status_code == 200, told.text
    engine = Engine(bundle)
    for wanted, answer in zip(VARIED, told.json()["answers"], strict=True):
        given = {"where" if name == "filter" else name: value for name, value in wanted.items()}
        alone = engine.recommend(**given).model_dump(mode="json")
        assert [hit["item_id"] for hit in answer["items"]] == [hit["item_id"] for hit in alone["items"]]
        assert [hit["score"] for hit in answer["items"]] == pytest.approx([hit["score"] for hit in alone["items"]])
        assert [hit["reasons"] for hit in answer["items"]] == [hit["reasons"] for hit in alone["items"]]
        assert answer["fallback"] == alone["fallback"]


def test_what_is_wrong_is_told_in_its_place(client):
    wrong = [
        ({"user": "user 3", "k": 0}, "k was 0: ask for 1 to 100 items"),
        ({"user": "user 3", "filter": "prize < 3"}, "no column 'prize'"),
        ({"user": "user 3", "history": ["x"]}, "history names 'x'"),
        ({"user": "user 3", "weights": {"foto": 2}}, "no part 'foto'"),
        ({"user": "user 3", "colour": "red"}, "colour: extra inputs are not permitted"),
        ({"k": 3}, "user: field required"),
        ("user 3", "the request: input should be"),
        (None, "the request: input should be"),
    ]
    good = {"user": "user 3", "k": 2}
    requests = [part for request, _ in wrong for part in (request, good)]
    answers = client.post(PATH, json={"requests": requests}).json()["answers"]
    alone = client.get("/v1/recommend/user%203?k=2").json()
    assert [[hit["item_id"] for hit in answer["items"]] for answer in answers[1::2]] == [
        [hit["item_id"] for hit in alone["items"]]
    ] * len(wrong)
    for (_, sentence), answer in zip(wrong, answers[::2], strict=True):
        assert list(answer) == ["error"]
        assert sentence in answer["error"]


def test_there_is_a_limit(bundle):
    client = TestClient(create_app(bundle, ServingSettings(max_batch=2)))
    two = [{"user": "user 3"}] * 2
    assert client.post(PATH, json={"requests": two}).status_code == 200
    assert client.post(PATH, json={"requests": []}).json() == {"answers": []}
    refused = client.post(PATH, json={"requests": two * 2})
    assert (refused.status_code, "ask for at most 2" in refused.json()["error"]) == (413, True)


def test_a_key_for_one_person_asks_for_that_person_alone(bundle, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    key = store.add_key("ann's", ["read"], "user 3")
    app = create_app(bundle, None, store)
    client = TestClient(app, headers={"authorization": f"Bearer {key}"})
    own = {"user": "user 3", "k": 2}
    assert client.post(PATH, json={"requests": [own, own]}).status_code == 200
    assert client.post(PATH, json={"requests": [own, {"user": "user 4"}]}).status_code == 403
    app.state.live.close()


@pytest.mark.parametrize("kind", [ItemKNN, ContentKNN, VectorSpace])
def test_all_are_scored_in_one_call_and_as_each_alone(shop, monkeypatch, kind):
    engine = Engine(Bundle.of(kind().fit(shop), shop))
    users = [f"user {n}" for n in range(40)]
    alone = [engine.recommend(user, 10, reasons=False) for user in users]
    calls = []
    score = engine.model.score
    monkeypatch.setattr(
        engine.model, "score", lambda queries, *more: calls.append(len(queries)) or score(queries, *more)
    )
    together = engine.recommend_all([(user, Options(10, reasons=False)) for user in users])
    assert calls == [40]
    for one, other in zip(alone, together, strict=True):
        assert [hit.item_id for hit in one.items] == [hit.item_id for hit in other.items]
        assert np.allclose([hit.score for hit in one.items], [hit.score for hit in other.items], rtol=1e-5)


def test_many_are_scored_in_blocks(shop, monkeypatch):
    monkeypatch.setattr(ranker, "_CELLS", 36 * 7)
    engine = Engine(Bundle.of(ItemKNN().fit(shop), shop))
    users = [f"user {n}" for n in range(20)]
    calls = []
    score = engine.model.score
    monkeypatch.setattr(engine.model, "score", lambda queries: calls.append(len(queries)) or score(queries))
    together = engine.recommend_all([(user, Options(reasons=False)) for user in users])
    assert calls == [7, 7, 6]
    assert together[13] == engine.recommend("user 13", reasons=False)


def test_a_model_that_fails_is_told_to_all_whom_it_failed(shop, monkeypatch):
    engine = Engine(Bundle.of(ItemKNN().fit(shop), shop))

    def broken(queries):
        raise DataError("it is broken")

    monkeypatch.setattr(engine.model, "score", broken)
    answers = engine.recommend_all([("user 3", Options()), ("user 4", Options(k=0)), ("user 5", Options())])
    assert [str(answer)[:12] for answer in answers] == ["it is broken", "k was 0: ask", "it is broken"]
