"""Recommendations over HTTP: for one person, or for many in one request."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from palate.core.errors import PalateError, RequestError
from palate.serving.guard import only
from palate.serving.options import Options, read_weight
from palate.serving.routes import Current, Where
from palate.serving.schemas import Answer, Answers, Lists, ListWanted, Problem

router = APIRouter()

Names = Annotated[list[str], Query()]
_JSON = "application/json"


@router.get("/v1/recommend/{user:path}", response_model=Answer)
async def recommend(
    user: str,
    edition: Current,
    k: int = 10,
    filter: Where = None,
    exclude: Annotated[list[str], Query(description="An item that may not come; may be repeated.")] = [],  # noqa: B006
    history: Annotated[
        list[str], Query(description="An item that was just liked, which counts in this list alone; may be repeated.")
    ] = [],  # noqa: B006
    diversity: Annotated[float, Query(description="How much the items should differ, from 0 (off) to 1.")] = 0.0,
    weight: Annotated[
        list[str],
        Query(
            description="How many times as much a part counts as it does in a model by content, as in poster:2; may be repeated."
        ),
    ] = [],  # noqa: B006
    reasons: Annotated[bool, Query(description="Whether to say why, which takes most of the time.")] = True,
) -> Response:
    """Recommend new items to a user; somebody unknown gets what is popular, and `fallback` says so."""
    weights = tuple(map(read_weight, weight))
    options = Options(k, filter, tuple(exclude), tuple(history), diversity, weights, reasons)
    (answer,) = await run_in_threadpool(edition.engine.recommend_all, [(user, options)])
    if isinstance(answer, PalateError):
        raise answer
    return Response(answer.model_dump_json(), media_type=_JSON)


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
