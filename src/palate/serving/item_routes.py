"""What changes the catalogue of a live service: items that are posted and taken away."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from palate.core.errors import DataError
from palate.data.store import Posted as Kept
from palate.serving.guard import unbound
from palate.serving.live import Live
from palate.serving.live_routes import live_of
from palate.serving.posting import read_item
from palate.serving.schemas import Posted

router = APIRouter(dependencies=[Depends(unbound)])
Lives = Annotated[Live, Depends(live_of)]
Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait until the answers know of it.")]
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": {"type": "object", "example": {"title": "Red mug", "price": 4.5}}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"data": {"type": "string", "description": "The columns, as JSON."}},
                "additionalProperties": {"type": "string", "format": "binary"},
            }
        },
    },
}


@router.put("/v1/items/{item:path}", status_code=202, openapi_extra={"requestBody": _BODY})
async def put(item: str, request: Request, response: Response, live: Lives, wait: Wait = 0) -> Posted:
    """Add an item, or replace it: its columns as JSON, or a form of these in `data` and a file for each media column.

    It is on disk when the answer comes, and is encoded in the background; `live` tells whether the answers know of it (200), else
    `seconds` in how many they are likely to (202).
    """
    given, files = await _read(request, live.settings.max_upload_mb)
    known = await run_in_threadpool(_keep, live, item, given, files)
    return await _told(item, live, known, wait, response)


@router.delete("/v1/items/{item:path}", status_code=202)
async def delete(item: str, response: Response, live: Lives, wait: Wait = 0) -> Posted:
    """Take an item away: it is not found or recommended any more; what people did with it stays."""
    if item not in live.catalogue:
        raise HTTPException(404, f"there is no item '{item[:80]}'")
    known = await run_in_threadpool(live.catalogue.post, Kept(item, gone=True))
    return await _told(item, live, known, wait, response)


async def _told(item: str, live: Live, known: Future[None], wait: float, response: Response) -> Posted:
    if wait:
        await asyncio.wait([asyncio.wrap_future(known)], timeout=wait)
    if known.done():
        known.result()
        response.status_code = 200
    troubles = dict(live.catalogue.posts.parts.troubles.get(item, {})) if known.done() else {}
    return Posted(
        item_id=item,
        live=known.done(),
        seconds=0 if known.done() else round(live.catalogue.seconds, 2),
        troubles=troubles,
    )


def _keep(live: Live, item: str, given: Any, files: dict[str, tuple[str, bytes]]) -> Future[None]:
    kept = read_item(live.deck.engine.bundle.data, item, given, files)
    return live.catalogue.post(kept, {name: content for name, (_, content) in files.items()})


async def _read(request: Request, limit_mb: int) -> tuple[Any, dict[str, tuple[str, bytes]]]:
    """Return the columns, and the files with their names."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return _json(await request.body()), {}
    files = {}
    async with request.form(max_files=16, max_fields=1) as form:
        for name, value in form.multi_items():
            if name == "data" and not isinstance(value, UploadFile):
                continue
            if not isinstance(value, UploadFile) or name in files:
                raise DataError(
                    f"the form's field '{name[:40]}' is not understood: send 'data' and one file for each media column"
                )
            content = await value.read((limit_mb << 20) + 1)
            if len(content) > limit_mb << 20:
                raise HTTPException(413, f"the file '{name}' is larger than {limit_mb} MB: send a smaller one")
            files[name] = (value.filename or "", content)
        data = form.get("data")
        return ({} if data is None else _json(str(data).encode())), files


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f'the item could not be read as JSON ({error}): send an object such as {{"title": "Red mug"}}'
        ) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
