"""Commands that start at once: `palate` and `python -c` as forks of one process that has loaded the libraries.

Importing takes a second or two of each command that a page of documentation runs, more than most of them work for.
"""

from __future__ import annotations

import atexit
import functools
import subprocess
import sys
import tempfile
from pathlib import Path

COLD = Path(sys.executable).parent
"""Where `palate` and `python` are that load everything anew."""
_CLIENT = """#!{python} -IS
import json, os, socket, sys

program, words = sys.argv[0].rpartition("/")[2], sys.argv[1:]
if program == "palate":
    words = ["from palate.cli import main; main()", program, *words]
elif words[:1] == ["-c"]:
    words = [words[1], *words[:1], *words[2:]]
else:
    os.execv("{python}", ["{python}", *words])
with socket.socket(socket.AF_UNIX) as line:
    line.connect("{address}")
    socket.send_fds(line, [b"."], [0, 1, 2])
    line.sendall(json.dumps([os.getcwd(), dict(os.environ), words]).encode() + b"\\n")
    sys.exit(int(line.recv(16)))
"""


@functools.cache
def programs() -> Path:
    """Return a folder of `palate` and `python` that do as those beside this interpreter, in processes of their own.

    They are of Linux; elsewhere, where libraries do not bear a fork, it is the folder of the others.
    """
    if sys.platform != "linux":
        return COLD
    kept = tempfile.TemporaryDirectory(prefix="palate-warm-")
    folder = Path(kept.name)
    address = folder / "socket"
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("warm_server.py")), str(address)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    for end in (kept.cleanup, server.wait, server.stdin.close):  # the last comes first
        atexit.register(end)
    assert server.stdout.readline() == b"ready\n", "the warm process did not start"
    for name in ("palate", "python"):
        (folder / name).write_text(_CLIENT.format(python=sys.executable, address=address))
        (folder / name).chmod(0o755)
    return folder
