"""Running an encoder over many inputs: decoding in workers, ahead of the model, in order, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from palate.core.cores import cores
from palate.core.types import Floats, Mask
from palate.encoders._base import BrokenInput, Encoder
from palate.interfaces import Raw

AHEAD = 3
"""Batches that are decoded before the model asks for them."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Vectors of consecutive inputs, and the reason of each that is broken (by place in the batch)."""

    start: int
    values: Floats
    present: Mask
    reasons: dict[int, str]


def run(encoder: Encoder[Any], raw: Sequence[Raw], workers: int | None = None) -> Iterator[Batch]:
    """Encode inputs in order, in batches whose borders depend on nothing but the inputs' number.

    Threads do the decoding: Pillow, libsndfile and soxr let others run while they work.
    """
    workers = workers or cores()
    size = encoder.batch
    share = max(1, size // (2 * workers))
    starts = iter(range(0, len(raw), size))
    waiting: deque[tuple[int, list[Future[list[Any]]]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    try:
        while True:
            while len(waiting) < AHEAD and (start := next(starts, None)) is not None:
                batch = raw[start : start + size]
                parts = [batch[at : at + share] for at in range(0, len(batch), share)]
                waiting.append((start, [pool.submit(_decode, encoder, part) for part in parts]))
            if not waiting:
                return
            start, futures = waiting.popleft()
            yield _encode(encoder, start, [item for future in futures for item in future.result()])
    finally:
        pool.shutdown(cancel_futures=True)


def _decode(encoder: Encoder[Any], raw: Sequence[Raw]) -> list[Any]:
    decoded: list[Any] = []
    for entry in raw:
        try:
            decoded.append(encoder.decode(entry))
        except BrokenInput as error:
            decoded.append(error)
    return decoded


def _encode(encoder: Encoder[Any], start: int, decoded: list[Any]) -> Batch:
    reasons = {place: str(item) for place, item in enumerate(decoded) if isinstance(item, BrokenInput)}
    sound = [None if place in reasons else item for place, item in enumerate(decoded)]
    values, present = encoder.encode(sound)
    for place, item in enumerate(sound):
        if item is not None and not present[place]:
            reasons[place] = encoder.emptiness
    return Batch(start, values, present, reasons)
