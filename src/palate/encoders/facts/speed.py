"""How many items a second an encoder makes on this machine, measured on generated inputs and kept in the cache."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from palate.core.cores import cores
from palate.core.errors import DataError, StoreError
from palate.core.files import locked, read_json, write_json
from palate.core.weights import cache_folder
from palate.encoders import Encoder, registry
from palate.encoders.facts.samples import samples, voice
from palate.encoders.pipeline.run import run
from palate.encoders.pipeline.workers import workers_for
from palate.encoders.speech import Recogniser
from palate.encoders.speech import registry as recognisers
from palate.interfaces import Raw

_SECONDS = 3.0
"""How long the round that counts lasts, about."""


def measure(name: str) -> float:
    """Measure an encoder or a recogniser, remember the figure, and return it: items a second, decoding included.

    Pictures are of 320 pixels, sounds of five seconds, texts of a sentence or two, series of 365 values, point clouds of 2,000.
    What a recogniser hears is as a voice; a sound without one it would pass over. The first round, in which weights are
    fetched and loaded, does not count.

    Raises:
        DataError: nothing is known to measure it on, as for a model that a setting chooses.
        MissingExtraError, WeightsError: it lacks a library, or its weights.
        StoreError: the cache cannot be written.
        UnknownNameError: there is no such encoder or recogniser.
    """
    part = recognisers.get(name)() if name in recognisers.names() else _made(registry.get(name))
    speed = _heard(part) if isinstance(part, Recogniser) else _encoded(part)
    path = _path()
    with locked(path.with_suffix(".lock")):
        write_json(path, {**_read(), name: {"version": part.version, "cores": cores(), "per_second": speed}})
    return speed


def known_speed(name: str, version: int) -> float | None:
    """Return what was measured of this version with this many cores; None where nothing was."""
    match _read().get(name):
        case {"version": known, "cores": count, "per_second": int() | float() as rate}:
            return float(rate) if (known, count) == (version, cores()) else None
    return None


def _made(kind: type[Encoder[Any]]) -> Encoder[Any]:
    if kind.scheme:
        raise DataError(f"'{kind.name}' is as fast as the model that is chosen: it cannot be measured without one")
    return kind()


def _encoded(encoder: Encoder[Any]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        raw = samples(encoder.modality, Path(folder))
        if not raw:
            raise DataError(f"'{encoder.name}' reads {encoder.modality}, of which there is nothing to try it on")
        encoder.prepare()
        return _rate(encoder.fit(raw), raw)


def _rate(encoder: Encoder[Any], raw: Sequence[Raw]) -> float:
    """Return the rate between the first batch, which waits for workers and models to start, and the last."""
    first, rate = [*raw] * (1 + 4 * cores() * encoder.batch // len(raw)), 0.0
    for again in (False, True):
        chosen = first * max(1, int(rate * _SECONDS / len(first))) if again else first
        with workers_for(encoder, chosen) as workers:
            batches = run(encoder, chosen, workers)
            next(batches)
            start = time.perf_counter()
            rate = sum(len(batch.present) for batch in batches) / (time.perf_counter() - start)
    return rate


def _heard(recogniser: Recogniser[Any]) -> float:
    sounds = [voice(number) for number in range(2 * cores())]
    recogniser.prepare()
    with ThreadPoolExecutor(cores()) as pool:
        start = time.perf_counter()
        heard = list(pool.map(recogniser.transcribe, sounds))
        return len(heard) / (time.perf_counter() - start)


def _path() -> Path:
    return cache_folder() / "measured" / "encoders.json"


def _read() -> dict[str, Any]:
    """Return what was measured; a damaged file is as good as none, since all can be measured again."""
    try:
        found = read_json(_path()) if _path().is_file() else {}
    except StoreError:
        return {}
    return found if isinstance(found, dict) else {}
