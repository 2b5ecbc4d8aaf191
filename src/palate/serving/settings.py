"""What a service may do."""

from __future__ import annotations

from pydantic import Field

from palate.core.config import Config


class ServingSettings(Config):
    """Limits of a service."""

    max_k: int = Field(100, ge=1)
    """The longest list that can be asked for."""
    reasons: int = Field(3, ge=0)
    """How many past likes a reason names."""
    index: str = "exact"
    """How near vectors are found: `exact` compares all; `hnsw` walks a graph that is built when the service starts, which
    is quicker where there are very many items and may miss some."""
    max_upload_mb: int = Field(20, ge=1)
    """The largest picture or sound that can be searched by."""
    decoders: int = Field(2, ge=1)
    """How many files of one kind are decoded at a time, each in a process of its own."""
    decode_seconds: float = Field(10, gt=0, le=3600)
    """How long decoding one file may take."""
    decode_memory_mb: int = Field(2048, ge=64)
    """Memory that decoding one file may take."""
    max_body_mb: float = Field(1, gt=0)
    """The largest request without files."""
    max_events: int = Field(1000, ge=1)
    """How many events may come in one request."""
