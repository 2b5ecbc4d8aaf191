"""Commands that start at once say and do what those do that load everything anew."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

import warm

TOLD = "import os, sys; print(sys.argv, sys.path[0], __name__, os.getcwd(), os.environ['A_WORD'], input()); "


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("palate", ["--version"]),
        ("palate", ["train", "nowhere", "--model", "item-knn", "--out", "b"]),
        ("python", ["-c", TOLD + "sys.exit(3)", "one", "two words"]),
        ("python", ["-c", TOLD + "raise SystemExit('a reason')"]),
        ("python", ["--version"]),
    ],
)
def test_they_do_as_the_others(program, words, tmp_path):
    def ran(folder):
        return subprocess.run(
            [folder / program, *words], cwd=tmp_path, env=os.environ | {"A_WORD": "é"}, input="heard\n",
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    cold, hot = ran(warm.COLD), ran(warm.programs())
    assert (hot.returncode, hot.stdout, hot.stderr) == (cold.returncode, cold.stdout, cold.stderr)


def test_an_error_has_its_traceback():
    done = subprocess.run([warm.programs() / "python", "-c", "1 / 0"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.skipif(os.name != "posix", reason="ends a process by a signal")
def test_what_is_told_to_end_ends():
    text = "import time; print('up', flush=True); time.sleep(100)"
    with subprocess.Popen([warm.programs() / "python", "-c", text], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        running.terminate()
        assert running.stdout.read() == ""  # which comes when the last that could write has ended
    assert running.returncode == -signal.SIGTERM
