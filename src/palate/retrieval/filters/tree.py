"""What a filter says, as a tree of values; printed, it can be read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Order = Literal["=", "!=", "<", "<=", ">", ">="]
Likeness = Literal["contains", "starts with", "ends with"]


@dataclass(frozen=True)
class Value:
    """A number, a text or a truth value, and where it stands."""

    what: float | str | bool
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        if isinstance(self.what, bool):
            return "true" if self.what else "false"
        if isinstance(self.what, str):
            return '"' + self.what.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{self.what:.0f}" if self.what.is_integer() and abs(self.what) < 1e15 else repr(self.what)


@dataclass(frozen=True)
class Column:
    """A column by its name, and where it stands."""

    name: str
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return "`" + self.name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Compare:
    """`price <= 20`."""

    column: Column
    order: Order
    value: Value

    def __str__(self) -> str:
        return f"{self.column} {self.order} {self.value}"


@dataclass(frozen=True)
class OneOf:
    """`colour in ["red", "blue"]`."""

    column: Column
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.column} in [{', '.join(map(str, self.values))}]"


@dataclass(frozen=True)
class Like:
    """`title contains "lamp"`."""

    column: Column
    likeness: Likeness
    value: Value

    def __str__(self) -> str:
        return f"{self.column} {self.likeness} {self.value}"


@dataclass(frozen=True)
class Missing:
    """`photo is missing`."""

    column: Column

    def __str__(self) -> str:
        return f"{self.column} is missing"


@dataclass(frozen=True)
class Not:
    """What does not hold; of what is unknown the opposite is unknown too."""

    inner: Node

    def __str__(self) -> str:
        return f"not ({self.inner})"


@dataclass(frozen=True)
class Every:
    """`a and b and c`."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(f"({part})" for part in self.parts)


@dataclass(frozen=True)
class Some:
    """`a or b or c`."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(f"({part})" for part in self.parts)


Node = Compare | OneOf | Like | Missing | Not | Every | Some
