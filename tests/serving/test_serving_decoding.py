"""Uploads are decoded by processes that may use so much and no more."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from fastapi.testclient import TestClient
from PIL import Image

import fragile_encoder
from fragile_encoder import Fragile
from palate.bundle import Bundle
from palate.cli import _run
from palate.core.errors import PalateError
from palate.encoders import BrokenInput, registry
from palate.encoders.colour_texture import ColourTexture
from palate.encoders.mel import Mel
from palate.models import Popularity
from palate.serving import ServingSettings
from palate.serving.app import create_app
from palate.serving.decoding import Decoding
from small_shop import tone

SETTINGS = ServingSettings(decode_seconds=3, decode_memory_mb=600)
MB = 1 << 20


@pytest.fixture
def fragile(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    fragile_encoder.install(tmp_path / "plugins")
    yield Fragile()
    registry.__dict__.pop("_plugins", None)


@pytest.fixture(scope="module")
def decoding():
    with Decoding(SETTINGS) as made:
        yield made


@pytest.fixture(scope="module")
def senses(shop):
    """The shop, whose pictures and sounds can be searched."""
    made = {}
    for column, encoder in (("photo", ColourTexture()), ("sound", Mel())):
        paths = [None if cell is None else shop.catalogue.root / cell for cell in shop.catalogue.table[column]]
        values, present = encoder.encode([None if path is None else encoder.decode(path) for path in paths])
        table = replace(shop.features["photo"], values=values, present=present, modality=encoder.modality)
        made[column] = replace(table, encoder=encoder.reference())
    return shop.with_features(**made)


@pytest.fixture(scope="module")
def seeing(senses):
    with TestClient(create_app(Bundle.of(Popularity().fit(senses), senses), SETTINGS)) as client:
        yield client


def children():
    return {child.pid for child in psutil.Process().children()}


def said(path: Path, word: str) -> Path:
    path.write_text(word)
    return path


def test_a_file_is_decoded_as_the_encoder_does_it(decoding, shop):
    path = shop.catalogue.root / "media/photo/0.png"
    encoder = ColourTexture()
    np.testing.assert_array_equal(decoding.decode(encoder, path), encoder.decode(path))
    before = children()
    decoding.decode(ColourTexture(), path)
    assert children() == before


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("segfault", "crashed on it"), ("exit", "exit code 3"), ("bug", "ZeroDivisionError"), ("broken", "it says so itself"),
        ("spin", "longer than 1 s, the limit that decode_seconds sets"), ("hang", "longer than 1 s"),
    ],
)  # fmt: skip
def test_one_that_dies_costs_its_file_and_is_replaced(fragile, tmp_path, word, reason):
    with Decoding(ServingSettings(decode_seconds=1, decoders=1)) as decoding:
        with pytest.raises(BrokenInput, match=reason):
            decoding.decode(fragile, said(tmp_path / "bad", word))
        assert decoding.decode(fragile, said(tmp_path / "good", "abc")).name == "abc"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="address space is held on Linux")
def test_one_that_takes_too_much_memory_is_told_so(fragile, tmp_path):
    with Decoding(ServingSettings(decode_memory_mb=64, decoders=1)) as decoding:
        with pytest.raises(BrokenInput, match=r"more memory|MemoryError|crashed"):
            decoding.decode(fragile, said(tmp_path / "bad", "hoard"))
        assert decoding.decode(fragile, said(tmp_path / "good", "abc")).name == "abc"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_one_that_stops_its_own_clock_is_ended_by_its_parent(fragile, tmp_path, monkeypatch):
    monkeypatch.setattr("palate.encoders.pipeline.workers.GRACE", 0.2)
    with (
        Decoding(ServingSettings(decode_seconds=1)) as decoding,
        pytest.raises(BrokenInput, match="longer than 1 s"),
    ):
        decoding.decode(fragile, said(tmp_path / "bad", "timeless"))


def test_an_answer_is_not_read_beyond_its_limit(fragile, tmp_path, monkeypatch):
    monkeypatch.setattr("palate.serving.decoding._ANSWER", 1000)
    with Decoding() as decoding:
        with pytest.raises(BrokenInput, match="more than 1,000 bytes"):
            decoding.decode(fragile, said(tmp_path / "long", "x" * 2000))
        assert decoding.decode(fragile, said(tmp_path / "good", "abc")).name == "abc"


def test_many_ask_at_once(fragile, tmp_path):
    paths = [said(tmp_path / str(number), f"word{'a' * number}") for number in range(20)]
    with Decoding(SETTINGS) as decoding, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: decoding.decode(fragile, path).name, paths))
    assert found == [path.read_text() for path in paths]


def test_further_encoders_take_the_place_of_idle_ones(fragile, tmp_path, monkeypatch):
    monkeypatch.setattr("palate.serving.decoding._KINDS", 2)
    path = said(tmp_path / "good", "abc")
    before = children()
    with Decoding(SETTINGS) as decoding:
        for scale in (1, 2, 3, 4):
            assert decoding.decode(Fragile(scale=scale), path).name == "abc"
        assert len(children() - before) == 2
    assert children() == before


@pytest.mark.parametrize("seconds", [0.05, 1.5])
def test_one_that_is_stopped_says_so(fragile, tmp_path, seconds):
    decoding = Decoding(ServingSettings(decode_seconds=60))
    path = said(tmp_path / "slow", "hang")
    threading.Timer(seconds, decoding.close).start()
    with pytest.raises(PalateError, match="stopping"):
        decoding.decode(fragile, path)


def test_a_process_is_warm_before_anybody_asks(fragile, tmp_path):
    with Decoding(SETTINGS) as decoding:
        decoding.warm([fragile])
        before = time.monotonic()
        while not any(worker.ready for pool in list(decoding._pools.values()) for worker in pool.workers._all):
            assert time.monotonic() - before < 60
            time.sleep(0.02)
        assert decoding.decode(fragile, said(tmp_path / "good", "abc")).name == "abc"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, rows: int = 1) -> bytes:
    """Return a picture that says it is so large, with so few rows in it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1 + 3 * width) * rows, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def animation(frames: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 2000, 2000, 0x80, 0, 0) + b"\xff\x00\x00\x00\x00\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def made(kind: str, size: tuple[int, int] = (60, 60), **options) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, "red").save(content, kind, **options)
    return content.getvalue()


