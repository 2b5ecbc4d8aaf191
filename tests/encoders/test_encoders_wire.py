"""What goes between two processes: values whole, and nothing that makes the other side run code."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from palate.encoders.pipeline.wire import receive, send

HERE = __name__


@dataclass(frozen=True)
class Clip:
    frames: np.ndarray
    seconds: tuple[float, ...]


class Pair(NamedTuple):
    left: Any
    right: Any


def crossed(value: Any) -> Any:
    pipe = io.BytesIO()
    send(pipe, value)
    pipe.seek(0)
    found = receive(pipe, HERE)
    assert pipe.read() == b""
    return found


def test_plain_values_stay_what_they_are() -> None:
    values = [None, True, 3, -0.5, "杯 \ud800", b"\0\xff", Path("a/b"), (1, (2,)), [[]], {"a": (1,), 2: None}, {}, ()]
    assert crossed(values) == values
    assert np.isnan(crossed(float("nan")))


def test_arrays_keep_type_shape_and_content_and_can_be_written_to() -> None:
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 255, (4, 5, 3), dtype=np.uint8),
        np.asfortranarray(rng.normal(size=(3, 4)).astype(np.float32))[:, ::2],
        np.zeros((0, 7), np.int64),
        np.array(3.5),
        np.array(["ab", "杯"]),
        np.array(["2020-01-01"], "M8[s]"),
        np.array([True, False]),
    ]
    for array, found in zip(arrays, crossed(arrays), strict=True):
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found, array)
        assert found.flags.writeable
    number = crossed(np.float32(0.1))
    assert isinstance(number, np.float32)
    assert number == np.float32(0.1)


def test_dataclasses_and_named_tuples_come_back_as_themselves() -> None:
    found = crossed(Pair(Clip(np.arange(6).reshape(2, 3), (0.0, 0.5)), "x"))
    assert isinstance(found, Pair)
    assert isinstance(found.left, Clip)
    assert (found.left.frames.tolist(), found.left.seconds) == ([[0, 1, 2], [3, 4, 5]], (0.0, 0.5))


@pytest.mark.parametrize("value", [date(2020, 1, 1), object(), np.array([object()]), {1, 2}, lambda: None])
def test_what_cannot_cross_is_refused_before_a_byte_is_written(value: Any) -> None:
    pipe = io.BytesIO()
    with pytest.raises(TypeError, match="neither numbers nor text"):
        send(pipe, [np.zeros(9), value])
    assert pipe.getvalue() == b""


def written(head: Any) -> io.BytesIO:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return io.BytesIO(struct.pack("<4sI", b"plt1", len(text)) + text + bytes(64))


@pytest.mark.parametrize(
    "head",
    [
        {"class": ["os", "system", {"command": "true"}]},
        {"class": ["subprocess", "Popen", {"args": "true"}]},
        {"class": [HERE, "crossed", {"value": 1}]},
        {"class": [HERE, "Absent", {}]},
        {"class": [HERE, "Pair", {"left": 1}]},
        {"array": ["|O", [8]]},
        {"array": ["<f4", [-1]]},
        {"array": ["<f4", [1 << 60]]},
        {"array": "<f4"},
        {"eval": ["1"]},
        {"list": [], "tuple": []},
        b"{not json",
        b"[" * 100_000,
    ],
)
def test_what_makes_no_sense_is_refused(head: Any) -> None:
    with pytest.raises(ValueError):
        receive(written(head), HERE)


def test_a_value_that_is_cut_is_the_end() -> None:
    pipe = io.BytesIO()
    send(pipe, [np.zeros(100), "end"])
    whole = pipe.getvalue()
    for length in (0, 3, 8, 20, len(whole) - 1):
        with pytest.raises(EOFError):
            receive(io.BytesIO(whole[:length]), HERE)
    with pytest.raises(ValueError, match="does not begin"):
        receive(io.BytesIO(b"libpng warning: iCCP"), HERE)
