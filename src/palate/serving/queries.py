"""Queries read straight into a schema: for what is asked so often that the parsing of single parameters would tell."""

from __future__ import annotations

from typing import Any, TypeVar, get_origin
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from palate.serving.schemas import Schema

S = TypeVar("S", bound=Schema)


def read_query(schema: type[S], query: bytes) -> S:
    """Return a query as a schema; tuples take parameters that are repeated, others the last one; the unknown are passed over.

    Raises:
        RequestValidationError: a value does not fit.

    Example:
        >>> from palate.serving.schemas import ListQuery
        >>> read_query(ListQuery, b"k=3&exclude=a&exclude=b").exclude
        ('a', 'b')
    """
    many = {name for name, field in schema.model_fields.items() if get_origin(field.annotation) is tuple}
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in many:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        told = [{**each, "loc": ("query", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(told) from error


def parameters(schema: type[Schema]) -> list[dict[str, Any]]:
    """Return the fields of a schema as OpenAPI tells of parameters in a query."""
    return [
        {"name": name, "in": "query", "required": False, "description": shape.get("description", ""),
         "schema": {key: value for key, value in shape.items() if key != "description"}}
        for name, shape in schema.model_json_schema()["properties"].items()
    ]  # fmt: skip
