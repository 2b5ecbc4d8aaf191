"""Connections on which no request comes are closed."""

from __future__ import annotations

import asyncio
from typing import Any


def impatient(seconds: float) -> type[Any]:
    """Return uvicorn's protocol for HTTP, which closes a connection whose request's head does not come within so many seconds.

    uvicorn itself waits for ever for the rest of a head, and for that of a body whose answer was given.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    base: Any = AutoHTTPProtocol

    class Impatient(base):  # type: ignore[misc]
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._arm()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._disarm()
            else:
                self._arm()

        def connection_lost(self, error: Exception | None) -> None:
            self._disarm()
            super().connection_lost(error)

        def _arm(self) -> None:
            if self._late is None:
                self._late = asyncio.get_running_loop().call_later(seconds, self.transport.close)

        def _disarm(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Impatient
