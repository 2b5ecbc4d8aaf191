"""Who may ask for what: API keys with scopes, some bound to one person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from palate.data.store import Key, Store, key_digest

READ, WRITE, ADMIN = "read", "write", "admin"
_ASKS = ("/v1/search", "/v1/recommend:batch", "/v1/explain")
"""What is asked by POST and changes nothing."""
_OF_ALL = ("/v1/users", "/v1/feedback/summary", "/metrics")
"""What tells of many people, and so of others than the one a key is bound to."""


class KeyRing:
    """The keys of a store, as digests in memory; `refresh` follows what is added and taken back.

    Without any key the service is open, and listens on this machine alone. One that had a key stays shut when the last is taken
    back, until it is started anew: others may reach it.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store = store
        self._keys: Mapping[str, Key] = {}
        self.shut = False
        """Whether nobody may ask without a key."""
        self.refresh()

    def refresh(self) -> None:
        """Take over the keys as they stand in the store."""
        if self.store is not None:
            self._keys = self.store.known_keys()
            self.shut = self.shut or bool(self._keys)

    def key_of(self, secret: str) -> Key | None:
        """Return whom a key belongs to, None where nobody."""
        return self._keys.get(key_digest(secret))


def scope_of(method: str, path: str) -> str:
    """Return the scope that a request needs."""
    if method in ("GET", "HEAD") or path in _ASKS:
        return READ
    return ADMIN if method == "DELETE" else WRITE


async def guard(request: Request) -> None:
    """Let a request pass that has a key for it, or any where there are no keys; keep the key for the routes to look at.

    Raises:
        HTTPException: 401 without a key that is known, 403 with one that is not for this.
    """
    ring: KeyRing = request.app.state.keys
    request.state.key = None
    if not ring.shut:
        return
    key = ring.key_of(secret_of(request.headers))
    if key is None:
        raise HTTPException(
            401,
            "this service wants a key that it knows: send it as 'Authorization: Bearer KEY'",
            headers={"WWW-Authenticate": "Bearer"},
        )
    request.state.key = key
    path = request.scope["path"]  # not that of a URL, into which the sender writes the host
    scope = scope_of(request.method, path)
    if scope not in key.scopes:
        raise HTTPException(403, f"the key '{key.name}' is for {', '.join(sorted(key.scopes))}, and this needs {scope}")
    if key.user_id is not None and path in _OF_ALL:
        raise HTTPException(403, f"the key '{key.name}' is for one person, and this tells of others too")
    if "user" in request.path_params:
        only(request, request.path_params["user"])


def only(request: Request, user: Any) -> None:
    """Make sure that the request's key is for this person, or for everybody.

    Raises:
        HTTPException: 403, it is bound to another.
    """
    key: Key | None = getattr(request.state, "key", None)
    if key is not None and key.user_id is not None and user != key.user_id:
        raise HTTPException(403, f"the key '{key.name}' is for another person")


def unbound(request: Request) -> None:
    """Make sure that the request's key is for everybody.

    Raises:
        HTTPException: 403, it is bound to one person.
    """
    key: Key | None = getattr(request.state, "key", None)
    if key is not None and key.user_id is not None:
        raise HTTPException(403, f"the key '{key.name}' is for one person, and this is everybody's")


def secret_of(headers: Headers) -> str:
    """Return the key that a request came with; nothing where it has none."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
