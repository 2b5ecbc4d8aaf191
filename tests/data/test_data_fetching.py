"""Media by address: fetched within limits, from public servers only."""

from __future__ import annotations

import io
import ipaddress
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import polars as pl
import pytest
from PIL import Image

import palate
from palate.clean.check import check
from palate.cli import main
from palate.core.errors import DataError, StoreError
from palate.data import folder, quarantine
from palate.data.fetching import Limits, fetch_media
from palate.data.fetching.network import Downloader, Refused, TryLater, is_public
from palate.data.frames import from_frames
from palate.data.media import fetched

CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;"


def picture(colour: str = "red") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(made, "PNG")
    return made.getvalue()


class Shelf(BaseHTTPRequestHandler):
    """A server with a few odd addresses."""

    asked: ClassVar[Counter[str]] = Counter()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked[self.path] += 1
        if path == "/loop":
            return self.answer(302, b"", Location="/loop")
        if path == "/moved":
            return self.answer(301, b"", Location="red.png")
        if path == "/inside":
            return self.answer(302, b"", Location=f"http://127.0.0.2:{self.server.server_address[1]}/red.png")
        if path == "/page":
            return self.answer(200, b"<html>", **{"Content-Type": "text/html; charset=utf-8"})
        if path == "/busy" and self.asked[self.path] < 3:
            return self.answer(503, b"")
        if path == "/prices":
            return self.answer(200, b"1,2,3", **{"Content-Type": "text/csv"})
        if path == "/large":
            return self.answer(200, b"x" * 5000)
        if path in ("/endless", "/slow"):
            return self.stream(1.0 if path == "/slow" else 0.0)
        if path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            self.close_connection = True
            return None
        if path == "/nowhere":
            return self.answer(302, b"", Location="http://[bad")
        if path == "/packed":
            return self.answer(200, b"x", **{"Content-Encoding": "gzip"})
        if path.startswith("/drip"):
            return self.drip(b"HTTP/1.1 200 OK\r\nX-Long: " if path == "/drip-head" else CHUNKS)
        if path == "/gone":
            return self.answer(404, b"no")
        return self.answer(200, picture(path.strip("/").partition(".")[0]) if path.endswith(".png") else picture())

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, head: bytes) -> None:
        """Send a letter now and then, none of which is content."""
        self.close_connection = True
        try:
            self.wfile.write(head)
            for _ in range(60):
                time.sleep(0.2)
                self.wfile.write(b"a")
        except OSError:
            pass  # the other side has heard enough

    def stream(self, pause: float) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(100):
                self.wfile.write(b"x" * 1000)
                time.sleep(pause)
        except OSError:
            self.close_connection = True  # the other side has heard enough

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Shelf.asked.clear()
    made = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    made.server_close()
    thread.join()


def only_this(address: object) -> bool:
    return str(address) == "127.0.0.1"


def shop(tmp_path, addresses):
    items = pl.DataFrame({"item": [f"i{n}" for n in range(len(addresses))], "photo": addresses})
    folder.save(from_frames(items=items, types={"photo": "image"}), tmp_path / "shop")
    return folder.load(tmp_path / "shop")


def test_files_are_brought_once_and_encoded(tmp_path, server):
    data = shop(tmp_path, [f"{server}/red.png", f"{server}/blue.png?x=1", f"{server}/red.png", None])
    assert check(data).coverage["photo"] == 0
    (first,) = fetch_media(data, allowed=only_this)
    assert (first.addresses, first.there, first.brought, first.refused) == (2, 0, 2, 0)
    (again,) = fetch_media(data, allowed=only_this)
    assert (again.there, again.brought) == (2, 0)
    assert max(Shelf.asked.values()) == 1
    assert (data.root / fetched(f"{server}/red.png")).read_bytes() == picture("red")
    report = check(folder.load(data.root))
    assert report.coverage["photo"] == 0.75
    assert not [note for note in report.notes if "address" in note]
    copy = folder.load(data.root)
    folder.save(copy, tmp_path / "copy")
    assert (tmp_path / "copy" / fetched(f"{server}/blue.png?x=1")).is_file()


