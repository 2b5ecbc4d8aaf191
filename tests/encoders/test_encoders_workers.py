"""A decoder that crashes costs one file; no worker outlives its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest

import fragile_encoder
from fragile_encoder import Fragile
from palate.core.errors import ConfigError, MissingExtraError, PalateError
from palate.core.ids import IdMap
from palate.data import quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders import registry
from palate.encoders.pipeline import columns, encode_columns, workers
from palate.encoders.pipeline.run import run
from palate.encoders.pipeline.store import PartStore
from palate.encoders.pipeline.workers import Workers, workers_for

CRASHES = {
    "segfault": "the decoder crashed on it (signal 11)",
    "exit": "the decoder crashed on it (exit code 3)",
    "spin": "decoding took longer than 3 s, the limit that PALATE_DECODE_SECONDS sets",
    "bug": "the decoder failed on it (ZeroDivisionError: a bug)",
    "memory": "decoding needs more memory than there is",
    "broken": "it says so itself",
}


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    fragile_encoder.install(tmp_path / "plugins")
    yield
    registry.__dict__.pop("_plugins", None)


def shop(folder: Path, words: list[str]) -> Dataset:
    source = folder.with_name("source")
    (source / "media" / "photo").mkdir(parents=True)
    for path, word in zip(files(source, len(words)), words, strict=True):
        path.write_text(word)
    ids = IdMap(f"i{number}" for number in range(len(words)))
    paths = [f"media/photo/{number}.png" for number in range(len(words))]
    table = pl.DataFrame({"item_id": ids.series, "photo": paths})
    save(Dataset(IdMap([]), ids, Interactions.empty(), Catalogue(table, {"photo": "image"}, root=source)), folder)
    return load(folder)


def files(folder: Path, n: int) -> list[Path]:
    return [folder / "media" / "photo" / f"{number}.png" for number in range(n)]


def decoders(but: Collection[psutil.Process] = ()) -> list[psutil.Process]:
    """Return the processes that decode for this one, but those that an earlier test left to a service."""
    worker = "palate.encoders.pipeline.worker"
    return [child for child in psutil.Process().children() if child not in but and worker in child.cmdline()]


def test_whatever_a_decoder_dies_of_costs_the_file_it_was_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_DECODE_SECONDS", "3")
    words = [f"word{'abc'[number % 3] * number}" for number in range(30)]
    places = dict(zip((1, 2, 9, 17, 18, 25), CRASHES, strict=True))
    for place, crash in places.items():
        words[place] = f"{crash} {place}"
    words[29] = "nothing"
    data, (done,) = encode_columns(shop(tmp_path / "ds", words), {"photo": Fragile(scale=2)})
    assert (done.present, done.quarantined) == (30 - 7, 6)
    told = quarantine.read(tmp_path / "ds")
    reasons = dict(zip(told["id"], told["reason"], strict=True))
    assert reasons == {f"i{place}": CRASHES[crash] for place, crash in places.items()}
    part = data.features["photo"]
    assert np.flatnonzero(~part.present).tolist() == [*places, 29]
    paths, encoder = files(tmp_path / "ds", 30), Fragile(scale=2)
    for start in range(0, 30, 4):
        rows = range(start, min(start + 4, 30))
        alone, _ = encoder.encode([encoder.decode(paths[row]) if part.present[row] else None for row in rows])
        np.testing.assert_array_equal(part.values[rows], alone)


def test_processes_and_threads_give_the_same_bytes(tmp_path: Path) -> None:
    words = ["abcdefgh"[number % 8] * (number + 1) for number in range(50)]
    for number in range(0, 50, 11):
        words[number] = f"broken {number}"
    shop(tmp_path / "ds", words)
    paths = files(tmp_path / "ds", 50)
    here = list(run(Fragile(), paths))
    with workers_for(Fragile(), paths) as workers:
        assert workers is not None
        there = list(run(Fragile(), paths, workers))
    assert [batch.start for batch in there] == list(range(0, 50, 4))
    for mine, theirs in zip(here, there, strict=True):
        np.testing.assert_array_equal(mine.values, theirs.values)
        np.testing.assert_array_equal(mine.present, theirs.present)
        assert mine.reasons == theirs.reasons


def test_what_every_file_lacks_is_an_error_and_no_quarantine(tmp_path: Path) -> None:
    data = shop(tmp_path / "ds", ["word", "lacks"])
    before = decoders()
    with pytest.raises(MissingExtraError, match="a library is absent"):
        encode_columns(data, {"photo": "fragile"})
    assert decoders(before) == []


def test_what_a_decoder_died_of_is_tried_again_when_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PALATE_DECODE_SECONDS", "3")
    shop(tmp_path / "ds", ["word", "broken", "flaky", "flaky twin"])
    monkeypatch.setenv("FLAKY", "crash")
    first, (done,) = encode_columns(load(tmp_path / "ds"), {"photo": Fragile()})
    assert (done.present, done.quarantined) == (1, 3)
    monkeypatch.delenv("FLAKY")
    _, (done,) = encode_columns(load(tmp_path / "ds"), {"photo": Fragile()})
    assert (done.computed, done.quarantined) == (0, 3)
    again, (done,) = encode_columns(load(tmp_path / "ds"), {"photo": Fragile()}, retry=True)
    assert (done.present, done.computed, done.quarantined) == (3, 2, 1)
    assert quarantine.read(tmp_path / "ds")["reason"].to_list() == ["it says so itself"]
    np.testing.assert_array_equal(again.features["photo"].values[0], first.features["photo"].values[0])


def test_unfinished_work_is_tried_again_when_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop(tmp_path / "ds", [*["word"] * 5, "flaky", *[f"word{'a' * number}" for number in range(30)], "lacks"])
    monkeypatch.setattr(columns, "FLUSH_SECONDS", 0.0)
    monkeypatch.setenv("FLAKY", "crash")
    with pytest.raises(MissingExtraError):
        encode_columns(load(tmp_path / "ds"), {"photo": Fragile()})
    assert PartStore(tmp_path / "ds", "photo").known(Fragile().fingerprint, 26).reasons
    monkeypatch.delenv("FLAKY")
    next((tmp_path / "ds").glob("media/photo/*36.png")).write_text("word")
    _, (done,) = encode_columns(load(tmp_path / "ds"), {"photo": Fragile()}, retry=True)
    assert (done.present, done.quarantined) == (37, 0)
    assert quarantine.read(tmp_path / "ds").is_empty()


def test_a_process_that_cannot_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shop(tmp_path / "ds", ["word"])
    assert registry.get("fragile") is Fragile
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path / "plugins")])
    with pytest.raises(PalateError, match=r"'fragile' could not start: .*there is no encoder 'fragile'"):
        encode_columns(data, {"photo": Fragile()})


def test_where_no_further_process_can_be_had_those_that_there_are_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = shop(tmp_path / "ds", [f"word{'a' * number}" for number in range(30)])
    started, left = subprocess.Popen, [1]

    def popen(*words: Any, **more: Any) -> Any:
        if not left:
            raise OSError(11, "Resource temporarily unavailable")
        left.pop()
        return started(*words, **more)

    monkeypatch.setattr(workers.subprocess, "Popen", popen)
    monkeypatch.setattr(workers, "GROW_SECONDS", 0.0)
    assert encode_columns(data, {"photo": Fragile()})[1][0].present == 30
    with pytest.raises(PalateError, match=r"could be started \(Resource temporarily unavailable\)"):
        encode_columns(data, {"photo": Fragile(scale=3)})


def test_one_that_is_killed_while_it_waits_costs_nothing(tmp_path: Path) -> None:
    shop(tmp_path / "ds", ["word", "other"])
    paths = files(tmp_path / "ds", 2)
    before = decoders()
    with Workers(Fragile()) as workers:
        first = workers.decode(paths)
        (child,) = decoders(before)
        child.kill()
        child.wait(10)
        again = workers.decode(paths)
    assert [(word.name, reason) for word, reason in again] == [(word.name, reason) for word, reason in first]
    assert first[0][1] is None


def test_a_limit_that_is_no_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("soon", "0", "-3"):
        monkeypatch.setenv("PALATE_DECODE_SECONDS", given)
        with pytest.raises(ConfigError, match=f"PALATE_DECODE_SECONDS was '{given}'"):
            Workers(Fragile())


def encoding(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, fragile_encoder.__file__, str(folder)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=_as_at_a_terminal
    )


def _as_at_a_terminal() -> None:
    """Heed Ctrl-C from the start, which a parent in the background would leave ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_what_was_encoded_before_a_kill_is_not_encoded_again(tmp_path: Path) -> None:
    words = [f"{'abcdefgh'[number % 8] * (number + 1)} zzz" for number in range(80)]
    words[50] = "exit now"
    shop(tmp_path / "ds", words)
    shutil.copytree(tmp_path / "ds", tmp_path / "calm")
    victim, work = encoding(tmp_path / "ds"), tmp_path / "ds" / "features" / ".partial" / "photo"
    deadline = time.monotonic() + 120
    while len(list(work.glob("*/chunk-*"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    victim.kill()
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL
    before = PartStore(tmp_path / "ds", "photo").known(Fragile().fingerprint, 26)
    done = len(before.place)
    assert 16 <= done < 79
    data, (again,) = encode_columns(load(tmp_path / "ds"), {"photo": Fragile()})
    assert (again.computed, again.reused, again.quarantined) == (79 - done, done, 1)
    calm = encode_columns(load(tmp_path / "calm"), {"photo": Fragile()})[0].features["photo"]
    np.testing.assert_array_equal(data.features["photo"].present, calm.present)
    np.testing.assert_array_equal(data.features["photo"].values, calm.values)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path: Path, how: signal.Signals) -> None:
    shop(tmp_path / "ds", [f"hang {number}" for number in range(8)])
    parent = encoding(tmp_path / "ds")
    watched, deadline, workers = psutil.Process(parent.pid), time.monotonic() + 120, []
    while not workers and time.monotonic() < deadline:
        time.sleep(0.1)
        workers = [child for child in watched.children(True) if (time.time() - child.create_time()) > 0.5]
    os.kill(parent.pid, how)
    _, said = parent.communicate(timeout=60)
    assert parent.returncode != 0
    assert how != signal.SIGINT or "KeyboardInterrupt" in said
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert workers
    assert alive == []
