"""What an item is called."""

from __future__ import annotations

from collections.abc import Iterable

from palate.core.ids import IdMap
from palate.data.catalogue import Catalogue

_CALLED = ("title", "name", "product_name", "item_name", "headline")
_HEARD = ".speech"
"""What columns end in that a recogniser wrote: what somebody says in a sound is not what an item is called."""


def title_column(catalogue: Catalogue) -> str | None:
    """Return the column that names an item: `title`, `name` or alike, else the first text column that was not heard.

    Example:
        >>> import polars as pl
        >>> title_column(Catalogue(pl.DataFrame({"about": ["…"], "Title": ["Tea"]}), {"about": "text"}))
        'Title'
    """
    by_name = {column.lower(): column for column in catalogue.table.columns}
    for name in _CALLED:
        if name in by_name:
            return by_name[name]
    return next((column for column in catalogue.of_type("text") if not column.endswith(_HEARD)), None)


def titles(catalogue: Catalogue, items: IdMap, codes: Iterable[int]) -> list[str]:
    """Return what each item is called: its title, or its id where it has none."""
    column = title_column(catalogue)
    if column is None:
        return items.decode(codes)
    values = catalogue.table[column]
    return [str(values[code] or items.ids[code]) for code in codes]
