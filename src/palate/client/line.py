"""Requests on their way to a service: sent again where that is safe, and its refusals told as errors."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from palate.core.errors import ConfigError, ServiceError, missing_extra

if TYPE_CHECKING:
    import httpx

_FIRST, _LONGEST = 0.1, 5.0
"""Seconds to wait at most before the first repetition, and before any."""
_BUSY = 429
_AWAY = 503


class Line:
    """A line to one service, which is repaired where it breaks.

    A request that the service could not take (503), or that broke off with the connection, is sent again after a random time that
    may be twice as long at each turn, up to 5 s ("full jitter", Brooker, *Exponential backoff and jitter*, 2015), provided that a
    second time does no harm. One that did not reach the service, or that it asks to send later (429), always is.

    Args:
        url: where the service is.
        key: an API key.
        timeout: seconds to wait for an answer.
        retries: how often a request is sent again.
        sleep: waits so many seconds.

    Raises:
        ConfigError: the address cannot be one.
        MissingExtraError: httpx is absent.
    """

    def __init__(
        self, url: str, key: str | None, timeout: float, retries: int, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise missing_extra("httpx", "client", "asking a service") from error
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"the address was '{url}': give one such as http://127.0.0.1:8000")
        self.retries, self.sleep = retries, sleep
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        try:
            self.http = httpx.Client(base_url=url, headers=headers, timeout=timeout)
        except httpx.InvalidURL as error:
            raise ConfigError(
                f"the address '{url}' cannot be read ({error}): give one such as http://127.0.0.1:8000"
            ) from error
        self.timeout = timeout
        self._unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        self._broken = (httpx.NetworkError, httpx.RemoteProtocolError, *self._unsent)
        self._any = httpx.TransportError

    def ask(
        self, method: str, path: str, *, again: bool = True, retries: int | None = None, **content: Any
    ) -> httpx.Response:
        """Return the answer to a request.

        Args:
            method: of HTTP.
            path: with its parts quoted.
            again: whether it may be sent a second time though the first may have counted.
            retries: how often it is sent again; that of the line unless given.
            content: as for httpx.

        Raises:
            ServiceError: the service refuses, fails or cannot be reached; `status` tells which.
        """
        left = self.retries if retries is None else retries
        longest = _FIRST
        while True:
            try:
                answer = self.http.request(method, path, **content)
            except self._any as error:
                if not left or not isinstance(error, self._broken if again else self._unsent):
                    raise ServiceError(self._told(error, again)) from error
                wait = 0.0
            else:
                if answer.is_success:
                    return answer
                if not left or answer.status_code not in ((_BUSY, _AWAY) if again else (_BUSY,)):
                    raise ServiceError(_sentence(answer), answer.status_code)
                wait = _asked_for(answer.headers)
            self.sleep(max(wait, random.uniform(0, longest)))
            left, longest = left - 1, min(2 * longest, _LONGEST)

    def _told(self, error: Exception, again: bool) -> str:
        where = self.http.base_url
        if isinstance(error, self._unsent):
            return f"the service at {where} cannot be reached ({error}): start it, or give another address"
        counted = "ask again" if again else "whether it counted is not known"
        if isinstance(error, self._broken):
            return f"the service at {where} broke off ({error}): {counted}"
        return f"the service at {where} gave no answer within {self.timeout:g} s: {counted}, or give a longer timeout"


def _sentence(answer: httpx.Response) -> str:
    """Return why there is no answer, in the words of the service, or of whatever stands before it."""
    try:
        return str(answer.json()["error"])
    except (ValueError, TypeError, KeyError):
        return f"{answer.url} answered {answer.status_code} {answer.reason_phrase}: {answer.text[:200]}".rstrip(": ")


def _asked_for(headers: Mapping[str, str]) -> float:
    """Return the seconds that the service asks to wait, at most a minute."""
    told = headers.get("retry-after", "")
    return min(float(told), 60.0) if told.isascii() and told.isdigit() else 0.0
