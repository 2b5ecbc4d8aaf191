"""What can be asked over HTTP."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from palate.core.errors import DataError
from palate.retrieval import By
from palate.serving.catalogue import Showcase
from palate.serving.engine import Engine
from palate.serving.media import media_response
from palate.serving.schemas import Answer, Health, History, Item, Ready, SearchText, Users

router = APIRouter()


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _showcase(request: Request) -> Showcase:
    showcase: Showcase = request.app.state.showcase
    return showcase


Answers = Annotated[Engine, Depends(_engine)]
Shows = Annotated[Showcase, Depends(_showcase)]
Where = Annotated[str | None, Query(description="Which items may come, as in price < 20 and colour = 'red'.")]


@router.get("/v1/recommend/{user:path}")
def recommend(user: str, engine: Answers, k: int = 10, filter: Where = None) -> Answer:
    """Recommend new items to a user; somebody unknown gets what is popular, and `fallback` says so."""
    return engine.recommend(user, k, filter)


@router.get("/v1/similar/{item:path}")
def similar(
    item: str, engine: Answers, shows: Shows, k: int = 10, by: By | None = None, filter: Where = None
) -> Answer:
    """List items like an item: by content, or by the behaviour of people."""
    shows.known_item(item)
    return engine.similar(item, k, by, filter)


@router.post(
    "/v1/search",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": SearchText.model_json_schema()},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "image": {"type": "string", "format": "binary"},
                            "k": {"type": "integer"},
                            "filter": {"type": "string"},
                        },
                        "required": ["image"],
                    }
                },
            },
        }
    },
)
async def search(request: Request, engine: Answers) -> Answer:
    """Find items for a text (JSON), or for a picture (multipart, field `image`)."""
    from starlette.concurrency import run_in_threadpool

    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _search_image(request, engine)
    try:
        asked = SearchText.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        raise DataError(f'{where}: {first["msg"]}; send JSON such as {{"text": "red shoes", "k": 10}}') from error
    return await run_in_threadpool(engine.search, text=asked.text, k=asked.k, where=asked.filter)


async def _search_image(request: Request, engine: Engine) -> Answer:
    from starlette.concurrency import run_in_threadpool

    async with request.form(max_files=1, max_fields=4) as form:
        image, k, where = form.get("image"), str(form.get("k", "10")), form.get("filter")
        if not isinstance(image, UploadFile):
            raise DataError("the upload has no file: send the picture in the field 'image'")
        if not (k.isascii() and k.isdigit() and len(k) < 10):
            raise DataError(f"k was '{k[:20]}': give a whole number")
        limit = engine.settings.max_upload_mb << 20
        content = await image.read(limit + 1)
    if len(content) > limit:
        raise HTTPException(413, f"the picture is larger than {engine.settings.max_upload_mb} MB: send a smaller one")
    return await run_in_threadpool(_search_bytes, engine, content, int(k), None if where is None else str(where))


def _search_bytes(engine: Engine, content: bytes, k: int, where: str | None) -> Answer:
    with tempfile.TemporaryDirectory(prefix="palate-") as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        return engine.search(image=path, k=k, where=where)


@router.get("/v1/users")
def users(shows: Shows, query: str = "", limit: int = 20) -> Users:
    """List users whose id holds a text."""
    return shows.users(query, limit)


@router.get("/v1/users/{user:path}/history")
def history(user: str, shows: Shows, limit: int = 20) -> History:
    """List what a user did, newest first."""
    return shows.history(user, limit)


@router.get("/v1/items/{item:path}")
def item(item: str, shows: Shows) -> Item:
    """Show an item: its title, its columns, and where its pictures, sounds and clips are."""
    return shows.item(item)


@router.get("/v1/media/{item:path}/{column}", response_class=FileResponse)
def media(item: str, column: str, shows: Shows) -> Any:
    """Send a file of an item; parts of it where a `Range` is asked for."""
    return media_response(*shows.medium(item, column))


@router.get("/health")
def health() -> Health:
    """Tell that the service is there."""
    return Health()


@router.get("/ready")
def ready(engine: Answers) -> Ready:
    """Tell that the service can answer, and with what."""
    return Ready(
        name=engine.bundle.data.name,
        model=engine.model.name,
        users=len(engine.users),
        items=len(engine.items),
        search=engine.can_search(),
        similar=engine.can_compare(),
    )
