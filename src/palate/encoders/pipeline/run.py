"""Running an encoder over many inputs: on all cores, in order, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from threading import Semaphore
from typing import Any

from threadpoolctl import threadpool_limits

from palate.core.cores import cores
from palate.core.interrupts import heed_interrupts
from palate.core.types import Floats, Mask
from palate.encoders._base import Encoder
from palate.encoders.pipeline.decoding import Decode, Decoded, decoded
from palate.encoders.pipeline.views import encoded
from palate.encoders.pipeline.workers import Workers
from palate.interfaces import Raw


@dataclass(frozen=True, eq=False)
class Batch:
    """Vectors of consecutive inputs, and the reason of each that is broken (by place in the batch)."""

    start: int
    values: Floats
    present: Mask
    reasons: dict[int, str]


def run(
    encoder: Encoder[Any], raw: Sequence[Raw], workers: Workers | None = None, threads: int | None = None
) -> Iterator[Batch]:
    """Encode inputs in order, in batches whose borders depend on nothing but the number of inputs.

    Each core takes a batch, decodes it and runs the model on it alone, so that one core decodes while another
    computes and none waits for the others within a batch. Where worker processes decode, as many batches again are
    decoded ahead, and no more. Neither the number of cores nor what else they do changes a vector.

    Args:
        encoder: a prepared encoder.
        raw: the inputs.
        workers: processes that decode; without them each thread decodes its own. They are closed at the end.
        threads: how many batches the model runs on at a time; as many as cores where nothing is given.
    """
    heed_interrupts()
    cpus = threads or cores()
    at_once = cpus if workers is None else 2 * cpus
    decode = partial(_decode_here, encoder) if workers is None else workers.decode
    work = partial(_batch, encoder, decode, Semaphore(cpus))
    starts = iter(range(0, len(raw), encoder.batch))
    waiting: deque[Future[Batch]] = deque()
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="encode")
    try:
        with threadpool_limits(1, user_api="blas"):
            while True:
                while len(waiting) < at_once + cpus and (start := next(starts, None)) is not None:
                    waiting.append(pool.submit(work, start, raw[start : start + encoder.batch]))
                if not waiting:
                    return
                yield waiting.popleft().result()
    finally:
        if workers is not None:  # first, since threads may be waiting for them
            workers.close()
        pool.shutdown(cancel_futures=True)


def _decode_here(encoder: Encoder[Any], raw: Sequence[Raw]) -> list[Decoded]:
    return [decoded(encoder, entry) for entry in raw]


def _batch(encoder: Encoder[Any], decode: Decode, gate: Semaphore, start: int, raw: Sequence[Raw]) -> Batch:
    items, told = zip(*decode(raw), strict=True)
    reasons = {place: reason for place, reason in enumerate(told) if reason is not None}
    with gate:
        values, present = encoded(encoder, items)
    for place, item in enumerate(items):
        if item is not None and not present[place]:
            reasons[place] = encoder.emptiness
    return Batch(start, values, present, reasons)
