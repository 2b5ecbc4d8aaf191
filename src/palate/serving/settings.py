"""What a service may do."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, field_validator

from palate.core.config import Config
from palate.serving.logs import Form


class ServingSettings(Config):
    """Limits of a service, and where it listens, keeps and tells."""

    host: str = "127.0.0.1"
    """An address of this machine alone, or any where the store has keys."""
    port: int = Field(8000, ge=0, le=65535)
    """0 takes any that is free."""
    store: str | None = None
    """Where events are kept: `sqlite:///FILE`, `postgresql://…`, or `none`; nothing said is BUNDLE.live/events.db."""
    log: Form = "none"
    """How requests are told of: a line each, `json` or `text`; `none` leaves them out. Warnings and errors always are."""
    log_file: Path | None = None
    """The file that lines go to; standard error where nothing is said."""
    max_k: int = Field(100, ge=1)
    """The longest list that can be asked for."""
    reasons: int = Field(3, ge=0)
    """How many past likes a reason names."""
    index: str = "auto"
    """How near vectors are found: `exact` compares all; `hnsw` walks a graph that is built when the service starts, which
    is quicker where there are very many items and may miss some; `auto` is `exact` below 200,000 items."""
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
    head_seconds: float = Field(10, gt=0)
    """How long a connection waits for the head of a request."""
    body_seconds: float = Field(30, gt=0)
    """How long a request may take to come, and a second more for each 16 kB."""
    drain_seconds: int = Field(20, ge=0)
    """How long what runs may go on once the service is told to stop."""
    rate: float = Field(0, ge=0)
    """How many requests a second a key may send, or an address where there is no key; 0 lets all."""
    burst: int = Field(50, ge=1)
    """How many of them may come at once."""
    origins: tuple[str, ...] = ()
    """Web pages of other origins that may ask, as in `https://shop.example`; `*` lets all."""
    cache_mb: int = Field(32, ge=0)
    """Memory for lists that are asked for again before anything changes; 0 keeps none."""
    max_batch: int = Field(100, ge=1)
    """How many people may be asked for in one request."""
    max_events: int = Field(1000, ge=1)
    """How many events may come in one request."""

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for origin in given:
            if origin != "*" and not re.fullmatch(r"https?://[^/\s*]+", origin):
                raise ValueError(f"'{origin}' is no origin: write scheme and host alone, as https://shop.example, or *")
        return given
