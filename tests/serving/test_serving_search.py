"""Search of every kind over HTTP and on the command line."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from palate.bundle import Bundle
from palate.cli import _run
from palate.core.errors import UnknownNameError
from palate.data.features import EncoderRef
from palate.models import ItemKNN, Popularity
from palate.serving import Engine, ServingSettings
from palate.serving.app import create_app


def picture(colour="red"):
    content = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(content, "PNG")
    return {"image": ("x.png", content.getvalue())}


class FourColours:
    """Stands in for an encoder of pictures: reddish is the first of four directions, as in the small shop."""

    def prepare(self):
        self.ready = True

    name, views, modality = "eye", None, "image"
    stand_in = False

    def for_queries(self):
        return self

    @property
    def space(self):
        return id(self)

    def companion(self, modality):
        return None

    def decode(self, raw):
        with Image.open(raw) as image:
            return image.convert("RGB").getpixel((0, 0))

    def encode(self, decoded):
        values = np.array([[r > 128, g > 128, b > 128, 0] for r, g, b in decoded], np.float32)
        return values, values.any(axis=1)


@pytest.fixture
def seeing(shop, monkeypatch):
    """A client of a shop whose pictures can be searched too."""
    from palate.retrieval import searcher

    real = searcher.restore
    monkeypatch.setattr(searcher, "restore", lambda ref: FourColours() if ref.name == "eye" else real(ref))
    data = shop.with_features(photo=replace(shop.features["photo"], encoder=EncoderRef("eye")))
    return TestClient(create_app(Bundle.of(ItemKNN().fit(data), data)))


def post(client, **body):
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def form(client, **fields):
    answer = client.post("/v1/search", files=picture(), data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_text_is_looked_for_in_three_ways(client):
    for by, kinds in (
        ("vectors", {"part"}),
        ("words", {"words"}),
        ("hybrid", {"part", "words"}),
        (None, {"part", "words"}),
    ):
        hits = post(client, text="green lamp", k=3, by=by)
        assert all(hit["item_id"].startswith("lamp/") for hit in hits)
        assert {reason["kind"] for reason in hits[0]["reasons"]} == kinds
        for hit in hits:
            assert sum(reason["amount"] for reason in hit["reasons"]) == pytest.approx(hit["score"], abs=1e-5)
            assert sum(reason["share"] for reason in hit["reasons"]) == pytest.approx(1, abs=1e-5)
    assert post(client, text="green lamp", k=1)[0]["score"] == pytest.approx(1)


def test_the_words_that_matched_are_named(client):
    (hit,) = post(client, text="GREEN lamps", k=1, by="words")
    assert [reason["text"] for reason in hit["reasons"]] == ["title: Green, lamp"]


def test_a_picture_and_a_text_by_weight(seeing):
    assert all(int(hit["item_id"].split("/")[1]) % 4 == 0 for hit in form(seeing, k=5))  # red ones

    def found(weight):
        hits = form(seeing, k="3", text="blue cup", weights=json.dumps({"image": weight}), by="words")
        return [(hit["item_id"].split("/")[0], int(hit["item_id"].split("/")[1]) % 4) for hit in hits]

    assert [colour for _, colour in found(0.95)] == [0, 0, 0]
    assert found(0.02) == [("cup", 2)] * 3
    hits = form(seeing, text="blue cup", k=4)
    for hit in hits:
        assert sum(reason["amount"] for reason in hit["reasons"]) == pytest.approx(hit["score"], abs=1e-5)


def test_a_search_to_the_taste_of_somebody(seeing, shop):
    liked = {person: shop.liked[[person]].indices for person in range(3)}
    assert all(np.mean(items % 3 == person) > 0.5 for person, items in liked.items())
    kinds = {0: "tea/", 1: "lamp/", 2: "cup/"}
    for person, kind in kinds.items():
        hits = post(seeing, text="green", k=3, by="words", user=f"user {person}", weights={"user": 0.5})
        assert all(hit["item_id"].startswith(kind) for hit in hits)
        assert all("green" in hit["reasons"][0]["text"].lower() for hit in hits)
        taste = [reason for reason in hits[0]["reasons"] if reason["kind"] == "taste"]
        assert taste[0]["text"].startswith(f"taste of user {person}, who liked ")
        assert taste[0]["text"].endswith(" of 9")
    everything = {hit["item_id"] for hit in post(seeing, text="green", k=30, by="words")}
    assert {hit["item_id"] for hit in post(seeing, text="green", k=30, by="words", user="user 1")} == everything


def test_the_graph_finds_what_the_exact_index_finds(bundle):
    exact, graph = Engine(bundle), Engine(bundle, ServingSettings(index="hnsw"))
    assert graph.prepare() == exact.prepare() == []
    for where in (None, "price < 12"):
        for by in ("vectors", "hybrid"):
            mine = exact.search(text="green lamp", k=5, by=by, where=where)
            assert graph.search(text="green lamp", k=5, by=by, where=where) == mine
        assert graph.similar("tea/0", 5, "content", where) == exact.similar("tea/0", 5, "content", where)
    with pytest.raises(UnknownNameError, match=r"no index 'hsnw': did you mean 'hnsw'\? \(allowed: exact, hnsw\)"):
        Engine(bundle, ServingSettings(index="hsnw"))


def test_somebody_without_a_past_gets_what_everybody_gets(shop):
    rows = shop.interactions
    data = shop.with_interactions(rows.take(np.flatnonzero(rows.user != 5)))
    engine = Engine(Bundle.of(ItemKNN().fit(data), data))
    mine = engine.search(text="lamp", user="user 5", weights={"user": 0.8})
    assert mine == engine.search(text="lamp")


def test_a_catalogue_without_encoders_is_searched_by_words(tiny, tmp_path):
    data = tiny.without_features("photo", "title")
    Bundle.of(Popularity().fit(data), data).save(tmp_path / "b")
    client = TestClient(create_app(Bundle.open(tmp_path / "b")))
    assert client.get("/ready").json()["search"] == ["text"]
    hits = post(client, text="thing 7", k=2)
    assert hits[0]["item_id"] == "i7"
    bare = replace(data, catalogue=replace(data.catalogue, types={}))
    silent = TestClient(create_app(Bundle.of(Popularity().fit(bare), bare)))
    assert silent.get("/ready").json()["search"] == []
    assert "no part to search by text" in silent.post("/v1/search", json={"text": "thing"}).json()["error"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"text": "lamp", "by": "smell"}, "by: Input should be 'vectors', 'words' or 'hybrid'"),
        ({"text": "lamp", "user": "nobody"}, "there is no user 'nobody'"),
        ({"text": "lamp", "weights": {"text": 2}}, "was 2: give a number from 0 to 1"),
        ({"text": "lamp", "weights": {"user": 0.5}}, "'user' has nothing to weigh"),
        ({"text": "lamp", "weights": {"smell": 0.5}}, "weights.smell: Input should be 'text' or 'user'"),
        ({"text": "lamp", "weights": {"text": "much"}}, "weights.text: Input should be a valid number"),
        ({"text": "?!"}, "could not be read by the encoder"),
        ({"text": "?!", "by": "words"}, "'?!' holds no word to look for"),
        ({"k": 3}, "text: Field required"),
    ],
)  # fmt: skip
def test_a_wrong_search_is_one_sentence(client, body, sentence):
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"weights": "much"}, "weights: Invalid JSON"), ({"weights": '{"smell": 1}'}, "weights.smell"), ({"by": "words"}, "give a text"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"), ({"user": "nobody"}, "there is no user 'nobody'"),
        ({"weights": '{"image": 1, "text": 0}'}, "'text' has nothing to weigh"),
    ],
)  # fmt: skip
def test_a_wrong_form_is_one_sentence(seeing, fields, sentence):
    answer = seeing.post("/v1/search", files=picture(), data=fields)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_popularity_knows_no_tastes(shop):
    client = TestClient(create_app(Bundle.of(Popularity().fit(shop), shop)))
    answer = client.post("/v1/search", json={"text": "lamp", "user": "user 1"})
    assert "popularity is the same for everyone" in answer.json()["error"]


def test_the_command_line_searches_in_every_way(bundle, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    bundle.save(tmp_path / "b")

    def say(*words, code=0):
        assert _run(["search", str(tmp_path / "b"), *words], debug=False) == code
        out, err = capsys.readouterr()
        assert all(len(line) <= 80 for line in out.splitlines())
        return err if code else out

    assert "title: Green, lamp" in say("--text", "green lamp", "--by", "words")
    personal = say("--text", "green lamp", "--user", "user 1", "--weight", "user=0.5", "-k", "2")
    assert "items for 'green lamp', to the taste of user 1" in personal
    assert "taste of user 1" in " ".join(personal.split())
    assert "'smell' is not one of" in say("--text", "x", "--by", "smell", code=2)
    assert "'text' is no weight: write text=0.7" in say("--text", "x", "--weight", "text", code=2)
    assert "there is no user 'nobody'" in say("--text", "lamp", "--user", "nobody", code=2)
    assert "nothing to weigh" in say("--text", "lamp", "--weight", "image=0.5", code=2)
    assert "--text, --image, --sound or several: give one of them" in say(code=2)


def test_a_catalogue_in_chinese(shop):
    names = [
        f"{colour}{kind}"
        for colour in ("红色", "绿色", "复古")
        for kind in ("茶壶", "台灯", "马克杯")
        for _ in range(4)
    ]
    table = shop.catalogue.table.with_columns(pl.Series("title", names))
    data = replace(shop, catalogue=replace(shop.catalogue, table=table)).without_features("title")
    client = TestClient(create_app(Bundle.of(Popularity().fit(data), data)))
    for text, named in (
        ("台灯", "台灯"),
        ("复古台灯", "复古台灯"),
        ("茶壶", "茶壶"),
        ("马克", "马克杯"),
        ("绿色的马克杯", "绿色马克杯"),
    ):
        hits = post(client, text=text, k=4)
        assert {names[data.items.code(hit["item_id"])] for hit in hits} <= {name for name in names if named in name}
        assert len(hits) == 4
