"""ONNX Runtime, kept to one core: the pipeline runs one batch on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from palate.core.types import Floats

_AT_ONCE = 10
"""Pieces of one input that a graph is given at once: what they take in memory does not grow with the input."""


def session(graph: Path) -> Any:
    """Load an ONNX file; what runs it may be called by several threads at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def mean_features(graph: Any, name: str, pieces: Floats) -> Floats:
    """Return the mean of the output `features` over the pieces of an input, float32[n, ...] -> float32[dim]."""
    runs = [graph.run(["features"], {name: pieces[at : at + _AT_ONCE]})[0] for at in range(0, len(pieces), _AT_ONCE)]
    return np.asarray(np.concatenate(runs).mean(axis=0), np.float32)
