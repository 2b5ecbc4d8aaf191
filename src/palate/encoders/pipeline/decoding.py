"""Decoding inputs, so that what is wrong with one of them stays with that one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from palate.core.errors import PalateError
from palate.encoders._base import BrokenInput, EmptyInput, Encoder
from palate.encoders.pipeline.views import raw_views
from palate.interfaces import Raw

Decoded = tuple[Any, str | None]
"""What an input holds, and the reason where it cannot be read."""
Decode = Callable[[Sequence[Raw]], list[Decoded]]


def decoded(encoder: Encoder[Any], raw: Raw) -> Decoded:
    """Decode one input; whatever a decoder trips over is a reason, and the other inputs go on.

    Where the encoder has views, what the input holds is a tuple: what it holds itself, then what each further view holds. A view of
    which nothing is left, such as a stretch of silence, is not among them.

    Raises:
        PalateError: the run lacks something that every input needs, such as a library.
    """
    try:
        item = encoder.decode(raw)
        return item if encoder.views is None or item is None else (item, *_views(encoder, raw)), None
    except BrokenInput as error:
        return None, str(error)
    except PalateError:
        raise
    except MemoryError:
        return None, "decoding needs more memory than there is"
    except Exception as error:  # noqa: BLE001  the fault of one file among many
        return None, f"the decoder failed on it ({type(error).__name__}: {error})"


def _views(encoder: Encoder[Any], raw: Raw) -> Iterator[Any]:
    for view in raw_views(encoder, raw):
        with suppress(EmptyInput):
            if (item := encoder.decode(view)) is not None:
                yield item
