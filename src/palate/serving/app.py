"""The HTTP application around an engine."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import palate
from palate.bundle import Bundle
from palate.core.errors import PalateError, RequestError, StoreError
from palate.data.store import Store
from palate.serving import item_routes, live_routes, metrics, recommend_routes, routes, search_routes
from palate.serving.access import Access, log
from palate.serving.batching import Batcher
from palate.serving.cache import AnswerCache
from palate.serving.decoding import Decoding
from palate.serving.docs import docs_page
from palate.serving.edition import Deck
from palate.serving.guard import KeyRing, guard
from palate.serving.hardening import Hardening
from palate.serving.limits import BodyLimit
from palate.serving.live import Live
from palate.serving.metrics import Metrics
from palate.serving.rates import Buckets, RateLimit
from palate.serving.schemas import Problem
from palate.serving.settings import ServingSettings

PAGE = Path(__file__).parent / "page"
_NO_ROOM = frozenset(
    code
    for name in ("ENOSPC", "EFBIG", "EDQUOT", "EMFILE", "ENFILE")
    if (code := getattr(errno, name, None)) is not None
)
"""Of the operating system: disks or tables of files that are full."""


def create_app(bundle: Bundle, settings: ServingSettings | None = None, store: Store | None = None) -> FastAPI:
    """Return the application that answers for a bundle, and, where a store is given, takes in what people do.

    Example:
        >>> app = create_app(Bundle.open("shop.palate"))    # doctest: +SKIP
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.decoding.warm(app.state.deck.engine.searcher.readers())
        yield
        app.state.decoding.close()
        app.state.batcher.close()
        if app.state.live is not None:
            app.state.live.close()

    app = FastAPI(
        title="Palate",
        lifespan=lifespan,
        version=palate.__version__,
        description=f"Recommendations for {bundle.data.name}.",
        docs_url=None,
        redoc_url=None,
        responses={404: {"model": Problem}, 422: {"model": Problem}},
    )
    settings = settings or ServingSettings()
    app.state.decoding = Decoding(settings)
    app.state.uploads = CapacityLimiter(settings.decoders + 2)
    app.state.deck = Deck(bundle, settings, app.state.decoding.decode)
    app.state.batcher = Batcher()
    app.state.cache = AnswerCache(settings.cache_mb << 20)
    app.state.keys = KeyRing(store)
    app.state.live = None if store is None else Live(app.state.deck, store, settings, app.state.keys)
    app.state.metrics = Metrics(app.state.deck, app.state.live)
    app.include_router(routes.open_router)
    for router in (
        metrics.router,
        recommend_routes.router,
        routes.router,
        search_routes.router,
        live_routes.router,
        item_routes.router,
    ):
        app.include_router(router, dependencies=[Depends(guard)])
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(PalateError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(OSError, _without_room)

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse((PAGE / "index.html").read_text(encoding="utf-8"))

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    _layer(app, settings)
    return app


def _layer(app: FastAPI, settings: ServingSettings) -> None:
    """Put around the routes what every request passes, the innermost first."""
    files = (settings.max_upload_mb << 20) + (1 << 20)
    app.add_middleware(
        BodyLimit, body=int(settings.max_body_mb * (1 << 20)), files=files, seconds=settings.body_seconds
    )
    if settings.rate:
        app.add_middleware(RateLimit, buckets=Buckets(settings.rate, settings.burst), ring=app.state.keys)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=("GET", "POST", "PUT", "DELETE"),
            allow_headers=("Authorization", "X-API-Key", "X-Request-Id", "Content-Type"),
            expose_headers=("X-Request-Id", "Retry-After"),
        )
    app.add_middleware(Hardening)
    app.add_middleware(Access, tell=(log, app.state.metrics.tell))


def _problem(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    shown = " ".join(sentence.split()).encode(errors="backslashreplace").decode()  # half a character can't be sent
    return JSONResponse({"error": shown}, status, headers)


def _request_error(request: Request, error: Exception) -> JSONResponse:
    return _problem(422, str(error))


def _failed(request: Request, error: Exception) -> JSONResponse:
    request.state.problem = str(error)
    request.app.state.metrics.store_errors += isinstance(error, StoreError)
    return _problem(503, str(error))


def _gone(request: Request, error: Exception) -> JSONResponse:
    return _problem(400, "the client went away in the middle of its request")  # nobody reads it


def _without_room(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
        raise error
    sentence = f"the service has no room for what was sent ({error.strerror}): nothing of this was kept, so send it again later"
    request.state.problem = sentence
    return _problem(503, sentence)


def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code == 404 and detail == "Not Found":
        detail = f"there is nothing at {request.scope['path']}: /docs lists what there is"
    return _problem(error.status_code, detail, error.headers)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "path", "body")) or "the request"
    given = first.get("input")
    shown = f" was {given!r}" if isinstance(given, (str, int, float, bool)) else ""
    return _problem(422, f"{where}{shown}: {first['msg'][:1].lower()}{first['msg'][1:]}")
