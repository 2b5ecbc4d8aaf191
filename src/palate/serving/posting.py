"""Items as they are posted: read against the columns of the catalogue."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

from palate.bundle.posted import UNFIT, VECTORS, cells
from palate.core.errors import DataError, did_you_mean
from palate.data.catalogue import MEDIA_TYPES, VALUE_TYPES
from palate.data.dataset import Dataset
from palate.data.media import names_file
from palate.data.store import Posted
from palate.serving.intake import LONGEST, storable

_LONGEST_TEXT = 100_000
"""Characters of a cell, at most."""
_DEEPEST = 8
"""Lists and objects in one another, at most."""


def read_item(data: Dataset, item_id: str, given: Any, files: Mapping[str, tuple[str, bytes]]) -> Posted:
    """Return an item as it is kept.

    Args:
        data: whose catalogue the item joins.
        item_id: of the item.
        given: a JSON object: values by column, and in `vectors` lists of numbers for parts that no encoder makes.
        files: name and content by column.

    Raises:
        DataError: what is wrong with it, in words.
    """
    if not item_id:
        raise DataError("the id of the item is empty: put it behind /v1/items/")
    if len(item_id) > LONGEST:
        raise DataError(f"the id of the item has {len(item_id):,} characters: at most {LONGEST} are allowed")
    if not isinstance(given, Mapping):
        raise DataError('an item is a JSON object of its columns, such as {"title": "Red mug", "price": 4.5}')
    try:
        storable(item_id, "the id of the item")
        columns = {name: _value(data, name, value) for name, value in given.items() if value is not None}
    except ValueError as error:
        raise DataError(str(error)) from error
    for name in files:
        if data.catalogue.types.get(name) not in MEDIA_TYPES:
            raise DataError(
                f"'{name[:40]}' takes no file: {did_you_mean(name[:40], data.catalogue.of_type(*MEDIA_TYPES))}"
            )
    media = {name: _named(file, content) for name, (file, content) in files.items()}
    if not columns and not media:
        raise DataError(f"the item has no value: send some of {', '.join(_allowed(data))}")
    return Posted(item_id, columns, media)


def _value(data: Dataset, name: str, value: Any) -> Any:
    """Return a value that its column can hold."""
    table, kind = data.catalogue.table, data.catalogue.types.get(name)
    _check(name, value)
    if name == VECTORS and name not in table.columns:
        if not isinstance(value, Mapping):
            raise ValueError(f"vectors was {_shown(value)}: it must be an object of lists of numbers, by part")
        return {part: _vector(data, part, numbers) for part, numbers in value.items()}
    if name not in table.columns or name == "item_id":
        raise ValueError(f"the item's field '{name[:40]}' is unknown: {did_you_mean(name[:40], _allowed(data))}")
    if kind in MEDIA_TYPES:
        raise ValueError(
            f"'{name}' is a file: send the item as multipart/form-data, with its columns as JSON in the field 'data'"
        )
    if isinstance(value, str):
        if len(value) > _LONGEST_TEXT:
            raise ValueError(f"{name} has {len(value):,} characters: at most {_LONGEST_TEXT:,} are allowed")
        if kind is not None and kind not in VALUE_TYPES and names_file(value):
            raise ValueError(f"{name} was {_shown(value)}, the name of a file: send what is in it")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} was {value}: it must be a finite number")
    try:
        cells(name, [value], table.schema[name])
    except UNFIT as error:
        what = kind or str(table.schema[name]).lower()
        raise ValueError(f"{name} was {_shown(value)}, which is no {what}") from error
    return value


def _check(name: str, value: Any, depth: int = 0) -> None:
    """Make sure that a value can be written down: no half characters in it, and not too deep."""
    if isinstance(value, str):
        storable(value, name[:40])
    elif isinstance(value, (list, dict)):
        if depth == _DEEPEST:
            raise ValueError(f"{name[:40]} holds lists or objects more than {_DEEPEST} deep: write it flatter")
        for each in value if isinstance(value, list) else (*value, *value.values()):
            _check(name, each, depth + 1)


def _vector(data: Dataset, name: str, value: Any) -> list[float]:
    """Return the numbers of a part that no encoder makes."""
    if name not in _bare(data):
        raise ValueError(f"vectors cannot be given for '{name[:40]}': {did_you_mean(name[:40], _bare(data))}")
    table = data.features[name]
    numbers = isinstance(value, list) and all(
        isinstance(each, (int, float)) and not isinstance(each, bool) and abs(each) <= 1e30 for each in value
    )
    if not numbers or len(value) != table.dim:
        raise ValueError(f"the part '{name}' takes a list of {table.dim:,} numbers: {_shown(value)} was given")
    return [float(each) for each in value]


def _allowed(data: Dataset) -> list[str]:
    own = [name for name in data.catalogue.table.columns if name != "item_id"]
    return [*own, VECTORS] if _bare(data) and VECTORS not in own else own


def _bare(data: Dataset) -> list[str]:
    """Return the parts of items that no encoder makes."""
    return [name for name, table in data.features.items() if table.encoder is None and table.of == "items"]


def _named(file: str, content: bytes) -> str:
    """Return a name that tells the content: its digest, and the ending of the file where that is a plain one."""
    ending = re.search(r"\.[A-Za-z0-9]{1,8}$", file)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return digest + (ending.group().lower() if ending else "")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
