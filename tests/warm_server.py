"""A process that has loaded the libraries, and forks for each command that is handed to it.

Started by `warm` with the address of a socket. It ends when its standard input is closed.
"""

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import types

LIBRARIES = (
    "numba", "scipy.stats", "sklearn.neighbors", "sklearn.feature_extraction.text", "datasketch", "pandas", "av", "torch",
)  # fmt: skip
"""What commands import only when they need it, where it is installed."""
ROOMS = ("bundle", "encoders.pipeline", "evaluation", "fusion", "models", "retrieval", "serving")


def load() -> None:
    """Import what commands import; none of it starts a thread, so that forks are safe."""
    from palate.cli import _load_commands

    _load_commands([])
    for room in ROOMS:
        importlib.import_module(f"palate.{room}")
    for name in LIBRARIES:
        if importlib.util.find_spec(name.partition(".")[0]):
            importlib.import_module(name)


def next_command(address: str) -> list[str]:
    """Return, in a new process for each that comes, the words of a command: its text, and its arguments."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    print("ready", flush=True)
    while sys.stdin not in (heard := select.select([listener, sys.stdin], [], [], 1)[0]):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        if not heard:
            continue
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            if words := _taken(line):
                return words
            os._exit(0)
        line.close()
    os._exit(0)


def _taken(line: socket.socket) -> list[str]:
    """Fork for the command that comes over a line: there its words, here none once it has ended and its code is sent."""
    _, handed, _, _ = socket.recv_fds(line, 1, 3)
    folder, environment, words = json.loads(line.makefile().readline())
    command = os.fork()
    if command == 0:
        line.close()
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        for number, given in enumerate(handed):
            os.dup2(given, number)
            os.close(given)
        return words
    for given in handed:
        os.close(given)
    if line in select.select([line, os.pidfd_open(command)], [], [])[0]:  # whoever asked was ended by a signal
        os.kill(command, signal.SIGTERM)
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        line.sendall(str(code if code >= 0 else 128 - code).encode())
    return []


if __name__ == "__main__":
    load()
    gc.freeze()  # a collection in a fork would copy every page
    text, *sys.argv = next_command(sys.argv[1])
    sys.path[0] = ""
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    exec(compile(text, "<string>", "exec"), vars(module))  # noqa: S102 (a test handed it over)
