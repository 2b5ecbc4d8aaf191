"""The road by hand on real data: films with titles, tags and posters, from import to served answers."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

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
    from palate.serving.app import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(Bundle.open(bundle)), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/recommend/1?k=10") as answer:
        items = json.load(answer)["items"]
    assert [item["item_id"] for item in items] == [item["item_id"] for item in listed]
    assert re.search(r"because you liked", json.dumps(items), re.IGNORECASE)
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
