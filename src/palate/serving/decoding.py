"""Files from strangers are decoded in processes of their own, which may use so much time and memory and no more."""

from __future__ import annotations

import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from palate.core.errors import PalateError
from palate.encoders import BrokenInput, Encoder
from palate.encoders.pipeline.bounds import Bounds
from palate.encoders.pipeline.decoding import decoded
from palate.encoders.pipeline.workers import DiedError, Workers, has_name
from palate.serving.settings import ServingSettings

LOG = logging.getLogger("palate.serving")
_ANSWER = 256 << 20
"""Bytes of one decoded file, at most."""
_KINDS = 8
"""Kinds of encoders whose processes are kept; further ones take the place of the one that was not asked for longest."""


@dataclass(eq=False)
class _Pool:
    workers: Workers
    busy: int = 0


class Decoding:
    """Decodes files by encoders, each in processes that are kept; one that dies costs the file it was on, and is replaced.

    Several threads may ask at once. A process may take `decode_seconds` of the clock and of the processor for a file, and
    on Linux `decode_memory_mb` of address space beyond what it starts with. An encoder that no registry knows cannot be told to a
    process, and decodes here.

    Example:
        >>> with Decoding() as decoding:        # doctest: +SKIP
        ...     pixels = decoding.decode(encoder, Path("photo.jpg"))
    """

    def __init__(self, settings: ServingSettings | None = None) -> None:
        given = settings or ServingSettings()
        self.count = given.decoders
        self.bounds = Bounds(given.decode_seconds, given.decode_memory_mb << 20, _ANSWER, "decode_seconds")
        self._pools: OrderedDict[str, _Pool] = OrderedDict()
        self._names: weakref.WeakKeyDictionary[Encoder[Any], str] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        weakref.finalize(self, _end, self._pools)

    def decode(self, encoder: Encoder[Any], path: Path) -> Any:
        """Return what an encoder makes of a file.

        Raises:
            BrokenInput: it cannot be decoded, or not within the limits.
            PalateError: no process can be started, or a library is absent.
        """
        if not has_name(encoder):
            item, reason = decoded(encoder, path)
        else:
            pool = self._take(encoder)
            try:
                ((item, reason),) = pool.workers.decode([path])
            except (DiedError, PalateError) as error:
                if not pool.workers.closed:
                    raise
                raise PalateError("the service is stopping: ask again once it is back") from error
            finally:
                self._release(pool)
        if reason is not None:
            raise BrokenInput(reason)
        return item

    def warm(self, encoders: Iterable[Encoder[Any]]) -> None:
        """Start processes ahead, in the background; one that cannot be started is told of when it is asked."""
        known = [encoder for encoder in encoders if has_name(encoder)]
        if known:
            threading.Thread(target=self._warm, args=(known,), name="warming decoders", daemon=True).start()

    def close(self) -> None:
        """End the processes."""
        with self._lock:
            _end(self._pools)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _warm(self, encoders: Iterable[Encoder[Any]]) -> None:
        for encoder in encoders:
            pool = self._take(encoder)
            try:
                pool.workers.warm()
            except (PalateError, DiedError) as error:  # whoever asks is told
                if not pool.workers.closed:
                    LOG.warning("files cannot be decoded for now: %s", error)
            finally:
                self._release(pool)

    def _take(self, encoder: Encoder[Any]) -> _Pool:
        with self._lock:
            name = self._names.get(encoder) or encoder.fingerprint
            self._names[encoder] = name
            if name not in self._pools:
                self._make_room()
                self._pools[name] = _Pool(Workers(encoder, self.count, self.bounds))
            self._pools.move_to_end(name)
            self._pools[name].busy += 1
            return self._pools[name]

    def _release(self, pool: _Pool) -> None:
        with self._lock:
            pool.busy -= 1

    def _make_room(self) -> None:
        idle = [name for name, pool in self._pools.items() if not pool.busy]
        for name in idle[: max(0, len(self._pools) - _KINDS + 1)]:
            self._pools.pop(name).workers.end()


def _end(pools: OrderedDict[str, _Pool]) -> None:
    while pools:
        pools.popitem()[1].workers.end()
