"""Listening: on this machine only, and on a port that is free."""

from __future__ import annotations

import errno
import gc
import ipaddress
import os
import socket
from collections.abc import Callable
from typing import Any

from palate.core.errors import RequestError, missing_extra
from palate.serving.patience import impatient
from palate.serving.settings import ServingSettings


def listen(host: str, port: int, guarded: Callable[[], bool] = lambda: False) -> socket.socket:
    """Take a port before anything is loaded; 0 takes any that is free.

    Args:
        host: an address of this machine alone, or any where who asks is `guarded` by keys.
        port: from 0 to 65535.
        guarded: tells whether nobody can ask without a key; asked where others could reach the port.

    Raises:
        RequestError: anybody could ask from another machine, or the port is in use.
    """
    if not _is_local(host) and not guarded():
        raise RequestError(
            f"the service does not listen on {host}, since no keys are configured and anybody could ask: "
            "use 127.0.0.1, localhost or ::1, or make a key by 'palate key add'"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends answers without delay (TCP_NODELAY) only on sockets that name their protocol: else 40 ms are lost.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise RequestError(_why(host, port, error)) from error
    return listener


def address(listener: socket.socket) -> str:
    """Return where a listening socket is found, as in http://127.0.0.1:8000."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_of(app: Any, settings: ServingSettings | None = None) -> Any:
    """Return a uvicorn server for an application; `run(sockets=[listener])` serves until it is stopped.

    Told to stop, it takes in nothing more and finishes what runs, for `drain_seconds` at most.
    """
    given = settings or ServingSettings()
    try:
        import uvicorn
    except ImportError as error:
        raise missing_extra("uvicorn", "serve", "serving") from error
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=given.drain_seconds,
        log_config=None, http=impatient(given.head_seconds),
    )  # fmt: skip
    return uvicorn.Server(config)


def settle() -> None:
    """Leave what is loaded by now out of the search for garbage, which would stop all requests for a tenth of a second now and then."""
    gc.collect()
    gc.freeze()


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _why(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", -1)):
        return f"port {port} on {host} is in use: choose another with --port, or --port 0 for any that is free"
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return f"port {port} may not be used by this account: choose one above 1023 with --port"
    return f"{host}:{port} cannot be listened on ({error}): choose a port from 0 to 65535 with --port"
