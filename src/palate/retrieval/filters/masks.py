"""Which items pass a filter."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import polars as pl

from palate.core.errors import RequestError, did_you_mean
from palate.core.ids import IdMap
from palate.core.types import Mask
from palate.data.catalogue import Catalogue
from palate.retrieval.filters.columns import Held, moment
from palate.retrieval.filters.parser import parse
from palate.retrieval.filters.tree import Column, Compare, Every, Like, Missing, Node, Not, OneOf, Some, Value

_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Filters:
    """Filters over the columns of a catalogue; `item_id` is one of them.

    Missing data:
        A missing value passes no test, neither `price < 5` nor `not price < 5`, neither `=` nor `!=`; only
        `is missing` finds it (three-valued logic, as in SQL).

    Example:
        >>> goods = pl.DataFrame({"price": [3.0, 8.0, None], "kind": ["tea|gift", "cup", "tea"]})
        >>> filters = Filters(Catalogue(goods))
        >>> filters.mask('kind in ["tea"] and price < 5').tolist()
        [True, False, False]
        >>> filters.mask("not price < 5").tolist()
        [False, True, False]
    """

    def __init__(self, catalogue: Catalogue, items: IdMap | None = None) -> None:
        self._table = catalogue.table
        if items is not None:
            self._table = self._table.with_columns(items.series.alias("item_id"))
        self._held: dict[str, Held] = {}

    @property
    def columns(self) -> list[str]:
        """The names that a filter may use."""
        return self._table.columns

    def mask(self, wanted: str | Node) -> Mask:
        """Tell for each item whether it passes.

        Args:
            wanted: the text of a filter, or its tree.

        Shapes:
            bool[n], one for each row of the catalogue.
        Raises:
            RequestError: the filter cannot be read, a column is unknown, or a value does not fit its column.
        """
        node = parse(wanted) if isinstance(wanted, str) else wanted
        passed: Mask = self._test(node).fill_null(False).to_numpy().astype(np.bool_)
        return passed

    def _test(self, node: Node) -> pl.Series:
        if isinstance(node, Not):
            return ~self._test(node.inner)
        if isinstance(node, Every):
            return reduce(operator.and_, map(self._test, node.parts))
        if isinstance(node, Some):
            return reduce(operator.or_, map(self._test, node.parts))
        held = self._of(node.column)
        if isinstance(node, Missing):
            return held.values.is_null()
        if held.holds == "others":
            raise _wrong(
                node.column.at, f"'{node.column.name}' holds no numbers, dates or texts: ask 'is missing' alone"
            )
        if isinstance(node, Like):
            return _like(held, node)
        if isinstance(node, OneOf):
            return _one_of(held, node)
        return _compare(held, node)

    def _of(self, column: Column) -> Held:
        if column.name not in self._held:
            if column.name not in self.columns:
                raise _wrong(
                    column.at, f"there is no column '{column.name}': {did_you_mean(column.name, self.columns)}"
                )
            self._held[column.name] = Held.of(self._table[column.name])
        return self._held[column.name]


def _compare(held: Held, node: Compare) -> pl.Series:
    column, value = node.column, node.value
    if held.holds == "numbers":
        return _ordered(held.values, node.order, _number(column, value))
    if held.holds == "dates":
        return _on(held, column, value, node.order)
    if held.holds == "lists":
        raise _wrong(column.at, f"'{column.name}' holds lists: use in or contains")
    text = _text(column, value)
    if node.order not in ("=", "!="):
        raise _wrong(
            value.at,
            f"'{column.name}' holds texts, which have no order here: use =, !=, in, contains, starts with or ends with",
        )
    return _ordered(held.values, node.order, text)


def _ordered(values: pl.Series, order: str, than: float | str) -> pl.Series:
    found: pl.Series = _ORDERS[order](values, than)
    return found


def _one_of(held: Held, node: OneOf) -> pl.Series:
    if held.holds == "dates":
        return reduce(operator.or_, (_on(held, node.column, value, "=") for value in node.values))
    if held.holds == "numbers":
        return held.values.is_in([_number(node.column, value) for value in node.values])
    texts = [_text(node.column, value) for value in node.values]
    found = held.members.list.eval(pl.element().is_in(texts)).list.any()
    return pl.select(pl.when(held.values.is_not_null()).then(found)).to_series()


def _like(held: Held, node: Like) -> pl.Series:
    if held.holds == "numbers":
        raise _wrong(node.value.at, f"'{node.column.name}' holds numbers: compare it by =, <, > or in")
    needle = pl.Series([_text(node.column, node.value)]).str.to_lowercase()[0]
    if held.holds == "lists":
        found = held.lower.list.eval(_likened(pl.element(), node.likeness, needle)).list.any()
        return pl.select(pl.when(held.values.is_not_null()).then(found)).to_series()
    return pl.select(_likened(pl.lit(held.lower), node.likeness, needle)).to_series()


def _likened(text: pl.Expr, likeness: str, needle: str) -> pl.Expr:
    if likeness == "contains":
        return text.str.contains(needle, literal=True)
    return text.str.starts_with(needle) if likeness == "starts with" else text.str.ends_with(needle)


def _on(held: Held, column: Column, value: Value, order: str) -> pl.Series:
    read = moment(value.what) if isinstance(value.what, str) else None
    if read is None:
        raise _wrong(value.at, f"'{column.name}' holds dates, and {value} is none: write one such as 2024-05-31")
    when, whole_day = read
    values = pl.lit(held.days) if whole_day else pl.lit(held.values)
    return pl.select(_ORDERS[order](values, when.cast(pl.Date) if whole_day else when)).to_series()


def _number(column: Column, value: Value) -> float:
    if isinstance(value.what, str):
        raise _wrong(value.at, f"'{column.name}' holds numbers, and {value} is a text: write a number without quotes")
    return float(value.what)


def _text(column: Column, value: Value) -> str:
    if not isinstance(value.what, str):
        kind = "a truth value" if isinstance(value.what, bool) else "a number"
        raise _wrong(value.at, f"'{column.name}' holds texts, and {value} is {kind}: write it in quotes")
    return value.what


def _wrong(at: int, why: str) -> RequestError:
    return RequestError(f"the filter is wrong at character {at + 1}: {why}")
