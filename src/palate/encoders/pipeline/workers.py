"""Worker processes that decode files: one that dies costs the file it was on, and another takes its place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

from palate.augment import registry as augmentations
from palate.core import errors
from palate.core.cores import cores
from palate.core.errors import ConfigError, PalateError, UnknownNameError
from palate.encoders import registry
from palate.encoders._base import Encoder
from palate.encoders.pipeline.bounds import Bounds
from palate.encoders.pipeline.decoding import Decoded
from palate.encoders.pipeline.wire import Bounded, receive, send
from palate.interfaces import Raw

SECONDS = 60.0
"""How long decoding one file may take; PALATE_DECODE_SECONDS changes it."""
GROW_SECONDS = 1.0
"""How long the workers must have been busy before one more is started: about what a start costs."""
START_SECONDS = 120.0
"""How long a worker may take until it is ready."""
GRACE = 5.0
"""Seconds beyond its time after which a worker that did not end itself is ended."""
_ALONE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
_KILLED = -signal.SIGKILL if hasattr(signal, "SIGKILL") else None
_LATE = {-getattr(signal, name) for name in ("SIGALRM", "SIGXCPU") if hasattr(signal, name)}


class DiedError(Exception):
    """A worker is gone; the message is the reason that the file it was on gets."""


class Worker:
    """One process and the pipes to it."""

    def __init__(self, encoder: Encoder[Any], bounds: Bounds) -> None:
        self.encoder, self.bounds = encoder, bounds
        self.ready = self.late = False
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "palate.encoders.pipeline.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.said,
                env={**os.environ, **_ALONE, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
                start_new_session=True,  # Ctrl-C goes to the parent alone, and the parent ends its workers
            )
        except OSError:
            self.said.close()
            raise
        self.source, self.sink = cast("BinaryIO", self.process.stdout), cast("BinaryIO", self.process.stdin)

    def decode(self, raw: Sequence[Raw], into: list[Decoded]) -> None:
        """Decode files and append what comes of each.

        Raises:
            DiedError: the process is gone, and the first file of which nothing was appended is to blame.
            PalateError: the run lacks something that every file needs.
        """
        self.greet()
        try:
            with self._ended_after(self.bounds.seconds * len(raw) + GRACE):
                send(self.sink, list(raw))
                for _ in raw:
                    into.append(self._answer())  # noqa: PERF401  what came before it died stays
        except (EOFError, OSError) as error:
            raise DiedError(self._cause()) from error
        except ValueError as error:
            raise DiedError(f"the decoder crashed on it (its answer makes no sense: {error})") from error

    def _answer(self) -> Decoded:
        source = self.source if self.bounds.answer is None else Bounded(self.source, self.bounds.answer)
        match receive(source, type(self.encoder).__module__):
            case ("decoded", item, None | str() as reason):
                return item, reason
            case ("error", str() as name, str() as message):
                raise _error(name, message)
        raise ValueError("it is no answer")

    def greet(self) -> None:
        """Tell the process which encoder it has, and wait until it is ready; nothing where that was done."""
        if self.ready:
            return
        state = self.encoder.state()
        views = None if self.encoder.views is None else self.encoder.views.spec()
        learned = {"arrays": state.arrays, "meta": state.meta, "views": views}
        about = {**self.encoder.spec(), **learned, "seconds": self.bounds.seconds, "memory": self.bounds.memory}
        try:
            with self._ended_after(START_SECONDS):
                send(self.sink, about)
                self.ready = receive(self.source) == "ready"
        except (EOFError, OSError, ValueError) as error:  # the last where somebody has closed the pipes meanwhile
            self.process.kill()
            self.process.wait()
            raise PalateError(
                f"a process that decodes files for '{self.encoder.name}' could not start: {self._last_line()}"
            ) from error

    def _last_line(self) -> str:
        try:
            self.said.seek(0)
            lines = self.said.read().decode(errors="replace").strip().splitlines()
        except ValueError as error:
            raise DiedError("it was told to stop") from error
        return lines[-1] if lines else "it said nothing"

    @contextmanager
    def _ended_after(self, seconds: float) -> Iterator[None]:
        """End the process if it is still at it after so long, whatever became of its own clock."""

        def end() -> None:
            self.late = True
            self.process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cause(self) -> str:
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:  # it closed its pipe and lives on
            self.process.kill()
            code = self.process.wait()
        if self.late or code in _LATE:
            return f"decoding took longer than {self.bounds.seconds:g} s, the limit that {self.bounds.set_by} sets"
        if code == _KILLED:
            return "the decoder crashed on it (signal 9: memory may have run out)"
        return f"the decoder crashed on it ({f'signal {-code}' if code < 0 else f'exit code {code}'})"

    def close(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.source, self.sink, self.said):
            with suppress(OSError):  # what was not sent before it died
                pipe.close()


class Workers:
    """Up to so many processes for one encoder; several threads may ask at once."""

    def __init__(self, encoder: Encoder[Any], count: int | None = None, bounds: Bounds | None = None) -> None:
        self.encoder, self.count, self.bounds = encoder, count or cores(), bounds or Bounds(_seconds())
        self.began = time.monotonic()
        self.closed = False
        self._lock = threading.Lock()
        self._all: set[Worker] = set()
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._idle.put(self._start())

    def decode(self, raw: Sequence[Raw]) -> list[Decoded]:
        """Decode files, in order, in one process; each that kills the process is broken, and a new one goes on.

        Raises:
            PalateError: the run lacks something that every file needs, or no process can be started.
        """
        found: list[Decoded] = []
        worker = self._borrow()
        try:
            while len(found) < len(raw):
                if worker.process.poll() is not None:
                    worker = self._replace(worker)
                try:
                    worker.decode(raw[len(found) :], found)
                except DiedError as death:
                    found.append((None, str(death)))
                    worker = self._replace(worker)
        finally:
            self._idle.put(worker)
        return found

    def warm(self) -> None:
        """Wait until a process is ready, so that the first file need not.

        Raises:
            PalateError: it could not start.
        """
        worker = self._borrow()
        try:
            worker.greet()
        finally:
            self._idle.put(worker)

    def _borrow(self) -> Worker:
        """Return a worker that nobody else has; a further one is started once that is worth it."""
        try:
            return self._idle.get_nowait()
        except Empty:
            with self._lock:
                worth = not self.closed and len(self._all) < self.count and time.monotonic() - self.began > GROW_SECONDS
                if worth:
                    self.began = time.monotonic()
            if worth:
                with suppress(PalateError):  # those that there are go on
                    return self._start()
            return self._idle.get()

    def _start(self) -> Worker:
        with self._lock:
            if self.closed:
                raise DiedError("the workers were told to stop")
            try:
                worker = Worker(self.encoder, self.bounds)
            except OSError as error:
                raise PalateError(
                    f"no process that decodes files could be started ({error.strerror or error}): free memory, or end other "
                    "processes; what was encoded is kept"
                ) from error
            self._all.add(worker)
        return worker

    def _replace(self, worker: Worker) -> Worker:
        with self._lock:
            self._all.discard(worker)
        worker.close()
        return self._start()

    def close(self) -> None:
        """End all processes at once; whoever waits for one gets an error."""
        with self._lock:
            self.closed = True
            for worker in self._all:
                worker.process.kill()

    def end(self) -> None:
        """End all processes, and let go of the pipes to them."""
        self.close()
        with self._lock:
            left = list(self._all)
        for worker in left:
            worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def workers_for(encoder: Encoder[Any], raw: Sequence[Raw]) -> AbstractContextManager[Workers | None]:
    """Return the processes that decode such inputs; none where there is no file, nor where the encoder or a view has no name there."""
    files = encoder.modality != "text" and any(isinstance(entry, Path) for entry in raw)
    return Workers(encoder) if files and has_name(encoder) else nullcontext()


def has_name(encoder: Encoder[Any]) -> bool:
    """Tell whether a process can be told which encoder it has: it, and what its views are made by, are registered."""
    methods = () if encoder.views is None else encoder.views.methods
    try:
        known = all(augmentations.get(method.name) is type(method) for method in methods)
        return known and registry.get(encoder.name) is type(encoder)
    except UnknownNameError:
        return False


def _seconds() -> float:
    given = os.environ.get("PALATE_DECODE_SECONDS", str(SECONDS))
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise ConfigError(
            f"PALATE_DECODE_SECONDS was '{given}': write how many seconds decoding a file may take, as 60"
        )
    return seconds


def _error(name: str, message: str) -> PalateError:
    kind = getattr(errors, name, PalateError)
    return kind(message) if isinstance(kind, type) and issubclass(kind, PalateError) else PalateError(message)
