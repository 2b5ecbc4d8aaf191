"""Which files an ONNX network lies in: its own, and those beside it that hold its weights."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from palate.core.errors import WeightsError
from palate.core.fingerprint import file_fingerprint, fingerprint


def files_digest(path: Path) -> str:
    """Return the digest of an ONNX file and of the files beside it that hold its weights.

    Raises:
        WeightsError: one of them is absent, or the first is no ONNX file.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}: write onnx:PATH, the path of an ONNX file")
    digests = {"": file_fingerprint(path)}
    for name in _beside(path):
        if not (path.parent / name).is_file():
            raise WeightsError(f"{path} has weights in {name}, which is not there: bring both files")
        digests[name] = file_fingerprint(path.parent / name)
    return fingerprint(digests)


def _beside(path: Path) -> set[str]:
    if not path.stat().st_size:
        return set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b"location") < 0:  # most are whole, and large: they need not be parsed
            return set()
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf has errors of its own in each of its versions
        raise WeightsError(f"{path} is no ONNX file ({error}): export it again") from error
    return {entry.value for tensor in _tensors(graph) for entry in tensor.external_data if entry.key == "location"}


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield the tensors of a graph and of the graphs inside its nodes."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)
