"""Recommendations over HTTP: for one person, or for many in one request."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from palate.core.errors import PalateError, RequestError
from palate.serving.engine import Engine
from palate.serving.guard import only
from palate.serving.options import Options, read_weight
from palate.serving.queries import parameters, read_query
from palate.serving.routes import Current
from palate.serving.schemas import Answer, Answers, ListQuery, Lists, ListWanted, Problem

router = APIRouter()

_JSON = "application/json"
_SHORT = 256
"""Bytes of a query that is remembered with what it means, and with its answer, at most."""


@router.get("/v1/recommend/{user:path}", response_model=Answer, openapi_extra={"parameters": parameters(ListQuery)})
async def recommend(user: str, request: Request) -> Response:
    """Recommend new items to a user; somebody unknown gets what is popular, and `fallback` says so."""
    query = request.scope["query_string"]
    state = request.app.state
    engine, cache = state.deck.edition.engine, state.cache
    place = cache.place(engine, user, query) if len(query) <= _SHORT and cache.limit else None
    if place is not None and (kept := cache.get(place)) is not None:
        return Response(kept, media_type=_JSON)
    options = _options(query)
    if options.reasons or options.weights:  # takes long, so that the others do not wait for it
        answer = await run_in_threadpool(_alone, engine, user, options)
    else:
        answer = await state.batcher.ask(engine, user, options)
    body = answer.model_dump_json().encode()
    if place is not None:
        cache.put(place, body)
    return Response(body, media_type=_JSON)


@router.post("/v1/recommend:batch", response_model=Answers)
async def batch(request: Request, given: Lists, edition: Current) -> Response:
    """Recommend to many users at once; what is wrong with one request is told in its place, and the others are answered."""
    most = edition.engine.settings.max_batch
    if len(given.requests) > most:
        raise HTTPException(413, f"{len(given.requests):,} lists were asked for at once: ask for at most {most:,}")
    found: list[Answer | Problem | None] = [None] * len(given.requests)
    asked: dict[int, tuple[str, Options]] = {}
    for place, each in enumerate(given.requests):
        try:
            asked[place] = _wanted(each)
        except RequestError as error:
            found[place] = _problem(error)
        else:
            only(request, asked[place][0])
    answers = await run_in_threadpool(edition.engine.recommend_all, list(asked.values()))
    for place, answer in zip(asked, answers, strict=True):
        found[place] = _problem(answer) if isinstance(answer, PalateError) else answer
    return Response(Answers(answers=[each for each in found if each is not None]).model_dump_json(), media_type=_JSON)


def _options(query: bytes) -> Options:
    return _remembered(query) if len(query) <= _SHORT else _parsed(query)


def _parsed(query: bytes) -> Options:
    """Return what a query asks for.

    Raises:
        RequestValidationError: a value is of the wrong type. RequestError: a weight cannot be read.
    """
    asked = read_query(ListQuery, query)
    weights = tuple(map(read_weight, asked.weight))
    return Options(asked.k, asked.filter, asked.exclude, asked.history, asked.diversity, weights, asked.reasons)


_remembered = lru_cache(1024)(_parsed)


def _alone(engine: Engine, user: str, options: Options) -> Answer:
    (answer,) = engine.recommend_all([(user, options)])
    if isinstance(answer, PalateError):
        raise answer
    return answer


def _wanted(given: Any) -> tuple[str, Options]:
    """Return who wants what.

    Raises:
        RequestError: what is wrong with it, in words.
    """
    try:
        wanted = ListWanted.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise RequestError(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from error
    options = Options(
        wanted.k, wanted.filter, tuple(wanted.exclude), tuple(wanted.history), wanted.diversity,
        tuple(wanted.weights.items()), wanted.reasons,
    )  # fmt: skip
    return wanted.user, options


def _problem(error: PalateError) -> Problem:
    return Problem(error=" ".join(str(error).split()))
