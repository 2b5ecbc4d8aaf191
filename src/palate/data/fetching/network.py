"""One download within limits: size, time, redirects, and no address inside a private network."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

from palate.core.errors import PalateError
from palate.data.catalogue import MEDIA_TYPES

if TYPE_CHECKING:
    import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_MOVED = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({429, 500, 502, 503, 504})
_NO_MEDIA = ("text/", "application/json", "application/xhtml", "application/xml")
_PAGES = ("text/html", "application/xhtml")
"""What is no file of any modality; a series may well be text."""
_AGENT = b"palate (+https://pypi.org/project/palate)"
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The IPv6 addresses that are given out; what lies elsewhere may lead inside, as fec0::1 and ::127.0.0.1."""
_CONNECT = 10.0
"""Seconds in which a server must answer a call, so that the next of its addresses gets its turn."""
_SLICE = 1.0
"""Seconds after which a read that waits looks whether it should stop."""


class Refused(PalateError):
    """An address that gives no file; the message is the reason, written for the quarantine."""


class TryLater(Refused):
    """An address that may give a file the next time."""


@dataclass(frozen=True)
class Limits:
    """How far a download may go."""

    max_mb: float = 50.0
    """Of one file."""
    seconds: float = 60.0
    """For one file, redirects and further tries included."""
    redirects: int = 5
    tries: int = 3
    """Where the server says that it is busy, or the connection breaks."""
    private: bool = False
    """Allow addresses inside a private network, as of a company."""


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) is judged by itself.

    Example:
        >>> [is_public(ipaddress.ip_address(a)) for a in ("93.184.216.34", "10.0.0.1", "::ffff:127.0.0.1")]
        [True, False, False]
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in ipaddress.IPv6Network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address not in _UNICAST:
            return False
    return address.is_global and not address.is_multicast


