"""Every error that Palate raises on purpose.

    PalateError                 it failed                                   exit code 1
    ├── StoreError              a file could not be written or read back    exit code 1
    ├── WeightsError            pretrained files could not be had           exit code 1
    ├── ServiceError            a service that was asked did not answer     exit code 1
    └── RequestError            the request was wrong                       exit code 2
        ├── ConfigError         a setting is unknown or out of range
        ├── UnknownNameError    no part of that name
        ├── MissingExtraError   a library of an optional extra is absent
        ├── DataError           the data given cannot be used
        ├── MemoryLimitError    it would take more memory than allowed
        └── BundleError         a bundle or dataset cannot be opened

A message is one sentence: what, what was given, what is allowed, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PalateError(Exception):
    """Root of the tree; `exit_code` is what the command line returns."""

    exit_code = 1


class StoreError(PalateError):
    """A file could not be written or read back; what stood there before is untouched."""


class WeightsError(PalateError):
    """Pretrained files could not be fetched, or are not what they should be."""


class ServiceError(PalateError):
    """A service that was asked refused, failed or could not be reached."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        """Of HTTP; None where there was no answer."""


class RequestError(PalateError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class ConfigError(RequestError):
    """A setting is unknown, of the wrong type or out of range."""


class UnknownNameError(RequestError):
    """A name that no registered part carries."""


class MissingExtraError(RequestError):
    """A library that an optional extra installs is absent."""


class DataError(RequestError):
    """The data given cannot be used."""


class MemoryLimitError(RequestError):
    """The request would take more memory than allowed."""


class BundleError(RequestError):
    """A bundle or a dataset folder cannot be opened."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Return a clause that suggests the nearest allowed name and lists all of them.

    Example:
        >>> did_you_mean("item-kn", ["item-knn", "ease"])
        "did you mean 'item-knn'? (allowed: ease, item-knn)"
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    listed = ", ".join(names) if names else "none"
    return f"did you mean '{near[0]}'? (allowed: {listed})" if near else f"allowed: {listed}"


def missing_extra(library: str, extra: str, purpose: str) -> MissingExtraError:
    """Build the error for a library that an extra would install."""
    return MissingExtraError(
        f"{purpose} needs the library '{library}', which is not installed: pip install 'palate[{extra}]'"
    )
