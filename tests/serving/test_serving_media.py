from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from palate.bundle import Bundle
from palate.models import Popularity
from palate.serving.app import create_app


def served(shop, **first_row):
    table = shop.catalogue.table
    columns = [
        pl.Series(name, [value, *table[name].to_list()[1:]], dtype=table[name].dtype)
        for name, value in first_row.items()
    ]
    data = replace(shop, catalogue=replace(shop.catalogue, table=table.with_columns(columns)))
    return TestClient(create_app(Bundle.of(Popularity().fit(data), data)))


def test_a_file_is_sent_whole_or_in_part(client, shop):
    content = (shop.catalogue.root / "media/sound/0.wav").read_bytes()
    whole = client.get("/v1/media/tea%2F0/sound")
    assert whole.content == content
    assert whole.headers["content-type"] == "audio/wav"
    part = client.get("/v1/media/tea%2F0/sound", headers={"Range": "bytes=4-7"})
    assert part.status_code == 206
    assert part.content == content[4:8]
    assert part.headers["content-range"] == f"bytes 4-7/{len(content)}"
    assert client.get("/v1/media/tea%2F0/sound", headers={"Range": "bytes=999999-"}).status_code == 416


def test_the_content_type_is_that_of_the_content(shop):
    path = shop.catalogue.root / "media/photo/wrong.png"
    Image.new("RGB", (3, 3)).save(path, "JPEG")
    answer = served(shop, photo="media/photo/wrong.png").get("/v1/media/tea%2F0/photo")
    assert answer.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("content", [b"<html><script>alert(1)</script>", b"<svg xmlns='x'><script>1</script></svg>"])
def test_what_could_run_is_never_sent_as_such(shop, content):
    name = "media/photo/page.svg"
    (shop.catalogue.root / name).write_bytes(content)
    answer = served(shop, photo=name).get("/v1/media/tea%2F0/photo")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("value", ["../secret.png", "media/../../secret.png", "{outside}", "media/photo/link.png"])
def test_nothing_outside_the_dataset_is_sent(shop, value):
    secret = shop.catalogue.root.parent / "secret.png"
    Image.new("RGB", (3, 3)).save(secret)
    link = shop.catalogue.root / "media/photo/link.png"
    if not link.is_symlink():
        link.symlink_to(secret)
    answer = served(shop, photo=value.format(outside=secret)).get("/v1/media/tea%2F0/photo")
    assert answer.status_code == 404
    assert "photo" in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/v1/media/tea%2F0/..%2F..%2Fpyproject.toml", "/v1/media/..%2F..%2Fetc/passwd", "/page/..%2Fapp.py"]
)
def test_a_path_in_the_request_leads_nowhere(client, path):
    assert client.get(path).status_code == 404


def test_a_file_that_is_gone_is_not_shown(shop):
    client = served(shop, photo="media/photo/none.png")
    assert "photo" not in client.get("/v1/items/tea%2F0").json()["media"]
    assert client.get("/v1/media/tea%2F0/photo").status_code == 404


def test_an_address_is_handed_on_but_only_of_the_web(shop):
    client = served(shop, photo="https://example.org/a.png", sound="javascript://alert(1)")
    media = client.get("/v1/items/tea%2F0").json()["media"]
    assert media == {"photo": {"type": "image", "url": "https://example.org/a.png"}}
    assert client.get("/v1/media/tea%2F0/photo").status_code == 404
