"""Answers that are given before a request reaches its route."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


async def refuse(send: Any, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
    """Answer a request with an error in one sentence; what it still brings is not read, and its connection closes."""
    body = json.dumps({"error": sentence}).encode()
    told = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **(headers or {}),
    }
    head = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