BAD = {
    "vast": lambda: png(30_000, 30_000),
    "wide": lambda: png(2_000_000, 1),
    "unfinished": lambda: png(9_000, 9_000, 3),
    "truncated": lambda: made("JPEG")[:-200],
    "truncated webp": lambda: made("WEBP")[:-40],
    "tiff with a wrong size": lambda: made("TIFF").replace(struct.pack("<H", 60), struct.pack("<H", 65_000)),
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "script": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n",
    "zip": lambda: b"PK\x03\x04" + bytes(200),
    "playlist": lambda: b"#EXTM3U\nfile:///etc/passwd\n",
    "nothing": lambda: b"",
    "noise": lambda: np.random.default_rng(0).bytes(5000),
    "html": lambda: b"GIF89a/*<html><script>alert(1)</script>*/=1;",
}


@pytest.mark.parametrize("field", ["image", "sound"])
@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_a_sentence(seeing, name, field):
    answer = seeing.post("/v1/search", files={field: ("x", BAD[name]())})
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert f"the {'picture' if field == 'image' else 'sound'} to search by cannot be read" in answer.json()["error"]


def test_the_service_does_not_grow_by_bombs(seeing):
    bombs = [png(10_000, 10_000, 10_000), png(30_000, 30_000, 300), animation(100_000), made("TIFF", (9_000, 9_000), compression="tiff_lzw"),
             made("WEBP", (16_000, 6_000))]  # fmt: skip
    assert max(map(len, bombs)) < 4 * MB
    seeing.post("/v1/search", files={"image": ("x", made("PNG"))})
    before = psutil.Process().memory_info().rss
    codes = [seeing.post("/v1/search", files={"image": ("x", bomb)}).status_code for bomb in bombs]
    assert set(codes) <= {200, 422}
    assert codes[1] == 422
    assert psutil.Process().memory_info().rss - before < 60 * MB
    assert seeing.get("/health").status_code == 200


def test_what_is_two_things_is_a_picture_or_nothing(seeing):
    """A picture with a page behind it is read as the picture that it is."""
    both = made("PNG") + b"<html><script>alert(1)</script>"
    answer = seeing.post("/v1/search", files={"image": ("x.html", both), "k": (None, "3")})
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 3


def test_a_sound_is_looked_for(seeing, senses):
    assert seeing.get("/ready").json()["search"] == ["text", "image", "sound"]
    answer = seeing.post("/v1/search", files={"sound": ("x.wav", tone(220 + 40 * 8))}, data={"k": 2})
    hits = answer.json()["items"]
    assert hits[0]["item_id"].endswith("/8")
    assert {reason["kind"] for reason in hits[0]["reasons"]} == {"part"}
    silent = seeing.post("/v1/search", files={"sound": ("x.wav", tone(0))})
    assert silent.status_code == 422


def test_a_sound_a_picture_and_a_text_by_weight(seeing, shop):
    red, low = (shop.catalogue.root / "media/photo/0.png").read_bytes(), tone(220 + 40 * 8)
    files = {"image": ("x.png", red), "sound": ("x.wav", low)}

    def first(**weights):
        answer = seeing.post("/v1/search", files=files, data={"k": 3, "weights": json.dumps(weights)})
        assert answer.status_code == 200, answer.text
        return answer.json()["items"][0]["item_id"].split("/")[1]

    assert first(image=0.1, sound=0.9) == "8"
    assert first(image=1, sound=0) == "0"
    wrong = seeing.post("/v1/search", files={"image": ("x.png", red)}, data={"weights": '{"sound": 1}'})
    assert "the weight of 'sound' has nothing to weigh" in wrong.json()["error"]


def test_a_picture_does_not_wait_for_one_that_takes_long(fragile, tmp_path):
    def hang():
        with pytest.raises(PalateError, match="stopping"):
            decoding.decode(fragile, said(tmp_path / "slow", "hang"))

    with Decoding(ServingSettings(decode_seconds=20, decoders=2)) as decoding:
        good = said(tmp_path / "good", "abc")
        decoding.decode(fragile, good)
        slow = threading.Thread(target=hang)
        slow.start()
        time.sleep(1.2)
        before = time.monotonic()
        assert decoding.decode(fragile, good).name == "abc"
        assert time.monotonic() - before < 15
        decoding.close()
        slow.join()


def test_the_command_line_searches_by_a_sound(senses, tmp_path, capsys):
    Bundle.of(Popularity().fit(senses), senses).save(tmp_path / "b")
    (tmp_path / "hum.wav").write_bytes(tone(220 + 40 * 8))
    assert _run(["search", str(tmp_path / "b"), "--sound", str(tmp_path / "hum.wav"), "-k", "2"], debug=False) == 0
    out = capsys.readouterr().out
    assert "2 items for hum.wav" in out
    assert "/8" in out
    assert _run(["search", str(tmp_path / "b"), "--sound", str(tmp_path / "none.wav")], debug=False) == 2
    assert "give the path of a sound" in capsys.readouterr().err
