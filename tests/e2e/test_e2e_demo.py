"""`palate demo` and `palate data world`, as a person runs them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import polars as pl
import pytest

from palate.data.folder import load

pytestmark = pytest.mark.xdist_group("e2e_demo")

PALATE = [sys.executable, "-c", "from palate.cli import main; main()"]
SMALL = ["--set", "n_items=120", "--set", "n_users=150", "--set", "n_events=2500", "--set", "picture_size=96"]


def palate(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PALATE, *words], cwd=cwd, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(place) -> dict:
    done = palate("demo", "--no-serve", "--json", *SMALL, cwd=place)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.weights
def test_the_demo_makes_everything_that_it_names(first, place):
    assert (place / first["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (place / first["bundle"] / "manifest.json").is_file()
    data = load(place / first["dataset"])
    assert {name: table.coverage for name, table in data.features.items()} == {"title": 1, "picture": 1, "sound": 1}
    assert set(first["seconds"]) == {"world", "check", "encode", "compare", "cold", "train", "report", "total"}
    assert sorted(path.name for path in place.iterdir()) == ["palate-demo"]


@pytest.mark.weights
def test_content_is_worth_something_where_behaviour_knows_nothing(first):
    cold = {row["model"]: row["metrics"]["recall@20"] for row in first["compare"]["cold-items"]["rows"]}
    assert cold["vector-space"] > 0.1
    assert cold["popularity"] == cold["item-knn"] == cold["ease"] == 0
    assert first["model"] == first["compare"]["random-per-user"]["best"]


@pytest.mark.weights
def test_the_second_run_makes_nothing_anew_and_finds_the_same(first, place):
    done = palate("demo", "--no-serve", "--json", *SMALL, cwd=place)
    again = json.loads(done.stdout)
    assert again["world"]["reused"]
    assert [part["encoded"] for part in again["encode"]] == [0, 0, 0]
    for how, found in first["compare"].items():
        figures = [[(row["model"], row["metrics"]) for row in rows["rows"]] for rows in (found, again["compare"][how])]
        assert figures[0] == figures[1]


@pytest.mark.weights
@pytest.mark.skipif(os.name != "posix", reason="sends Ctrl-C as a signal")
def test_the_demo_serves_until_ctrl_c(first, place):
    command = [*PALATE, "demo", "--port", "0", *SMALL]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            said = []
            for line in running.stdout:
                said.append(line)
                if line.startswith("try: "):
                    break
            address = re.search(r"http://127\.0\.0\.1:\d+[^']*", said[-1])[0]
            with urllib.request.urlopen(address, timeout=30) as answer:
                assert len(json.load(answer)["items"]) == 3
            running.send_signal(signal.SIGINT)
            rest, errors = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode in (0, 130)
    assert "stopped" in rest + errors
    assert "Traceback" not in errors
    assert max(map(len, said)) <= 80
    assert [line[1] for line in said if line.startswith("[")] == list("1234567")


def test_a_port_in_use_is_told_before_anything_is_made(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = palate("demo", "--port", port, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_demo_replaces_no_dataset_of_ones_own(tmp_path):
    pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]}).write_csv(tmp_path / "events.csv")
    assert palate("data", "import", "table", "events.csv", "shop", cwd=tmp_path).returncode == 0
    done = palate("demo", "--no-serve", "--out", ".", cwd=tmp_path)
    assert done.returncode == 2
    assert "is not a generated one" in done.stderr
    assert len(load(tmp_path / "shop").items) == 2


def test_a_world_is_a_dataset_and_its_plain_files_are_what_the_importer_reads(tmp_path):
    size = ["--n-items", "40", "--n-users", "30", "--n-events", "200", "--seed", "3", "--language", "en"]
    faults = ["--set", "lost=0.1", "--set", "picture_size=48", "--set", "clips=0.1"]
    done = palate("data", "world", "shop", "ds", *size, *faults, "--raw", "raw", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["users"], told["items"], told["interactions"]) == (30, 40, 200)
    assert told["faults"] == {"lost picture": 4, "lost sound": 4}
    data = load(tmp_path / "ds")
    assert dict(data.catalogue.types)["clip"] == "video"
    assert json.loads((tmp_path / "ds" / "world.json").read_text())["settings"]["seed"] == 3
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == [
        "clips", "events.csv", "items.csv", "pictures", "sounds", "users.csv", "world.json",
    ]  # fmt: skip
    shown = palate("data", "world", "shop", "ds", *size, cwd=tmp_path)
    assert shown.returncode == 0
    assert "next: palate data check ds" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["shoop", "ds"], "did you mean 'shop'"),
        (["shop", "ds", "--set", "sound_tast=1"], "did you mean 'sound_taste'"),
        (["shop", "ds", "--language", "fr"], "'en', 'zh' or 'mixed'"),
        (
            ["shop", "ds", "--n-users", "30", "--n-items", "40", "--n-events", "5000"],
            "n_events was 5000 and is at most 300",
        ),
        (["shop", "ds", "--raw", "ds"], "cannot both go to ds"),
    ],
)
def test_wrong_requests_for_a_world_get_one_sentence(words, sentence, tmp_path):
    done = palate("data", "world", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