class Clock(threading.local):
    """How long the download of this thread may still take."""

    until = 0.0

    def __init__(self, stopped: threading.Event) -> None:
        self.stopped = stopped

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            Refused: it should stop.
            TimeoutError: none are left.
        """
        if self.stopped.is_set():
            raise Refused("it was stopped")
        seconds = self.until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class Timed:
    """A connection that counts all of a download's time: a server that sends a byte now and then gains nothing by it."""

    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what comes."""
        import httpcore

        while True:
            try:
                content: bytes = self._stream.read(max_bytes, min(self._clock.left(), _SLICE))
                return content
            except httpcore.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._stream.write(buffer, self._clock.left())

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Timed:
        """Return the same connection, in secret from now on."""
        return Timed(self._stream.start_tls(ssl_context, server_hostname, self._clock.left()), self._clock)

    def get_extra_info(self, info: str) -> Any:
        """Tell what the connection knows of itself."""
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        """End it."""
        self._stream.close()


class Door:
    """Connections that lead to allowed addresses only: a name is resolved once, judged, and that address connected to.

    A network backend of httpcore, so that what a server redirects to passes the same door.
    """

    def __init__(self, allowed: Callable[[Address], bool], clock: Clock) -> None:
        import httpcore

        self.allowed, self.clock = allowed, clock
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Timed:
        """Connect to the first address of `host` that answers; all of them must be allowed.

        Raises:
            Refused: it is not allowed, or there is no such host.
        """
        import httpcore

        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TryLater(f"there is no server '{host}' ({getattr(error, 'strerror', None) or error})") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self.allowed(ipaddress.ip_address(address.partition("%")[0])):
                raise Refused(f"'{host}' lies in a private network ({address}): --private allows it")
        for address in addresses:  # of a server with several, as IPv6 and IPv4, one may be out of reach
            try:
                seconds = min(self.clock.left(), _CONNECT)
                made = self._plain.connect_tcp(address, port, seconds, local_address, socket_options)
                return Timed(made, self.clock)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == addresses[-1]:
                    raise
        raise AssertionError("unreachable")

    def connect_unix_socket(self, *words: object, **more: object) -> httpcore.NetworkStream:
        """Refuse: no address leads there."""
        raise Refused("a socket of this machine is no address")

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class Downloader:
    """Fetches files over a pool of connections; may be called from several threads.

    Args:
        limits: how far each download may go.
        kind: the media wanted; what a server declares as a page is no file of it.
        allowed: which addresses may be connected to; None takes `limits.private`.
        connections: at most so many at once.
    """

    def __init__(
        self, limits: Limits, kind: str, allowed: Callable[[Address], bool] | None = None, connections: int = 16
    ) -> None:
        import httpcore

        judge = allowed or ((lambda _: True) if limits.private else is_public)
        self.limits, self.kind = limits, kind
        self._stopped = threading.Event()
        self._clock = Clock(self._stopped)
        self._pool = httpcore.ConnectionPool(
            max_connections=connections, http2=False, network_backend=Door(judge, self._clock), ssl_context=_trust()
        )

    def __enter__(self) -> Self:
        """Keep connections open while the block runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._pool.close()

    def stop(self) -> None:
        """Have every download of every thread refused soon, those that wait for a server too."""
        self._stopped.set()

    def fetch(self, url: str, to: Path) -> None:
        """Write what `url` gives to `to`.

        Raises:
            Refused: it gives no file within the limits; `TryLater` where another time may be better.
            OSError: the disk refuses.
        """
        self._clock.until = time.monotonic() + self.limits.seconds
        wait = 0.5
        for left in reversed(range(self.limits.tries)):
            try:
                return self._follow(url, to)
            except TryLater:
                if not left or self._clock.until < time.monotonic() + wait:
                    raise
                time.sleep(wait)
                wait *= 2
        raise AssertionError("unreachable")

    def _follow(self, url: str, to: Path) -> None:
        import httpcore

        for _ in range(self.limits.redirects + 1):
            checked = _checked(url)
            headers = [
                (b"Host", _host(checked)),
                (b"User-Agent", _AGENT),
                (b"Accept", b"*/*"),
                (b"Accept-Encoding", b"identity"),
            ]
            try:
                patience = {"timeout": {"pool": self._clock.left()}}
                with self._pool.stream("GET", checked, headers=headers, extensions=patience) as answer:
                    onward = self._take(answer, to)
            except httpcore.ConnectTimeout as error:
                raise TryLater("the server cannot be reached") from error
            except (httpcore.TimeoutException, TimeoutError) as error:
                raise TryLater(f"it took longer than {self.limits.seconds:g} s") from error
            except (httpcore.NetworkError, httpcore.ProtocolError) as error:
                raise TryLater(f"the connection broke ({str(error) or type(error).__name__})") from error
            if onward is None:
                return
            try:
                url = urljoin(checked, onward)
            except ValueError as error:
                raise Refused(f"it redirects to what is no address ({error})") from error
        raise Refused(f"it redirects more than {self.limits.redirects} times")

    def _take(self, answer: httpcore.Response, to: Path) -> str | None:
        """Write the body; or return where the server sends us."""
        headers: dict[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers
        }
        if answer.status in _MOVED and "location" in headers:
            return headers["location"]
        if answer.status != 200:
            kind = TryLater if answer.status in _TRY_LATER else Refused
            raise kind(f"the server answered {answer.status}")
        declared = headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared.startswith(_NO_MEDIA if self.kind in MEDIA_TYPES else _PAGES):
            raise Refused(f"the server sent {declared} where {self.kind} is expected")
        packed = headers.get("content-encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            raise Refused(f"the server sent it packed ({packed}), though it was asked for as it is")
        most = int(self.limits.max_mb * 1_000_000)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise Refused(f"the file has {int(length):,} bytes, at most {most:,} are fetched")
        got = 0
        with to.open("wb") as out:
            for chunk in answer.iter_stream():
                got += len(chunk)
                if got > most:
                    raise Refused(f"the file has more than {most:,} bytes")
                self._clock.left()
                out.write(chunk)
        if not got:
            raise Refused("the server sent nothing")
        if length.isdigit() and got < int(length):
            raise TryLater(f"the connection broke after {got:,} of {int(length):,} bytes")
        return None


def _checked(url: str) -> str:
    """Return an address that can be asked for, its odd characters escaped."""
    from urllib.parse import quote

    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise Refused(f"it is no address ({error})") from error
    if parts.scheme not in ("http", "https"):
        raise Refused(f"'{parts.scheme}:' is not fetched: http and https are")
    if not parts.hostname:
        raise Refused("it names no server")
    if parts.username or parts.password:
        raise Refused("it holds a name or a password")
    host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    try:
        host = host.encode("ascii").decode() if host.isascii() else host.encode("idna").decode()
    except UnicodeError as error:
        raise Refused(f"the server's name cannot be used ({error})") from error
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._[]")
    where = host if port is None else f"{host}:{port}"
    return f"{parts.scheme}://{where}{path}{'?' + query if query else ''}"


def server_of(url: str) -> str:
    """Return the server that an address names; empty where it is no address."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def _host(url: str) -> bytes:
    return urlsplit(url).netloc.encode("ascii")


def _trust() -> Any:
    import ssl

    return ssl.create_default_context()
