"""From columns of sound or video to columns of text: each content once, resumable, nothing dropped silently."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from filelock import Timeout

from palate.core.cores import cores
from palate.core.errors import DataError
from palate.core.files import locked
from palate.core.interrupts import heed_interrupts
from palate.core.progress import progress
from palate.data import quarantine
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import Of
from palate.data.folder import save_column
from palate.data.quarantine import Rejected
from palate.encoders.pipeline.inputs import Inputs, read_media
from palate.encoders.pipeline.store import Key
from palate.encoders.pipeline.workers import Workers
from palate.encoders.speech._base import Recogniser, registry
from palate.encoders.speech._heard import Heard, ever_heard
from palate.interfaces import Raw

VIEW = ".speech"
"""What the name of a text column ends in that was heard from another column."""
_NOBODY = "nobody speaks in it"


@dataclass(frozen=True)
class Transcribed:
    """What was done for one column."""

    column: str
    recogniser: str
    rows: int
    present: int
    seconds: float
    heard: int
    """Sounds that were listened to now; the text of the others was there."""
    quarantined: int


def transcribe(data: Dataset, /, *, of: Of = "items", retry: bool = False, **columns: str | Recogniser[Any]) -> Dataset:
    """Return the dataset with a text column for each named column of sounds or videos: what is said in them.

    The text of `voice` is the column `voice.speech`, a text column as any other: to be encoded, searched and shown; what
    a recogniser wrote there before is replaced. A dataset with a folder keeps the column there, and what was heard before is
    not heard again, also after a run that was killed.

    Args:
        data: the dataset.
        of: whose columns they are: items or users.
        retry: listen once more to what gave no text.
        columns: the recogniser of each column, or its name.

    Missing data:
        A row without a file, or whose sound is silent, broken or without speech, has no text; all but the first are
        told in the folder's quarantine.
    Raises:
        DataError: there is no such column, it holds neither sound nor video, or the name of its text is taken.
        WeightsError: pretrained weights cannot be had.
    """
    return transcribe_columns(data, columns, of, retry)[0]


def transcribe_columns(
    data: Dataset, columns: Mapping[str, str | Recogniser[Any]], of: Of = "items", retry: bool = False
) -> tuple[Dataset, list[Transcribed]]:
    """Do what `transcribe` does, and tell what was done for each column."""
    for name in columns:
        _check(data, name, of)
    shared: dict[str, Recogniser[Any]] = {}
    done = []
    for name, choice in columns.items():
        one = choice if isinstance(choice, Recogniser) else shared.setdefault(choice, registry.get(choice)())
        data, about = _one_column(data, name, one, of, retry)
        done.append(about)
    return data, done


def speech_columns(catalogue: Catalogue) -> list[str]:
    """Return the columns in which somebody may speak: sounds and videos."""
    return catalogue.of_type("audio", "video")


def _check(data: Dataset, column: str, of: Of) -> None:
    table = data.table_of(of)
    if of == "interactions":
        raise DataError(
            "speech is written down for items and users: a further column of interactions would be another log"
        )
    table.column(column)
    if column not in speech_columns(table):
        there = ", ".join(speech_columns(table)) or "none"
        raise DataError(
            f"the column '{column}' is {table.types.get(column, 'untyped')}, and speech is in columns of sound or video: "
            f"there are {there}"
        )
    view = column + VIEW
    if table.types.get(view, "text") != "text":
        raise DataError(f"there is a column '{view}' that is no text: rename it")
    if data.root is not None and view in table.types and not set(table.column(view)) <= ever_heard(data.root):
        raise DataError(
            f"there is a text column '{view}' that no recogniser wrote, and what is heard in '{column}' would take its "
            "place: import the table with another name for it"
        )


def _one_column(
    data: Dataset, column: str, recogniser: Recogniser[Any], of: Of, retry: bool
) -> tuple[Dataset, Transcribed]:
    began = time.perf_counter()
    table, folder, name = data.table_of(of), data.root, column + VIEW
    inputs = read_media(table, column)
    log = Heard(folder, recogniser.fingerprint)
    if retry:
        log.said = {key: said for key, said in log.said.items() if said[0] is not None}
    with nullcontext() if log.path is None else _alone(log.path.with_suffix(".lock"), column):
        heard = _hear(column, recogniser, inputs, log, of)
    texts = [None if key is None else log.said[key][0] for key in inputs.keys]
    changed = replace(
        table, table=table.table.with_columns(pl.Series(name, texts, pl.String)), types={**table.types, name: "text"}
    )
    rejected = _rejected(data, column, inputs, log, of)
    if folder is not None:
        save_column(folder, of, name, changed.table[name], "text")
        quarantine.append(folder, f"speech:{column}", rejected)
    data = replace(data, catalogue=changed) if of == "items" else replace(data, people=changed)
    present = sum(text is not None for text in texts)
    seconds = time.perf_counter() - began
    return data, Transcribed(name, recogniser.name, len(texts), present, seconds, heard, len(rejected))


@contextmanager
def _alone(lock: Path, column: str) -> Iterator[None]:
    """Keep other processes from listening to the same at the same time."""
    try:
        with locked(lock, timeout=0):
            yield
    except Timeout as error:
        raise DataError(f"another process is listening to '{column}': wait until it ends") from error


def _hear(column: str, recogniser: Recogniser[Any], inputs: Inputs, log: Heard, of: Of) -> int:
    """Listen to every content of which the text is not known; return how many there were."""
    todo: dict[Key, Raw] = {}
    for key, raw in zip(inputs.keys, inputs.raw, strict=True):
        if key is not None and raw is not None and key not in log.said:
            todo.setdefault(key, raw)
    if not todo:
        return 0
    from palate.encoders.whisper_encoder import WhisperEncoder

    recogniser.prepare()
    reader = WhisperEncoder(max_seconds=recogniser.longest)  # it decodes a sound to what recognisers hear
    heed_interrupts()
    pool = ThreadPoolExecutor(cores(), thread_name_prefix="hear")
    try:
        with Workers(reader) as workers, progress(f"listening to {column}", len(todo), of) as advance:
            for _ in pool.map(partial(_one, recogniser, workers, log), todo, todo.values()):
                advance(1)
    finally:
        pool.shutdown(cancel_futures=True)
    return len(todo)


def _one(recogniser: Recogniser[Any], workers: Workers, log: Heard, key: Key, raw: Raw) -> None:
    ((sound, reason),) = workers.decode([raw])
    text = None if sound is None else recogniser.transcribe(sound)
    log.add(key, (text, None if text else reason or _NOBODY))


def _rejected(data: Dataset, column: str, inputs: Inputs, log: Heard, of: Of) -> list[Rejected]:
    """Return a row for everything that is there and yet has no text."""
    reasons = {row: inputs.reasons.get(row) if key is None else log.said[key][1] for row, key in enumerate(inputs.keys)}
    rows = [row for row, reason in reasons.items() if reason is not None]
    given = data.table_of(of).column(column)
    return [
        Rejected(column + VIEW, row + 1, who, str(reasons[row]), str(given[row])[:200])
        for row, who in zip(rows, data.names_of(of, rows), strict=True)
    ]
