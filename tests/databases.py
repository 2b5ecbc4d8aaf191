"""A PostgreSQL server of the tests' own, stopped when they end."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    beside = shutil.which("initdb")
    return found[-1].parent if found else Path(beside).parent if beside else None


class Server:
    """One cluster in a folder; it can be stopped and started again."""

    def __init__(self, programs, folder):
        self.programs, self.folder, self.port, self.made = programs, folder, free_port(), 0
        self.url = f"postgresql://palate@127.0.0.1:{self.port}/postgres"

    def run(self, program, *words):
        command = [str(self.programs / program), *map(str, words)]
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        return subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self.run("pg_ctl", "-D", self.folder / "data", "-o", options, "-l", self.folder / "log", "-w", "start")

    def new(self):
        """Make an empty database, and return its URL."""
        self.made += 1
        name = f"shop{self.made}"
        self.run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", "palate", name)
        return f"{self.url.rpartition('/')[0]}/{name}"

    def stop(self, how="fast"):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", how, "-w", "stop")


@contextmanager
def postgres():
    """Start a server, or skip with the reason; PALATE_REQUIRE_POSTGRES makes its absence a failure."""
    programs = _programs()
    if programs is None:
        message = "PostgreSQL is not installed: its server is needed for this test"
        if os.environ.get("PALATE_REQUIRE_POSTGRES"):
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="palate-postgres-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        server = Server(programs, folder)
        server.run("initdb", "-D", folder / "data", "-U", "palate", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
