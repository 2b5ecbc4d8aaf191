"""Models by name: a hub that answers, one that refuses, one that is out of reach, and the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import hub_models
from palate.core.errors import ConfigError, WeightsError
from palate.encoders import named, restore
from palate.encoders._hub import absolute, locate, wanted
from palate.encoders.hf_text import HFText

pytestmark = pytest.mark.torch
COMMIT = "0123456789abcdef0123456789abcdef01234567"
REFUSALS = {"gated": (403, "GatedRepo"), "unknown": (401, "RepoNotFound"), "norevision": (404, "RevisionNotFound")}


class Hub(BaseHTTPRequestHandler):
    """What the hub answers to the questions that its library asks."""

    folder: Path
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        name = self.path.partition("?")[0].removeprefix("/api/models/").split("/")[1]
        if name in REFUSALS:
            status, code = REFUSALS[name]
            self.answer(status, b"", {"X-Error-Code": code})
        elif "/tree/" in self.path:
            entries = [
                {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for path, content in self.files()
            ]
            self.answer(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
        elif self.path.startswith("/api/"):
            about = {"id": "org/tiny", "sha": COMMIT, "siblings": [{"rfilename": path} for path, _ in self.files()]}
            self.answer(200, json.dumps(about).encode(), {"Content-Type": "application/json"})
        else:
            content = dict(self.files())[self.path.partition(f"/resolve/{COMMIT}/")[2].partition("?")[0]]
            etag = hashlib.sha1(content).hexdigest()
            self.answer(200, content, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})

    do_HEAD = do_GET

    def files(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(self.folder).as_posix(), path.read_bytes()

    def answer(self, status: int, content: bytes, heads: dict[str, str]) -> None:
        self.send_response(status)
        for head, value in {**heads, "Content-Length": str(len(content))}.items():
            self.send_header(head, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    """A hub with org/tiny, and an empty cache."""
    kind = type("OneHub", (Hub,), {"folder": hub_models.sentences(tmp_path / "served"), "asked": []})
    (kind.folder / "pytorch_model.bin").write_bytes(b"a pickle")
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    yield kind
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_model_by_name_is_fetched_once_and_pinned_to_its_commit(hub: type[Hub]) -> None:
    encoder = named("hf:org/tiny", "text")
    values, _ = encoder.encode([encoder.decode("red mug")])
    folder = HFText(model=str(hub.folder))
    assert (values == folder.encode([folder.decode("red mug")])[0]).all()
    assert encoder.fingerprint == folder.fingerprint  # where a model lies does not matter
    reference = encoder.reference()
    assert reference.settings["model"] == f"org/tiny@{COMMIT}"
    assert not [path for path in hub.asked if "pytorch_model.bin" in path]
    hub.asked.clear()
    again = restore(reference)
    assert (again.encode([again.decode("red mug")])[0] == values).all()
    assert hub.asked == []  # the commit is in the cache


def test_the_cache_serves_where_the_hub_is_out_of_reach(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    first = locate("org/tiny@main")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    again = locate("org/tiny@" + COMMIT)
    assert (again.pinned, again.digest) == (first.pinned, first.digest)


def test_out_of_reach_and_not_in_the_cache(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(
        WeightsError, match=r"'org/other' is not in the cache .* run 'hf download org/other --revision v2'"
    ):
        locate("org/other@v2")
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gated", "accept them at https://huggingface.co/org/gated, run 'hf auth login'"),
        ("unknown", "has no model 'org/unknown', or hides it"),
        ("norevision", "has no revision 'v9'"),
    ],
)
def test_what_the_hub_refuses_is_said_in_one_sentence(hub: type[Hub], name: str, said: str) -> None:
    with pytest.raises(WeightsError, match=said) as told:
        locate(f"org/{name}@v9")
    assert "\n" not in str(told.value)


def test_pickled_weights_are_not_even_fetched(hub: type[Hub]) -> None:
    (hub.folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"no weights as safetensors .* can run code"):
        locate("org/tiny")
    assert not [path for path in hub.asked if "/resolve/" in path]
    with pytest.raises(WeightsError, match="no weights as safetensors"):
        locate(str(hub.folder))


def test_a_model_that_has_changed_makes_no_queries(tmp_path: Path) -> None:
    folder = hub_models.bert(tmp_path / "model")
    reference = HFText(model=str(folder)).reference()
    hub_models.gpt2(tmp_path / "other")
    for path in (tmp_path / "other").iterdir():
        shutil.copy(path, folder)
    changed = restore(reference)
    with pytest.raises(WeightsError, match="has changed since it made these vectors"):
        changed.prepare()


def test_weights_that_are_not_all_there(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = hub_models.bert(tmp_path)
    held = load_file(folder / "model.safetensors")
    save_file({name: array for name, array in held.items() if "layer.1" not in name}, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"lack 16 tensors that BertModel needs, such as encoder\.layer\.1"):
        HFText(model=str(folder)).prepare()
    (folder / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        HFText(model=str(folder)).prepare()


def test_code_that_comes_with_a_model_is_not_run(tmp_path: Path) -> None:
    folder = hub_models.bert(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps({**config, **own}))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(WeightsError, match="code that comes with a model is never run"):
        HFText(model=str(folder)).prepare()
    assert not (tmp_path / "ran").exists()


def test_models_are_named_or_pointed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("org/name@refs/pr/1") == "org/name@refs/pr/1"
    assert absolute("./x") == absolute("file:x") == str(tmp_path / "x")
    for wrong in ("org/name/more", "org name", "org/name@", "https://huggingface.co/org/name"):
        with pytest.raises(ConfigError, match="is no model: write org/name"):
            named(f"hf:{wrong}", "text")
    with pytest.raises(ConfigError, match="which hub model is not said"):
        named("hf:", "text")
    with pytest.raises(WeightsError, match="there is no folder"):
        locate("./nowhere")


def test_one_set_of_weights_is_read() -> None:
    shards = ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert wanted([*shards, "model.safetensors.index.json", "model.fp16.safetensors"]) == [
        *shards, "model.safetensors.index.json",
    ]  # fmt: skip
    assert wanted([*shards, "model.safetensors"]) == ["config.json", "model.safetensors"]


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from palate.encoders import registry; [registry.get(name) for name in registry.names()]; "
        "print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
