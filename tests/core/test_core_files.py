"""Writing: all or nothing, whoever is killed, wherever the path leads."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from filelock import Timeout

from palate.core.errors import StoreError
from palate.core.files import locked, replacing_file, replacing_folder, write_text
from palate.core.fingerprint import fingerprint
from palate.core.ids import IdMap

DIE = """
import os, sys
from pathlib import Path
from palate.core import files
path = Path(sys.argv[1])
if sys.argv[2] == "between":  # the two renames
    real = os.replace
    def replace(a, b):
        if str(a).endswith(".part"):
            os._exit(9)
        real(a, b)
    os.replace = replace
with files.replacing_folder(path) as aside:
    (aside / "new").write_text("half")
    if sys.argv[2] == "inside":
        os._exit(9)
"""


def killed(path: Path, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", DIE, str(path), when], check=False)
    assert done.returncode == 9


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    killed(tmp_path / "ds", "inside")
    assert len(list(tmp_path.iterdir())) == 1
    with replacing_folder(tmp_path / "ds") as aside:
        mine = aside.name
        with replacing_folder(tmp_path / "ds2") as other:  # a living process's own is left alone
            (other / "x").touch()
        assert (tmp_path / mine).is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ds", "ds2"]


def test_one_who_was_killed_between_two_renames_is_made_good(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "ds") as aside:
        (aside / "old").write_text("good")
    killed(tmp_path / "ds", "between")
    assert not (tmp_path / "ds").exists()
    with pytest.raises(ZeroDivisionError), replacing_folder(tmp_path / "ds"):
        raise ZeroDivisionError
    assert {path.name for path in tmp_path.rglob("*")} - {".ds.lock"} == {"ds", "old"}  # an empty lock hinders nobody


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_one_who_is_stopped_between_two_renames_loses_nothing(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replacing_folder(tmp_path / "ds") as aside:
        (aside / "old").touch()
    real = os.replace

    def stopped(source: Path, target: Path) -> None:
        if source.name.endswith(".part"):
            raise error("stop")
        real(source, target)

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises((KeyboardInterrupt, StoreError)), replacing_folder(tmp_path / "ds") as aside:
        (aside / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["ds", "old"]


def _replace_often(path: Path, mark: str) -> None:
    for _ in range(60):
        with replacing_folder(path) as aside:
            (aside / "x").write_text(mark)
            (aside / "y").write_text(mark)


def test_two_at_once_both_end_well_and_one_of_them_stays_whole(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_replace_often, args=(tmp_path / "ds", mark)) for mark in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert (tmp_path / "ds" / "x").read_text() == (tmp_path / "ds" / "y").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["ds"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    with replacing_folder(tmp_path / "big" / "ds") as aside:
        (aside / "old").touch()
    (tmp_path / "ds").symlink_to(tmp_path / "big" / "ds")
    with replacing_folder(tmp_path / "ds") as aside:
        (aside / "new").touch()
    assert (tmp_path / "ds").is_symlink()
    assert [path.name for path in (tmp_path / "big" / "ds").iterdir()] == ["new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "ds"]
    (tmp_path / "file").symlink_to(tmp_path / "big" / "text")
    write_text(tmp_path / "file", "hello")
    assert (tmp_path / "big" / "text").read_text() == "hello"


def test_an_error_of_the_block_comes_through_and_the_old_file_stays(tmp_path: Path) -> None:
    write_text(tmp_path / "x", "old")
    with pytest.raises(ZeroDivisionError), replacing_file(tmp_path / "x") as aside:
        aside.write_text(f"new {1 / 0}")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_a_lock_keeps_others_out_and_vanishes(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"), pytest.raises(Timeout), locked(tmp_path / "lock", timeout=0):
        pytest.fail("two are in")
    assert not list(tmp_path.iterdir())
    write_text(tmp_path / "file", "")
    with pytest.raises(StoreError, match="could not be written"), locked(tmp_path / "file" / "lock"):
        pytest.fail("there is no such folder")


def test_columns_and_ids_that_differ_have_other_fingerprints() -> None:
    values = [
        ["a\x1fb", "c"],
        ["a", "b\x1fc"],
        ["a\x1fb\x1fc"],
        ["a", None],
        ["a", ""],
        ["a", "\x00"],
        ["a"],
        ["", "a"],
    ]
    assert len({fingerprint(pl.Series(column, dtype=pl.String)) for column in values}) == len(values)
    assert IdMap(["a\x1fb"]).fingerprint != IdMap(["a", "b"]).fingerprint
    nested = [pl.Series([[1.0], None]), pl.Series([None, [1.0]]), pl.Series([[1.0, 2.0]]), pl.Series([[1.0], [2.0]])]
    assert len({fingerprint(column) for column in nested}) == len(nested)
    assert fingerprint(pl.Series([1, 2])) != fingerprint(pl.Series(["1", "2"]))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc, a folder that takes no files")
def test_a_folder_that_takes_no_files_is_refused_and_not_waited_for():
    with pytest.raises(StoreError, match=r"/proc/.*could not be written"), locked(Path("/proc/palate.lock"), timeout=1):
        raise AssertionError
