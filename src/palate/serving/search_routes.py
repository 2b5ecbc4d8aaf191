"""Search over HTTP: a text as JSON, or a picture, with or without a text, as a form."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from palate.core.errors import DataError
from palate.serving.edition import Deck
from palate.serving.engine import Engine
from palate.serving.guard import only
from palate.serving.schemas import Answer, SearchPicture, SearchText, SearchWanted

router = APIRouter()
W = TypeVar("W", bound=SearchWanted)


def _engine(request: Request) -> Engine:
    deck: Deck = request.app.state.deck
    return deck.engine


def _form_schema() -> dict[str, Any]:
    picture = {"type": "string", "format": "binary"}
    fields = SearchPicture.model_json_schema()["properties"]
    return {"type": "object", "properties": {"image": picture, **fields}, "required": ["image"]}


@router.post(
    "/v1/search",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": SearchText.model_json_schema()},
                "multipart/form-data": {"schema": _form_schema()},
            },
        }
    },
)
async def search(request: Request, engine: Annotated[Engine, Depends(_engine)]) -> Answer:
    """Find items for a text (JSON), or for a picture and perhaps a text (multipart, the picture in the field `image`)."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=1, max_fields=8) as form:
            content = await _picture(form, engine.settings.max_upload_mb)
            fields = {name: value for name, value in form.items() if name != "image"}
        wanted = _form(fields)
        _own(request, wanted)
        return await run_in_threadpool(_search_bytes, engine, content, wanted)
    asked = _read(SearchText, await request.body())
    _own(request, asked)
    return await run_in_threadpool(_ask, engine, asked, asked.text, None, dict(asked.weights))


def _own(request: Request, asked: SearchWanted) -> None:
    if asked.user is not None:
        only(request, asked.user)


async def _picture(form: FormData, limit_mb: int) -> bytes:
    image = form.get("image")
    if not isinstance(image, UploadFile):
        raise DataError("the upload has no file: send the picture in the field 'image'")
    content = await image.read((limit_mb << 20) + 1)
    if len(content) > limit_mb << 20:
        raise HTTPException(413, f"the picture is larger than {limit_mb} MB: send a smaller one")
    return content


def _form(fields: dict[str, Any]) -> SearchPicture:
    k = str(fields.get("k", "10"))
    if not (k.isascii() and k.isdigit() and len(k) < 10):
        raise DataError(f"k was '{k[:20]}': give a whole number")
    return _read(SearchPicture, fields)


def _read(kind: type[W], given: bytes | dict[str, Any]) -> W:
    try:
        return kind.model_validate_json(given) if isinstance(given, bytes) else kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])).removesuffix(".[key]") or "the body"
        form = 'send JSON such as {"text": "red shoes", "k": 10}' if isinstance(given, bytes) else "see /docs"
        raise DataError(f"{where}: {first['msg']}; {form}") from error


def _search_bytes(engine: Engine, content: bytes, asked: SearchPicture) -> Answer:
    with tempfile.TemporaryDirectory(prefix="palate-") as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        return _ask(engine, asked, asked.text, path, dict(asked.weights))


def _ask(
    engine: Engine, asked: SearchWanted, text: str | None, image: Path | None, weights: dict[Any, float]
) -> Answer:
    return engine.search(
        text=text, image=image, k=asked.k, where=asked.filter, by=asked.by, user=asked.user, weights=weights
    )
