"""Which categories each item has, read from a column of the catalogue."""

from __future__ import annotations

import numpy as np
import polars as pl
import scipy.sparse as sp

from palate.core.errors import DataError, did_you_mean
from palate.core.types import CSR
from palate.data.catalogue import BETWEEN, Catalogue

_USUAL = ("category", "categories", "genre", "genres")


def category_column(catalogue: Catalogue, named: str | None) -> str:
    """Return the column that holds categories: the named one, the only one of that type, or one with a usual name.

    Raises:
        DataError: there is none, or several could be meant; the message says what to name.
    """
    typed = catalogue.of_type("category")
    if named is not None:
        allowed = catalogue.of_type("category", "text")
        if named not in allowed:
            raise DataError(f"'{named}' is no column of categories or text: {did_you_mean(named, allowed)}")
        return named
    usual = [name for name in catalogue.of_type("category", "text") if name.lower() in _USUAL]
    for found in (typed, usual):
        if len(found) == 1:
            return found[0]
    if not typed and not usual:
        raise DataError(
            "the items have no column of categories: name one that holds them (--categories COLUMN), "
            "or import one as such"
        )
    raise DataError(
        f"several columns could be the categories ({', '.join(typed or usual)}): name one (--categories COLUMN)"
    )


def category_marks(catalogue: Catalogue, column: str) -> CSR:
    """Return ones where an item has a category, sparse[items, categories].

    A cell may hold several, separated by | , or ; or as a list.

    Raises:
        DataError: every cell is empty.
    """
    cells = catalogue.column(column)
    if isinstance(cells.dtype, pl.List):
        lists = cells.list.eval(pl.element().cast(pl.String))
    else:
        lists = cells.cast(pl.String).str.replace_all(BETWEEN, "|").str.split("|")
    rows = pl.DataFrame({"item": pl.arange(len(cells), eager=True), "label": lists}).explode("label")
    rows = rows.with_columns(pl.col("label").str.strip_chars())
    rows = rows.filter(pl.col("label").is_not_null() & (pl.col("label") != "")).unique(maintain_order=True)
    if not rows.height:
        raise DataError(f"the column '{column}' is empty for every item: name another column of categories")
    code = rows["label"].rank("dense").to_numpy().astype(np.int64) - 1
    item = rows["item"].to_numpy()
    marks = sp.csr_array((np.ones(len(code), np.float32), (item, code)), shape=(len(cells), int(code.max()) + 1))
    marks.sort_indices()
    return marks
