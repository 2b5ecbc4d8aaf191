"""Lines that are Python dicts, as the metadata of Amazon 2014 are, to JSON; nothing in them is run."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Collection
from json.encoder import encode_basestring
from typing import Any

_STRING = re.compile(r"""'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*\"""")
_JSON_STRING = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")')


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse)
"""Reads JSON as it is defined: without NaN and Infinity."""
_WORDS = {"None": "null", "True": "true", "False": "false"}


def json_of_literal(line: str, fields: Collection[str]) -> str | None:
    """Return a line that is a Python dict as a JSON object, or None where it is no dict of plain values and whole letters.

    The usual line is translated string by string; what that does not make JSON of goes through `ast.literal_eval`,
    which is ten times slower and keeps only `fields`.

    Example:
        >>> json_of_literal('''{'asin': 'B01', 'title': "Ann's", 'price': None}''', ["asin"])
        '{"asin": "B01", "title": "Ann\\'s", "price": null}'
    """
    quick = _translated(line)
    try:
        if quick is not None and isinstance(DECODER.decode(quick), dict) and quick.encode():
            return quick
    except (ValueError, RecursionError):
        pass  # it may be a dict all the same: with a trailing comma, a tuple, a prefix before a string
    value = literal(line)
    if not isinstance(value, dict):
        return None
    try:
        made = json.dumps({name: value[name] for name in fields if name in value}, allow_nan=False, ensure_ascii=False)
        made.encode()  # half of a surrogate pair is no text
        return made
    except (TypeError, ValueError, RecursionError):
        return None


def _translated(line: str) -> str | None:
    """Return the line with its strings and words written as in JSON; None where a string cannot be read."""
    if "\\" not in line and '"' not in line and "\t" not in line:
        text = line.replace("'", '"')
    else:
        try:
            text = _STRING.sub(_json_string, line)
        except ValueError:
            return None
    if "None" in line or "True" in line or "False" in line:
        pieces = _JSON_STRING.split(text)
        pieces[::2] = [re.sub(r"\b(?:None|True|False)\b", lambda word: _WORDS[word[0]], piece) for piece in pieces[::2]]
        text = "".join(pieces)
    return text


def _json_string(found: re.Match[str]) -> str:
    token = found[0]
    text = literal(token) if "\\" in token else token[1:-1]
    if not isinstance(text, str):
        raise ValueError(f"{token} is no string")
    return encode_basestring(text)


def literal(text: str) -> Any:
    """Return a plain Python value that is written out; None where it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # '\d' in a text is an invalid escape, which Python keeps as it is
        try:
            return ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return None
