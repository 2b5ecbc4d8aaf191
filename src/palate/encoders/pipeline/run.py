"""Running an encoder over many inputs: on all cores, in order, with bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from threadpoolctl import threadpool_limits

from palate.core.cores import cores
from palate.core.types import Floats, Mask
from palate.encoders._base import BrokenInput, Encoder
from palate.interfaces import Raw


@dataclass(frozen=True, eq=False)
class Batch:
    """Vectors of consecutive inputs, and the reason of each that is broken (by place in the batch)."""

    start: int
    values: Floats
    present: Mask
    reasons: dict[int, str]


def run(encoder: Encoder[Any], raw: Sequence[Raw], workers: int | None = None) -> Iterator[Batch]:
    """Encode inputs in order, in batches whose borders depend on nothing but the number of inputs.

    Each core takes a batch, decodes it and runs the model on it alone, so that one core decodes while another
    computes and none waits for the others within a batch. Threads suffice: Pillow, libsndfile, soxr, ONNX Runtime and
    BLAS let others run while they work. Neither the number of cores nor what else they do changes a vector.
    """
    workers = workers or cores()
    starts = iter(range(0, len(raw), encoder.batch))
    waiting: deque[Future[Batch]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="encode")
    try:
        with threadpool_limits(1, user_api="blas"):
            while True:
                while len(waiting) < 2 * workers and (start := next(starts, None)) is not None:
                    waiting.append(pool.submit(_batch, encoder, start, raw[start : start + encoder.batch]))
                if not waiting:
                    return
                yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _batch(encoder: Encoder[Any], start: int, raw: Sequence[Raw]) -> Batch:
    decoded: list[Any] = []
    reasons: dict[int, str] = {}
    for place, entry in enumerate(raw):
        try:
            decoded.append(encoder.decode(entry))
        except BrokenInput as error:
            decoded.append(None)
            reasons[place] = str(error)
    values, present = encoder.encode(decoded)
    for place, item in enumerate(decoded):
        if item is not None and not present[place]:
            reasons[place] = encoder.emptiness
    return Batch(start, values, present, reasons)
