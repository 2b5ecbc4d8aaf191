"""What goes wrong inside a fusion, told by its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from palate.core.errors import PalateError


@contextmanager
def told(name: str, doing: str) -> Iterator[None]:
    """Say of which fusion an error is that was not raised on purpose, and what it was doing.

    Raises:
        PalateError: with the error as its cause; what was raised on purpose, and a lack of memory, stay as they are.
    """
    try:
        yield
    except (PalateError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise PalateError(f"the fusion {name} failed when {doing}: {type(error).__name__}: {said}") from error


def refuse_shape(name: str, what: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Make sure that a fusion gives what it should.

    Raises:
        PalateError: the shape is another.
    """
    if given != wanted:
        raise PalateError(
            f"the fusion {name} gave {what} of shape {given}, and it must be {wanted}: correct the fusion"
        )
