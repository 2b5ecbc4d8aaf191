"""Words that go with a number."""

from __future__ import annotations


def some(n: int, one: str, many: str) -> str:
    """Return a number with what is said of one, or of several.

    Example:
        >>> some(1, "value is", "values are"), some(1200, "value is", "values are")
        ('1 value is', '1,200 values are')
    """
    return f"{n:,} {one if n == 1 else many}"
