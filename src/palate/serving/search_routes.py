"""Search over HTTP: a text as JSON, or a picture, a sound or both, with or without a text, as a form."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from palate.core.errors import DataError
from palate.serving.edition import Deck
from palate.serving.engine import Engine
from palate.serving.guard import only
from palate.serving.schemas import Answer, SearchFiles, SearchText, SearchWanted

router = APIRouter()
FILES = {"image": "picture", "sound": "sound"}
"""The fields of a form that hold files, and what these are called."""
W = TypeVar("W", bound=SearchWanted)


def _engine(request: Request) -> Engine:
    deck: Deck = request.app.state.deck
    return deck.engine


def _form_schema() -> dict[str, Any]:
    files = {name: {"type": "string", "format": "binary"} for name in FILES}
    fields = SearchFiles.model_json_schema()["properties"]
    return {"type": "object", "properties": {**files, **fields}}


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
    """Find items for a text (JSON), or for a picture, a sound or both and perhaps a text (multipart, the picture in the field
    `image`, the sound in `sound`)."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=len(FILES), max_fields=8) as form:
            files = _files(form, engine.settings.max_upload_mb)
            wanted = _form({name: value for name, value in form.items() if name not in files})
            _own(request, wanted)
            limiter: CapacityLimiter = request.app.state.uploads
            return await to_thread.run_sync(_search_files, engine, files, wanted, limiter=limiter)
    asked = _read(SearchText, await request.body())
    _own(request, asked)
    return await run_in_threadpool(_ask, engine, asked, asked.text, {}, dict(asked.weights))


def _own(request: Request, asked: SearchWanted) -> None:
    if asked.user is not None:
        only(request, asked.user)


def _files(form: FormData, limit_mb: int) -> dict[str, UploadFile]:
    files = {name: value for name in FILES if isinstance(value := form.get(name), UploadFile)}
    if not files:
        raise DataError("the upload has no file: send a picture in the field 'image', or a sound in 'sound'")
    for name, file in files.items():
        if (file.size or 0) > limit_mb << 20:
            raise HTTPException(413, f"the {FILES[name]} is larger than {limit_mb} MB: send a smaller one")
    return files


def _form(fields: dict[str, Any]) -> SearchFiles:
    k = str(fields.get("k", "10"))
    if not (k.isascii() and k.isdigit() and len(k) < 10):
        raise DataError(f"k was '{k[:20]}': give a whole number")
    return _read(SearchFiles, fields)


def _read(kind: type[W], given: bytes | dict[str, Any]) -> W:
    try:
        return kind.model_validate_json(given) if isinstance(given, bytes) else kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])).removesuffix(".[key]") or "the body"
        form = 'send JSON such as {"text": "red shoes", "k": 10}' if isinstance(given, bytes) else "see /docs"
        raise DataError(f"{where}: {first['msg']}; {form}") from error


def _search_files(engine: Engine, files: dict[str, UploadFile], asked: SearchFiles) -> Answer:
    with tempfile.TemporaryDirectory(prefix="palate-") as folder:
        paths = {name: Path(folder) / FILES[name] for name in files}
        for name, file in files.items():
            with paths[name].open("wb") as written:
                shutil.copyfileobj(file.file, written)
        return _ask(engine, asked, asked.text, paths, dict(asked.weights))


def _ask(
    engine: Engine, asked: SearchWanted, text: str | None, files: dict[str, Path], weights: dict[Any, float]
) -> Answer:
    return engine.search(
        text=text, image=files.get("image"), sound=files.get("sound"), k=asked.k, where=asked.filter, by=asked.by,
        user=asked.user, weights=weights,
    )  # fmt: skip
