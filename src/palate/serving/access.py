"""The outermost layer of the service: every request gets an id, and how it ended is told."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from palate.serving.logs import KEY
from palate.serving.refusals import refuse

LOG = logging.getLogger("palate.serving")
REQUESTS = logging.getLogger("palate.serving.requests")
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_CONVERTER = re.compile(r":\w+}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Answered:
    """How a request ended; nothing of it that its sender chose but the id.

    Units:
        seconds, from the request's head to the answer's end.
    """

    request_id: str
    method: str
    route: str
    """The route's template, as in /v1/items/{item}; `unmatched` where there is none."""
    status: int | None
    """None where its sender went away before the answer began."""
    seconds: float
    key: str | None
    """The name of the key that it came with."""
    problem: str | None
    """What the service said was wrong with itself."""


Tell = Callable[[Answered], None]


def log(answered: Answered) -> None:
    """Write a line about a request, where lines of requests are wanted."""
    if REQUESTS.isEnabledFor(logging.INFO):
        facts = {name: value for name, value in asdict(answered).items() if name != "problem" or value is not None}
        REQUESTS.info("answered", extra={"facts": {**facts, "seconds": round(answered.seconds, 6)}})


class Access:
    """Gives each request an id (that of `X-Request-Id` where it is well-formed), answers what nobody expected with 500, and
    tells how each ended.
    """

    def __init__(self, app: Any, tell: Sequence[Tell]) -> None:
        self.app, self.tell = app, tell

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        made = state["request_id"] = _id(scope["headers"])
        status: int | None = None

        async def marked(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", made.encode())]
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, marked)
        except Exception as error:
            LOG.error(
                "nobody expected this", exc_info=error, extra={"facts": {"request_id": made, "route": route(scope)}}
            )
            if status is not None:
                raise
            kind = type(error).__name__
            sentence = f"this should not happen ({kind}): the service's log tells more under the id {made}"
            await refuse(marked, 500, sentence)
        finally:
            key = state.get("key")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            answered = Answered(
                made, method, route(scope), status, time.perf_counter() - began, key and key.name, state.get("problem")
            )
            for each in self.tell:
                each(answered)


def route(scope: Any) -> str:
    """Return the template of the route that a request took; never what was written into it."""
    found = scope.get("route")
    if found is not None:
        return _CONVERTER.sub("}", found.path)
    if scope.get("root_path"):
        return f"{scope['root_path']}/{{file}}"
    known = scope.get("endpoint") is not None and not scope.get("path_params")
    return str(scope["path"]) if known else "unmatched"


def _id(headers: Any) -> str:
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if _WELL_FORMED.fullmatch(given) and not KEY.search(given):
                return str(given)
    return uuid.uuid4().hex