def test_a_series_may_be_away_too(tmp_path, server):
    items = pl.DataFrame({"item": ["a", "b", "c"], "price": [f"{server}/prices", "4, 5", f"{server}/page"]})
    folder.save(from_frames(items=items, types={"price": "series"}), tmp_path / "shop")
    data = folder.load(tmp_path / "shop")
    (told,) = fetch_media(data, allowed=only_this)
    assert (told.addresses, told.brought, told.refused) == (2, 1, 1)
    assert check(folder.load(data.root)).coverage["price"] == pytest.approx(2 / 3)
    encoded = palate.encode(folder.load(data.root), price="series")
    assert encoded.features["price"].present.tolist() == [True, True, False]


def test_an_encoder_reads_what_was_fetched(tmp_path, server):
    from palate.encoders.pipeline.inputs import read_inputs

    class Pictures:
        modality = "image"

    data = shop(tmp_path, [f"{server}/red.png", f"{server}/gone"])
    fetch_media(data, allowed=only_this)
    inputs = read_inputs(data.catalogue, "photo", Pictures())
    assert inputs.keys[0] is not None
    assert inputs.raw[0].read_bytes() == picture("red")
    assert "palate data fetch" in inputs.reasons[1]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone", "the server answered 404"),
        ("/page", "the server sent text/html where image is expected"),
        ("/loop", "it redirects more than 2 times"),
        ("/large", "the file has 5,000 bytes, at most 4,000 are fetched"),
        ("/endless", "the file has more than 4,000 bytes"),
        ("/nowhere", "it redirects to what is no address"),
        ("/packed", r"sent it packed \(gzip\)"),
        ("/inside", r"'127.0.0.2' lies in a private network \(127.0.0.2\): --private allows it"),
    ],
)
def test_what_goes_too_far_is_refused(tmp_path, server, path, reason):
    limits = Limits(max_mb=0.004, seconds=5, redirects=2, tries=1)
    with Downloader(limits, "image", only_this) as downloader, pytest.raises(Refused, match=reason):
        downloader.fetch(server + path, tmp_path / "file")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/slow", "it took longer than 1.5 s"),
        ("/drip-head", "it took longer than 1.5 s"),
        ("/drip-chunk", "it took longer than 1.5 s"),
        ("/cut", "broke"),
        ("/busy", "answered 503"),
    ],
)
def test_what_may_do_another_time_says_so(tmp_path, server, path, reason):
    limits = Limits(seconds=1.5, tries=1)
    with Downloader(limits, "image", only_this) as downloader, pytest.raises(TryLater, match=reason):
        downloader.fetch(server + path, tmp_path / "file")


def test_further_tries_take_no_further_time(tmp_path, server):
    with Downloader(Limits(seconds=0.8, tries=9), "image", only_this) as downloader:
        with pytest.raises(TryLater, match="answered 503"):
            downloader.fetch(f"{server}/busy", tmp_path / "file")
        assert Shelf.asked["/busy"] == 2
        with pytest.raises(TryLater, match="took longer"):
            downloader.fetch(f"{server}/slow", tmp_path / "file")
    assert Shelf.asked["/slow"] == 1


def test_when_it_is_told_to_stop_no_server_keeps_it(tmp_path, server):
    with Downloader(Limits(), "image", only_this) as downloader:
        threading.Timer(0.5, downloader.stop).start()
        with pytest.raises(Refused, match="it was stopped"):
            downloader.fetch(f"{server}/drip-chunk", tmp_path / "file")
        with pytest.raises(Refused, match="it was stopped"):
            downloader.fetch(f"{server}/red.png", tmp_path / "file")


def test_what_is_no_address_stays_with_its_row(tmp_path, server):
    data = shop(tmp_path, [f"{server}/red.png ", "http://exa\u2100mple.com/a.png", "http://]/b.png"])
    (told,) = fetch_media(data, allowed=only_this)
    assert (told.brought, told.refused) == (1, 2)
    assert (data.root / fetched(f"{server}/red.png ")).is_file()
    assert check(folder.load(data.root)).coverage["photo"] == pytest.approx(1 / 3)


