"""Requests that are too large are refused before they are read."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException

FORM = b"multipart/form-data"


class BodyLimit:
    """Stops reading a request after so many bytes and answers 413; pictures and other files have a limit of their own."""

    def __init__(self, app: Any, body: int, files: int) -> None:
        self.app, self.body, self.files = app, body, files

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, counting what it brings."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = self.files if headers.get(b"content-type", b"").startswith(FORM) else self.body
        told = headers.get(b"content-length", b"")
        if told.isdigit() and int(told) > limit:
            await _refuse(send, limit)
            return
        counted = 0

        async def counting() -> Any:
            nonlocal counted
            message = await receive()
            counted += len(message.get("body", b""))
            if counted > limit:
                raise HTTPException(413, _said(limit))
            return message

        await self.app(scope, counting, send)


def _said(limit: int) -> str:
    return f"the request is larger than {limit:,} bytes: send less at once"


async def _refuse(send: Any, limit: int) -> None:
    body = json.dumps({"error": _said(limit)}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
