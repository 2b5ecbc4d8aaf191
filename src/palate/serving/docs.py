"""A page about the HTTP interface, written from its OpenAPI, that needs no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any


def docs_page(openapi: Mapping[str, Any]) -> str:
    """Return the page: every path, what it takes and what it answers.

    Example:
        >>> "<h1>Tea API" in docs_page({"info": {"title": "Tea", "version": "1"}, "paths": {}})
        True
    """
    about = openapi["info"]
    paths = "".join(
        _operation(method, path, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    )
    shapes = "".join(
        f'<details id="{escape(name)}"><summary>{escape(name)}</summary><pre>{_json(shape)}</pre></details>'
        for name, shape in openapi.get("components", {}).get("schemas", {}).items()
        if not name.startswith(("HTTPValidation", "Validation"))
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<title>{escape(about["title"])} API</title><link rel="stylesheet" href="/page/app.css"></head>'
        f'<body class="docs"><main><h1>{escape(about["title"])} API {escape(about["version"])}</h1>'
        f"<p>{escape(about.get('description', ''))} The machine-readable form is "
        '<a href="/openapi.json">/openapi.json</a>; <a href="/">the page</a> shows it at work.</p>'
        f"{paths}<h2>Shapes</h2>{shapes}</main></body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(_parameter(parameter) for parameter in operation.get("parameters", []))
    table = f"<table><tr><th>name</th><th>in</th><th>type</th></tr>{parameters}</table>" if parameters else ""
    bodies = "".join(
        f"<p>takes <code>{escape(form)}</code></p><pre>{_json(content.get('schema', {}))}</pre>"
        for form, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    good = operation.get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
    name = good.get("schema", {}).get("$ref", "").rpartition("/")[2]
    answers = f'<p>answers <a href="#{escape(name)}">{escape(name)}</a></p>' if name else ""
    return (
        f"<section><h2><code><b>{escape(method.upper())}</b> {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>{table}{bodies}{answers}</section>"
    )


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter.get("schema", {})
    kinds = [schema, *schema.get("anyOf", [])]
    types = [
        " | ".join(kind["enum"]) if "enum" in kind else kind["type"] for kind in kinds if {"enum", "type"} & set(kind)
    ]
    default = f", default {schema['default']}" if schema.get("default") not in (None, "") else ""
    wanted = ", required" if parameter.get("required") else ""
    shown = " | ".join(kind for kind in types if kind != "null")
    return f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td><td>{escape(shown + default + wanted)}</td></tr>"


def _json(value: Any) -> str:
    return escape(json.dumps(value, indent=2, ensure_ascii=False))
