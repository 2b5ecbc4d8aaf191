"""ONNX Runtime, kept to one core: the pipeline runs one batch on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def session(graph: Path) -> Any:
    """Load an ONNX file; what runs it may be called by several threads at once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
