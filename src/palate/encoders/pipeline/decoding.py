"""Decoding inputs, so that what is wrong with one of them stays with that one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from palate.core.errors import PalateError
from palate.encoders._base import BrokenInput, Encoder
from palate.interfaces import Raw

Decoded = tuple[Any, str | None]
"""What an input holds, and the reason where it cannot be read."""
Decode = Callable[[Sequence[Raw]], list[Decoded]]


def decoded(encoder: Encoder[Any], raw: Raw) -> Decoded:
    """Decode one input; whatever a decoder trips over is a reason, and the other inputs go on.

    Raises:
        PalateError: the run lacks something that every input needs, such as a library.
    """
    try:
        return encoder.decode(raw), None
    except BrokenInput as error:
        return None, str(error)
    except PalateError:
        raise
    except MemoryError:
        return None, "decoding needs more memory than there is"
    except Exception as error:  # noqa: BLE001  the fault of one file among many
        return None, f"the decoder failed on it ({type(error).__name__}: {error})"
