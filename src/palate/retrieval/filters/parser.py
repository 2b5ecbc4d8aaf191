"""Filters from text: a grammar of one screen, read by recursive descent; nothing is ever run.

filter     = every { "or" every }
every      = term { "and" term }
term       = "not" term | "(" filter ")" | test
test       = column ( "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" ) value
           | column [ "not" ] "in" "[" value { "," value } "]"
           | column [ "not" ] ( "contains" | "starts with" | "ends with" ) value
           | column "is" [ "not" ] "missing"
column     = a bare word | `any name in backticks`
value      = number | "text" | 'text' | date | true | false
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from palate.core.errors import RequestError
from palate.retrieval.filters.tokens import Token, tokens_of, unreadable
from palate.retrieval.filters.tree import Column, Compare, Every, Like, Missing, Node, Not, OneOf, Order, Some, Value

DEEPEST = 40
"""How many brackets and `not` may lie in one another."""

_ORDERS: tuple[Order, ...] = get_args(Order)
_AFTER_COLUMN = "expected =, !=, <, <=, >, >=, in, contains, starts with, ends with or is missing after the column"


def parse(text: str) -> Node:
    """Return the tree of a filter.

    Args:
        text: as in `price <= 20 and (colour in ["red", "blue"] or not title contains "sale")`.

    Raises:
        RequestError: it cannot be read; the message tells the character and what was expected there.

    Example:
        >>> print(parse("price<=20 and not colour in ['red']"))
        (`price` <= 20) and (not (`colour` in ["red"]))
    """
    if not text.strip():
        raise RequestError("the filter is empty: write one such as price <= 20, or leave it out")
    reader = _Reader(tokens_of(text))
    node = reader.some()
    if reader.now.kind != "end":
        raise reader.stop("expected 'and', 'or' or the end")
    return node


class _Reader:
    """A place in the words of a filter, moved on by each rule of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def some(self) -> Node:
        parts = self._joined("or", self._every)
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def stop(self, wanted: str) -> RequestError:
        return unreadable(self.now.at, self.now.text[:20], wanted)

    def _every(self) -> Node:
        parts = self._joined("and", self._term)
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _joined(self, word: str, part: Callable[[], Node]) -> list[Node]:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return parts

    def _term(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.stop(f"more than {DEEPEST} brackets and 'not' lie in one another: write it flatter")
        try:
            if self._takes("not"):
                return Not(self._term())
            if self._takes("(", "sign"):
                inner = self.some()
                self._need(")", "the bracket is never closed: expected ')'")
                return inner
            return self._test()
        finally:
            self.depth -= 1

    def _test(self) -> Node:
        column = self._column()
        if self.now.kind == "sign" and (order := next((o for o in _ORDERS if o == self.now.text), None)):
            self.place += 1
            return Compare(column, order, self._value())
        if self._takes("is"):
            opposite = self._takes("not")
            if not self._takes("missing"):
                raise self.stop("expected 'missing' or 'not missing' after 'is'")
            return Not(Missing(column)) if opposite else Missing(column)
        opposite = self._takes("not")
        node = self._membership(column)
        return Not(node) if opposite else node

    def _membership(self, column: Column) -> Node:
        if self._takes("in"):
            return OneOf(column, self._list())
        if self._takes("contains"):
            return Like(column, "contains", self._value())
        if self._takes("starts"):
            self._with("starts")
            return Like(column, "starts with", self._value())
        if self._takes("ends"):
            self._with("ends")
            return Like(column, "ends with", self._value())
        raise self.stop(_AFTER_COLUMN)

    def _with(self, before: str) -> None:
        if not self._takes("with"):
            raise self.stop(f"expected 'with' after '{before}'")

    def _column(self) -> Column:
        token = self.now
        if token.kind == "name" or (token.kind == "word" and token.text.lower() not in ("and", "or")):
            self.place += 1
            return Column(token.text, token.at)
        raise self.stop("expected a column, 'not' or '('")

    def _list(self) -> tuple[Value, ...]:
        self._need("[", "expected '[' after 'in', as in colour in [\"red\", \"blue\"]")
        values = [self._value()]
        while self._takes(",", "sign"):
            values.append(self._value())
        self._need("]", "expected ',' or ']' after a value of the list")
        return tuple(values)

    def _value(self) -> Value:
        token = self.now
        word = token.text.lower() if token.kind == "word" else ""
        if token.kind not in ("number", "text") and word not in ("true", "false"):
            raise self.stop("expected a value: a text in quotes, a number, a date such as 2024-05-31, true or false")
        self.place += 1
        if word:
            return Value(word == "true", token.at)
        return Value(float(token.text) if token.kind == "number" else token.text, token.at)

    def _takes(self, text: str, kind: str = "word") -> bool:
        taken = self.now.kind == kind and self.now.text.lower() == text
        self.place += taken
        return taken

    def _need(self, sign: str, wanted: str) -> None:
        if not self._takes(sign, "sign"):
            raise self.stop(wanted)
