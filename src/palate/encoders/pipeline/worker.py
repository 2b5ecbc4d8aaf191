"""The process that decodes files for `palate.encode`: should a decoder crash, it takes this down and nothing else.

    python -m palate.encoders.pipeline.worker

Over its standard input come an encoder's name, settings and state, then lists of inputs; for each one answer goes out,
in order. It ends when its input does, at once, whatever it is doing: no worker outlives its parent.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

from palate.augment import Views
from palate.core.errors import PalateError
from palate.core.state import State
from palate.encoders import Encoder, registry
from palate.encoders.pipeline.bounds import hold_memory, hold_time, hold_work
from palate.encoders.pipeline.decoding import decoded
from palate.encoders.pipeline.wire import receive, send


def main() -> None:
    """Answer until there is nobody left to ask."""
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    source, sink = _own_pipes()
    asked: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(source, asked), daemon=True).start()
    encoder, seconds, strict = _encoder(sink, asked.get())
    while True:
        for raw in asked.get():
            hold_time(seconds)
            hold_work(seconds if strict else 0)
            try:
                answer: Any = ("decoded", *decoded(encoder, raw))
            except PalateError as error:
                answer = ("error", type(error).__name__, str(error))
            hold_time(0)
            try:
                send(sink, answer)
            except TypeError as error:
                send(sink, ("error", "PalateError", f"what '{encoder.name}' decodes cannot leave its process: {error}"))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep both pipes to the parent, so that a library which reads or prints does not come between."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return source, sink


def _listen(source: BinaryIO, asked: SimpleQueue[Any]) -> None:
    try:
        while True:
            asked.put(receive(source))
    except (EOFError, OSError):
        os._exit(0)


def _encoder(sink: BinaryIO, given: dict[str, Any]) -> tuple[Encoder[Any], float, bool]:
    """Rebuild the encoder, tell the parent, and say no more on the terminal."""
    kind = registry.get(given["name"])
    encoder = kind(kind.config_type.of(given["settings"]))
    encoder.load_state(State(given["arrays"], given["meta"]))
    if given["views"] is not None:
        encoder = encoder.with_views(Views.restored(given["views"]))
    if given["memory"] is not None:
        with suppress(PalateError):  # nothing is decoded: what it loads for that must not count as the file's
            decoded(encoder, Path(os.devnull))
    send(sink, "ready")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    hold_memory(given["memory"])
    return encoder, given["seconds"], given["memory"] is not None


if __name__ == "__main__":
    main()
