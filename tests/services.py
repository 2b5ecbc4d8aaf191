"""Real services of the tests' own: `palate serve` in processes that can be killed, stopped and looked into."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["services", "palate.serving.app", "palate.models", "palate.cli.serve", "uvicorn", "psycopg"]
)
_PATIENCE = 60.0
"""Seconds in which a service must be there."""


def _serve(log: str, words: list[str]) -> None:
    """Be `palate serve`; what it says goes into a file."""
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(written, stream)
    sys.stdout, sys.stderr = (open(stream, "w", buffering=1, closefd=False) for stream in (1, 2))  # noqa: SIM115
    from palate.cli import main

    main(["serve", *words])


class Service:
    """`palate serve BUNDLE` in a process of its own, on a port of its own.

    Args:
        bundle: the folder of a bundle.
        words: more of the command line.
        port: where it listens each time that it is started; 0 takes any that is free.
    """

    def __init__(self, bundle: Path, *words: object, port: int = 0) -> None:
        self.words = [str(bundle), "--port", str(port), *map(str, words)]
        self.log = bundle.with_name(f"{bundle.name}.{id(self):x}.log")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it can answer."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        self.process = _FORKS.Process(target=_serve, args=(str(self.log), self.words))
        self.process.start()
        end = time.monotonic() + _PATIENCE
        while not (found := re.search(r" is served at (\S+)", self.said()[offset:])):
            assert self.process.is_alive(), self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.02)
        self.url = found[1]
        self.wait_for(200)

    def wait_for(self, status: int) -> float:
        """Wait until /ready answers so; returns how many seconds it took."""
        begun = time.monotonic()
        while time.monotonic() < begun + _PATIENCE:
            try:
                if httpx.get(f"{self.url}/ready", timeout=10).status_code == status:
                    return time.monotonic() - begun
            except httpx.TransportError:
                assert self.process.is_alive(), self.said()
            time.sleep(0.02)
        raise AssertionError(f"/ready never answered {status}: {self.said()}")

    def said(self) -> str:
        """Return what it wrote."""
        return self.log.read_text() if self.log.exists() else ""

    def kill(self) -> None:
        """End it by kill -9: nothing of it can tidy up."""
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        self.process.join(20)
        assert self.process.exitcode is not None, self.said()

    def limit_files(self, size: int) -> None:
        """Let no file of it grow beyond so many bytes from now on, as on a disk that is full; -1 lifts the limit."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def served(bundle: Path, *words: object, port: int = 0):
    """Serve a bundle for as long as the block lasts."""
    service = Service(bundle, *words, port=port)
    try:
        yield service
    finally:
        service.kill()
