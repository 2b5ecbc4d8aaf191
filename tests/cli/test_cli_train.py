"""`palate train` goes on after Ctrl-C and after a kill, bit for bit; who follows it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")

from palate.cli import main
from palate.data.folder import save
from tiny_data import make_dataset

pytestmark = pytest.mark.torch
LEARNED = ("model.safetensors", "model.json")
PROGRAM = """
import time
from palate.cli import main
from palate.training.trackers.jsonl import JSONL
told = JSONL.epoch
JSONL.epoch = lambda log, number, figures: (told(log, number, figures), time.sleep(0.1))  # time to stop it in
main()
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(make_dataset(), tmp_path / "shop")
    return tmp_path


def words(out, *more, epochs=12):
    settings = {"dim": 8, "epochs": epochs, "batch_size": 64, "patience": 0}
    given = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return ["train", "shop", "--model", "lightgcn", *given, "--out", out, *more]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What a training that nobody stops writes."""
    folder = tmp_path_factory.mktemp("whole")
    save(make_dataset(), folder / "shop")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit):
        main(words("whole.palate", "--protocol", "refit"))
    monkeypatch.undo()
    return [(folder / "whole.palate" / name).read_bytes() for name in LEARNED]


def run(capsys, *words):
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return left.value.code, capsys.readouterr()


def epochs(path):
    return [line["epoch"] for line in map(json.loads, path.read_text().splitlines()) if "epoch" in line]


@pytest.mark.parametrize(
    ("sent", "every", "code"), [(signal.SIGKILL, "0", -signal.SIGKILL), (signal.SIGINT, "1000", 130)]
)
def test_the_same_command_goes_on_where_it_was_stopped(shop, whole, capsys, sent, every, code):
    again = words("again.palate", "--protocol", "refit", "--track", "jsonl:log.jsonl")
    environment = os.environ | {"PALATE_CHECKPOINT_SECONDS": every}
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *again], stderr=subprocess.PIPE, env=environment) as started:
        while not (shop / "log.jsonl").is_file() or len(epochs(shop / "log.jsonl")) < 3:
            assert started.poll() is None, started.stderr.read()
            time.sleep(0.01)
        started.send_signal(sent)
        said = started.stderr.read().decode()
    assert started.returncode == code
    assert not (shop / "again.palate").exists()
    if sent == signal.SIGINT:
        assert said == (
            "palate: stopped; the same command goes on after the last epoch that was done, with what is left in "
            "again.palate.partial\n"
        )
    before = len(epochs(shop / "log.jsonl"))
    assert run(capsys, *again)[0] == 0
    assert epochs(shop / "log.jsonl")[before] > 1
    assert not (shop / "again.palate.partial").exists()
    assert [(shop / "again.palate" / name).read_bytes() for name in LEARNED] == whole


def test_trackers_are_named_with_a_place(shop, capsys):
    code, said = run(capsys, *words("a.palate", "--track", "jsonl:logs/a.jsonl", "--track", "console:2", epochs=3))
    assert code == 0
    assert epochs(shop / "logs" / "a.jsonl") == [1, 2, 3]
    assert next(line for line in said.err.splitlines() if line.startswith("epoch ")).startswith("epoch 2: bpr")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--track", "jsnl"], "there is no tracker 'jsnl': did you mean 'jsonl'?"),
        (["--track", "console:often"], "setting 'every' was 'often'"),
        (["--track", "console", "--model", "item-knn"], "'item-knn' is not trained by epochs: leave out --track"),
        (["--device", "cpu", "--model", "item-knn"], "'item-knn' is not trained by epochs: leave out --device"),
        (["--device", "", "--model", "item-knn"], "'item-knn' is not trained by epochs: leave out --device"),
        (["--device", ""], "--device was '': allowed are auto, cpu"),
        (["--device", "gpu"], "the device was 'gpu': here it can be auto, cpu"),
    ],
)
def test_what_cannot_be_followed_is_told(shop, capsys, given, says):
    code, said = run(capsys, "train", "shop", "--model", "lightgcn", "--out", "a.palate", *given)
    assert code == 2
    assert says in said.err


SHORT = ["--set", "epochs=1"]
GENERATIVE = ["--fuse", "generative", "--set", "generative.epochs=1"]
CONTRASTIVE = ["--align", "contrastive", "--set", "contrastive.epochs=1"]
GROUPED = [
    "--fuse",
    "hybrid",
    "--set",
    'hybrid.groups={"one":{"parts":["title"],"fuse":"mlp","fuse_settings":{"epochs":1}}}',
]


@pytest.mark.parametrize(
    "told",
    [
        ["--model", "two-tower", *SHORT, *GENERATIVE],
        ["--model", "vbpr", *SHORT, *CONTRASTIVE],
        ["--model", "content-knn", *GENERATIVE],
        ["--model", "content-knn", "--complete", "generative", "--set", "generative.epochs=1"],
        ["--model", "content-knn", "--parts", "title", *GROUPED],
        ["--model", "ensemble", "--set", "members=[content-knn,item-knn]", *GENERATIVE],
    ],
)
def test_what_is_fitted_before_its_model_learns_on_the_device_that_was_named(shop, capsys, monkeypatch, told):
    monkeypatch.setenv("PALATE_DEVICE", "cuda:99")
    code, said = run(capsys, "train", "shop", *told, "--out", "a.palate")
    assert (code, "PALATE_DEVICE was 'cuda:99'" in said.err) == (2, True)
    code, said = run(capsys, "train", "shop", *told, "--device", "cpu", "--out", "a.palate")
    assert code == 0, said.err
    assert run(capsys, "refit", "a.palate", "--device", "cpu", "--out", "b.palate")[0] == 0
    assert os.environ["PALATE_DEVICE"] == "cuda:99"
    code, said = run(capsys, "train", "shop", *told, "--device", "cuda:7", "--out", "a.palate")
    assert (code, "the device was 'cuda:7': here it can be auto, cpu" in said.err) == (2, True)


def test_without_a_device_named_before_there_is_none_after(shop, capsys, monkeypatch):
    monkeypatch.delenv("PALATE_DEVICE", raising=False)
    words = ("--model", "content-knn", *GENERATIVE, "--device", "cpu", "--out", "a.palate")
    assert run(capsys, "train", "shop", *words)[0] == 0
    assert "PALATE_DEVICE" not in os.environ


def test_what_says_how_often_to_save_is_a_number(shop, capsys, monkeypatch):
    monkeypatch.setenv("PALATE_CHECKPOINT_SECONDS", "often")
    code, said = run(capsys, *words("a.palate"))
    assert code == 2
    assert "PALATE_CHECKPOINT_SECONDS was 'often': give a number of seconds" in said.err


def test_what_was_learned_of_a_person_is_not_called_other_likes(shop, capsys):
    assert run(capsys, *words("a.palate", epochs=2))[0] == 0
    user, item = "u1", json.loads(run(capsys, "recommend", "a.palate", "--user", "u1", "--json")[1].out)["items"][0]
    code, said = run(capsys, "explain", "a.palate", "--user", user, "--item", item["item_id"])
    assert code == 0, said.err
    assert "other likes, for and against, and what was learned of u1" in said.out


def test_a_model_without_reasons_says_so_and_what_would_have_changed_the_answer(shop, capsys):
    assert run(capsys, "train", "shop", "--model", "mlp-ctr", "--set", "epochs=1", "--out", "b.palate")[0] == 0
    item = json.loads(run(capsys, "recommend", "b.palate", "--user", "u1", "--json")[1].out)["items"][0]
    code, said = run(capsys, "explain", "b.palate", "--user", "u1", "--item", item["item_id"])
    assert code == 0, said.err
    assert "no reasons: mlp-ctr tells none" in said.out
    assert "It has place 1 in the list of 10" in said.out


def test_a_file_where_a_training_keeps_what_it_needs_is_left_alone(shop, capsys):
    (shop / "a.palate.partial").write_text("mine")
    code, said = run(capsys, *words("a.palate"))
    assert code == 2
    assert "a.palate.partial is a file, and a training keeps there" in said.err
    assert (shop / "a.palate.partial").read_text() == "mine"


def test_a_device_that_is_not_here_is_told_before_networks_are_compared(shop, capsys, monkeypatch):
    monkeypatch.setenv("PALATE_DEVICE", "gpu")
    code, said = run(capsys, "compare", "shop", "--models", "popularity,lightgcn")
    assert (code, said.out) == (2, "")
    assert "PALATE_DEVICE was 'gpu': here it can be auto, cpu" in said.err
