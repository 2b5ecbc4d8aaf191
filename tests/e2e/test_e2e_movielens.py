"""The road by hand on real data: films with titles, tags and posters, from import to served answers."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from palate.cli import _run

pytestmark = [pytest.mark.data, pytest.mark.weights, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("films")


def call(capsys, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    code = _run([*words, "--json"], debug=False)
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


@pytest.mark.soak
def test_from_import_to_served_answers(real_data, place, capsys):
    films, bundle = str(place / "ml"), str(place / "ml.palate")
    call(capsys, "data", "import", "movielens", str(real_data / "movielens-posters"), films)

    found = call(capsys, "data", "check", films)
    assert (found["users"], found["items"], found["interactions"]) == (610, 9742, 100_836)
    (without,) = (row for row in found["problems"] if (row["kind"], row["column"]) == ("missing-media", "poster"))
    assert without["count"] == len(set(without["ids"])) == 225

    encoded = call(capsys, "encode", films, "--text", "use", "--image", "efficientnet-lite0")
    rows = {row["part"]: row for row in encoded["rows"]}
    assert rows["poster"]["coverage"] == pytest.approx(9517 / 9742, abs=0.002)

    models = "popularity,item-knn,content-knn,ease"
    table = {row["model"]: row for row in call(capsys, "compare", films, "--models", models)["rows"]}
    assert set(table) == set(models.split(","))
    assert table["item-knn"]["metrics"]["recall@20"] > table["popularity"]["metrics"]["recall@20"]

    cold = call(capsys, "compare", films, "--models", "popularity,item-knn,content-knn", "--how", "cold-items")
    metric = {row["model"]: row["metrics"]["recall@20"] for row in cold["rows"]}
    assert metric["content-knn"] > 3 * max(metric["item-knn"], metric["popularity"])
    assert metric["content-knn"] > 0.005

    text_and_posters_are_worth_more_than_either(capsys, films)

    call(capsys, "train", films, "--model", "item-knn", "--out", bundle)
    measured = call(capsys, "evaluate", bundle)
    assert measured["protocol"] == "strict"
    assert measured["metrics"]["recall@20"] == pytest.approx(table["item-knn"]["metrics"]["recall@20"], abs=1e-6)
    low, high = measured["intervals"]["recall@20"]
    assert low < measured["metrics"]["recall@20"] < high

    listed = call(capsys, "recommend", bundle, "--user", "1", "-k", "10")["items"]
    assert [item["rank"] for item in listed] == list(range(1, 11))
    assert call(capsys, "similar", bundle, "--item", "1")["items"]
    toy_story = "1"
    assert toy_story in {
        item["item_id"] for item in call(capsys, "search", bundle, "--text", "toys that come to life")["items"]
    }
    answers_over_http(bundle, listed)


def text_and_posters_are_worth_more_than_either(capsys, films: str) -> None:
    """On films that nobody has met; a list at random finds 20 of 9,742."""
    models = "both=content-knn,text=content-knn,poster=content-knn"
    chosen = ["--set", "text.parts=[genres,tags,title]", "--set", "poster.parts=[poster]"]
    told = call(capsys, "compare", films, "--models", models, *chosen, "--how", "cold-items")
    metric = {row["model"]: row["metrics"]["recall@20"] for row in told["rows"]}
    assert metric["both"] > metric["text"] + 0.003
    assert metric["text"] > metric["poster"] > 2 * 20 / 9742
    assert {test["p"] < 0.05 for test in told["tests"] if test["metric"] == "recall@20"} == {True}


def answers_over_http(bundle: str, listed: list[dict[str, Any]]) -> None:
    import uvicorn

    from palate.bundle import Bundle
    from palate.data.store import Store, store_of
    from palate.serving.app import create_app

    app = create_app(Bundle.open(bundle), None, Store(store_of(Path(bundle))))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        items = client.get("/v1/recommend/1?k=10").json()["items"]
        assert [item["item_id"] for item in items] == [item["item_id"] for item in listed]
        assert re.search(r"because you liked", json.dumps(items), re.IGNORECASE)
        a_poster_is_posted_and_found(client)
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def a_poster_is_posted_and_found(client: httpx.Client) -> None:
    poster = client.get("/v1/media/1/poster").content
    film = {"title": "Toys, Once More", "genres": "Adventure, Animation, Children, Comedy", "year": 2026}
    told = client.put("/v1/items/9999999?wait=30", data={"data": json.dumps(film)}, files={"poster": ("a.jpg", poster)})
    assert told.json() == {"item_id": "9999999", "live": True, "seconds": 0, "troubles": {}}
    seen = client.post("/v1/search", files={"image": ("b.jpg", poster)}).json()["items"]
    assert {item["item_id"] for item in seen[:2]} == {"1", "9999999"}
    named = client.post("/v1/search", json={"text": "toys once more", "k": 3}).json()["items"]
    assert named[0]["item_id"] == "9999999"
    assert client.get("/v1/similar/9999999?k=1").json()["items"][0]["item_id"] == "1"
    fan = {"history": ["1", "3114", "2355", "78499"], "k": 100}
    listed = client.get("/v1/recommend/nobody", params=fan).json()["items"]
    (said,) = [hit["reasons"][0] for hit in listed if hit["item_id"] == "9999999"]
    assert said["text"] == "new: by what it is, most like Toy Story"
