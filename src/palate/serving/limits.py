"""Requests that are too large are refused before they are read, and those that are too slow while they are."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import HTTPException  # which FastAPI hands on where it reads a body

from palate.serving.refusals import refuse

FORM = b"multipart/form-data"
SLOWEST = 16 << 10
"""Bytes a second that a body must bring, once its first seconds are over."""


class BodyLimit:
    """Stops reading a request after so many bytes and answers 413; pictures and other files have a limit of their own. One whose
    body takes longer than `seconds`, and so much more as its length is worth, gets 408.
    """

    def __init__(self, app: Any, body: int, files: int, seconds: float) -> None:
        self.app, self.body, self.files, self.seconds = app, body, files, seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, counting what it brings."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = self.files if headers.get(b"content-type", b"").startswith(FORM) else self.body
        told = headers.get(b"content-length", b"")
        if told.isdigit() and int(told) > limit:
            await refuse(send, 413, _said(limit))
            return
        counted, more, began = 0, True, asyncio.get_running_loop().time()

        async def counting() -> Any:
            nonlocal counted, more
            if not more:  # it waits for the sender to go away
                return await receive()
            try:
                async with asyncio.timeout_at(began + self.seconds + counted / SLOWEST):
                    message = await receive()
            except TimeoutError:
                sentence = f"the request did not come within {self.seconds:g} s: send it at once"
                raise HTTPException(408, sentence, {"Connection": "close"}) from None
            counted += len(message.get("body", b""))
            more = message.get("more_body", False)
            if counted > limit:
                raise HTTPException(413, _said(limit))
            return message

        await self.app(scope, counting, send)


def _said(limit: int) -> str:
    return f"the request is larger than {limit:,} bytes: send less at once"