def test_a_full_disk_is_no_fault_of_the_server(tmp_path, server):
    resource = pytest.importorskip("resource")
    data = shop(tmp_path, [f"{server}/endless"])
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, old[1]))
        with pytest.raises(StoreError, match=r"could not be written \(File too large\)"):
            fetch_media(data, allowed=only_this)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list((data.root / "media" / "fetched").iterdir()) == []


def test_a_busy_server_is_asked_again_and_a_redirect_is_followed(tmp_path, server):
    with Downloader(Limits(), "image", only_this) as downloader:
        downloader.fetch(f"{server}/busy", tmp_path / "busy.png")
        assert Shelf.asked["/busy"] == 3
        downloader.fetch(f"{server}/moved", tmp_path / "red.png")
    assert (tmp_path / "red.png").read_bytes() == picture("red")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/a.png", "private network"),
        ("http://localhost/a.png", "private network"),
        ("http://[::1]/a.png", "private network"),
        ("http://169.254.169.254/latest/meta-data", "private network"),
        ("http://0x7f.1/a.png", "private network"),
        ("ftp://example.com/a.png", "'ftp:' is not fetched"),
        ("file:///etc/passwd", "'file:' is not fetched"),
        ("http://me:secret@example.com/a.png", "a name or a password"),
        ("http:///a.png", "it names no server"),
        ("http://[::1/a.png", "it is no address"),
        ("http://example.com:99999/", "it is no address"),
    ],
)
def test_an_address_inside_or_of_another_kind_is_refused(tmp_path, url, reason):
    with Downloader(Limits(tries=1), "image") as downloader, pytest.raises(Refused, match=reason):
        downloader.fetch(url, tmp_path / "file")


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "192.168.0.1",
        "100.64.0.1",
        "224.0.0.1",
        "::ffff:10.0.0.1",
        "fe80::1",
        "fc00::1",
        "2002:0a00:0001::",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "fec0::1",
        "0.0.0.0",
    ],
)
def test_addresses_inside_are_known(address):
    assert not is_public(ipaddress.ip_address(address))
    assert is_public(ipaddress.ip_address("8.8.8.8"))
    assert is_public(ipaddress.ip_address("2606:4700::1111"))


def test_the_command_tells_what_was_done_and_why_not(tmp_path, server, capsys):
    shop(tmp_path, [f"{server}/red.png", f"{server}/gone", "http://192.168.255.1/x.png", "ftp://x/y.png"])
    with pytest.raises(SystemExit) as done:
        main(["data", "fetch", str(tmp_path / "shop"), "--private", "--seconds", "1"])
    assert done.value.code == 0
    said = capsys.readouterr().out
    assert "fetched        1" in said
    assert "the server answered 404" in said
    assert all(len(line) <= 80 for line in said.splitlines() if str(tmp_path) not in line)
    rows = quarantine.read(tmp_path / "shop")
    assert rows["step"].unique().to_list() == ["fetch:photo"]
    assert rows["id"].to_list()[:1] == ["i1"]


def test_without_a_folder_or_a_column_it_says_so(tmp_path):
    items = pl.DataFrame({"item": ["a"], "photo": ["http://x/1.png"]})
    with pytest.raises(DataError, match="no folder"):
        fetch_media(from_frames(items=items, types={"photo": "image"}))
    folder.save(from_frames(items=items.select("item")), tmp_path / "plain")
    with pytest.raises(DataError, match="no column of pictures"):
        fetch_media(palate.load(tmp_path / "plain"))


def test_of_several_addresses_the_next_is_tried(tmp_path, server, monkeypatch):
    port = int(server.rpartition(":")[2])
    found = [(2, 1, 6, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]  # nobody listens at the first
    monkeypatch.setattr("palate.data.fetching.network.socket.getaddrinfo", lambda *_, **__: found)
    with Downloader(Limits(tries=1), "image", lambda _: True) as downloader:
        downloader.fetch(f"http://shelf.test:{port}/red.png", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == picture("red")
