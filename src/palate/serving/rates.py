"""How many requests one may send: a token bucket for each key, or for each address where there is no key."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers

from palate.serving.guard import KeyRing, secret_of
from palate.serving.refusals import refuse

_FREE = frozenset({"/health", "/ready"})
_MOST = 100_000
"""Senders that are remembered; of more, those who have not asked for longest start anew."""


class Buckets:
    """Token buckets: each holds `burst` tokens and gets `rate` new ones a second; a request takes one.

    A bucket is the moment at which it will be full again (the generic cell rate algorithm of ATM, which gives the same answers as counting
    tokens), so that one number is kept for each sender.

    Example:
        >>> now = [0.0]
        >>> buckets = Buckets(rate=2, burst=2, clock=lambda: now[0])
        >>> buckets.wait("ann"), buckets.wait("ann"), buckets.wait("ann"), buckets.wait("bob")
        (0.0, 0.0, 0.5, 0.0)
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self.each, self.room, self.clock, self.most = 1 / rate, (burst - 1) / rate, clock, most
        self._full: OrderedDict[str, float] = OrderedDict()

    def wait(self, sender: str) -> float:
        """Take a token; return 0 where there was one, else the seconds until there is."""
        now = self.clock()
        full = max(self._full.get(sender, now), now)
        late = full - now - self.room
        if late > 1e-9:
            return late
        self._full[sender] = full + self.each
        self._full.move_to_end(sender)
        if len(self._full) > self.most:
            self._full.popitem(last=False)
        return 0.0

    def __len__(self) -> int:
        return len(self._full)


class RateLimit:
    """Answers 429, before a body is read, where somebody asks more often than the buckets allow; `/health` and `/ready` are free."""

    def __init__(self, app: Any, buckets: Buckets, ring: KeyRing) -> None:
        self.app, self.buckets, self.ring = app, buckets, ring

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or refuse it."""
        wait = 0.0 if scope["type"] != "http" or scope["path"] in _FREE else self.buckets.wait(self._sender(scope))
        if not wait:
            await self.app(scope, receive, send)
            return
        seconds = math.ceil(wait)
        sentence = f"too many requests: ask again in {seconds} s, and at most {1 / self.buckets.each:g} times a second"
        await refuse(send, 429, sentence, {"retry-after": str(seconds)})

    def _sender(self, scope: Any) -> str:
        key = self.ring.key_of(secret_of(Headers(scope=scope))) if self.ring.shut else None
        if key is not None:
            return f"key {key.name}"
        host = scope["client"][0] if scope.get("client") else ""
        return f"{ipaddress.IPv6Address(host.partition('%')[0]).exploded[:19]}" if ":" in host else host
