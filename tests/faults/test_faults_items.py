"""Items that nobody means well: bombs, files that are something else, names that lead elsewhere, columns that are none."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from urllib.parse import quote

import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient

from fuzzer import BOMBS, GOOD
from palate.bundle import Bundle
from palate.data.store import Store
from palate.encoders.pipeline import encode
from palate.models import ItemKNN
from palate.serving import ServingSettings
from palate.serving.app import create_app
from small_shop import write_shop

RNG = np.random.default_rng(0)
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("items")


@pytest.fixture(scope="module")
def client(place):
    data = write_shop(place / "shop")
    data = encode(data.without_features(*data.features), title="tf-idf", photo="colour-texture")
    settings = ServingSettings(decode_seconds=5, decode_memory_mb=600)
    app = create_app(Bundle.of(ItemKNN().fit(data), data), settings, Store(f"sqlite:///{place / 'events.db'}"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def put(client, item, given=None, files=None, wait=20):
    path, data = f"/v1/items/{quote(item, safe='')}?wait={wait}", {"data": json.dumps(given or {"title": "Odd lamp"})}
    answer = client.put(path, data=data, files=files) if files else client.put(path, json=given)
    assert answer.status_code < 500, answer.text
    return answer


def zipped(n):
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.png", bytes(n))
    return file.getvalue()


NASTY = {
    **{f"bomb {number}": make(RNG)[1] for number, make in enumerate(BOMBS["image"])},
    "zip": zipped(50 << 20),
    "half": GOOD["image"]["png"](RNG)[:-40],
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><image href="file:///etc/passwd"/></svg>',
    "html": b"<html><script>alert(1)</script>",
    "elf": b"\x7fELF" + bytes(500),
    "nothing": b"",
    "playlist": b"#EXTM3U\nfile:///etc/passwd\n",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
}


@pytest.mark.parametrize("name", NASTY)
def test_files_that_are_no_pictures_cost_nothing_but_themselves(client, name):
    memory = psutil.Process().memory_info().rss
    told = put(client, name, files={"photo": ("../../../../tmp/photo.png", NASTY[name])})
    assert told.status_code in (200, 413, 422), told.text
    if told.status_code == 200:
        assert "photo" in told.json()["troubles"] or name == "half"
        answer = client.get(f"/v1/media/{quote(name, safe='')}/photo")
        kind = answer.headers["content-type"]
        assert answer.status_code == 404 or kind == "application/octet-stream" or kind.startswith("image/")
        assert "svg" not in kind
        assert "script" not in kind
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert b"root:" not in answer.content
    assert psutil.Process().memory_info().rss - memory < 100 << 20
    found = client.post("/v1/search", files={"image": ("x.png", NASTY[name])})
    assert found.status_code in (200, 422), found.text
    assert client.get("/v1/recommend/user%203?k=3").json()["items"]


@pytest.mark.parametrize(
    "name",
    [
        "../../evil",
        "/etc/passwd",
        "a/../../b",
        "a\\..\\b",
        "C:\\x",
        "con",
        "-rf",
        "~",
        "$HOME",
        "'; --",
        "é 茶 🍵",
    ],
)
def test_names_of_items_lead_nowhere(client, place, name):
    before = set(place.parent.rglob("*"))
    picture = GOOD["image"]["png"](RNG)
    assert put(client, name, {"title": "Odd lamp"}, {"photo": (f"{name}.png", picture)}).json()["live"]
    assert client.get(f"/v1/items/{quote(name, safe='')}").json()["item_id"] == name
    assert client.get(f"/v1/media/{quote(name, safe='')}/photo").content == picture
    assert client.delete(f"/v1/items/{quote(name, safe='')}?wait=20").json()["live"]
    new = set(place.parent.rglob("*")) - before
    assert [path for path in new if not path.name.startswith("events.db")] == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000, b'{"title":' * 50_000, b"{}", b"[]", b"null", b"3", b'"x"', b"\xff", b'{"title": "\\ud800"}', b'{"title": "a\\u0000"}',
        b'{"\\ud800": 1}', b'{"price": NaN}', b'{"price": Infinity}', b'{"price": 1e999}', b'{"price": 1' + b"0" * 4000 + b"}",
        b'{"price": 1' + b"0" * 400 + b"}", b'{"price": "4"}', b'{"price": [4]}', b'{"price": true}', b'{"title": {"a": 1}}',
        b'{"photo": "../../etc/passwd"}', b'{"photo": "file:///etc/passwd"}', b'{"photo": "http://x/y.png"}', b'{"item_id": "other"}',
        b'{"vectors": {"title": [1]}}', b'{"vectors": 3}', b'{"__class__": 1}', b'{"title": "' + b"x" * 900_000 + b'"}', b'{"title": "x", "title": 3}',
    ],
    ids=lambda body: repr(body[:40]),
)  # fmt: skip
def test_columns_that_are_none_are_told(client, body):
    answer = client.put("/v1/items/odd?wait=20", content=body, headers=JSON)
    assert answer.status_code in (400, 413, 422), answer.text
    assert list(answer.json()) == ["error"]
    assert client.get("/v1/items/odd").status_code == 404


def test_columns_that_are_nested_deep_are_told(client):
    for depth in (9, 100, *range(940, 1000, 3), 5000):
        for column in ("title", "price", "vectors", "none"):
            for value in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
                answer = client.put("/v1/items/deep?wait=20", content=f'{{"{column}": {value}}}', headers=JSON)
                assert answer.status_code == 422, answer.text


def test_ids_of_ten_thousand_letters_are_refused(client):
    for name in ("a" * 10_000, "é" * 5000, "/" * 10_000, "a\0b"):
        assert put(client, name, {"title": "x"}).status_code == 422
        assert client.delete(f"/v1/items/{quote(name, safe='')}").status_code in (404, 422)


def test_forms_with_too_much_in_them_are_refused(client):
    picture = GOOD["image"]["png"](RNG)
    assert put(client, "many", files=[(f"f{number}", ("a.png", b"x")) for number in range(2000)]).status_code in (
        400,
        422,
    )
    assert put(client, "many", files=[("photo", ("a.png", picture))] * 2).status_code == 422
    assert put(client, "many", files={"title": ("a.png", picture)}).status_code == 422
    assert put(client, "many", files={"photo": ("a.png", bytes(22 << 20))}).status_code == 413
    assert client.put(
        "/v1/items/many", data={f"x{number}": "y" for number in range(5000)}, files={"photo": picture}
    ).status_code in (400, 422)
    assert client.get("/v1/items/many").status_code == 404
