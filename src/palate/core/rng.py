"""Seeded random numbers: one seed, independent streams by name."""

from __future__ import annotations

import hashlib

import numpy as np

from palate.core.errors import ConfigError


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random stream that belongs to `seed` and `names`; other names give independent streams.

    Raises:
        ConfigError: the seed is negative.

    Example:
        >>> int(generator(0, "split").integers(1000)) == int(generator(0, "split").integers(1000))
        True
    """
    if seed < 0:
        raise ConfigError(f"the seed was {seed}: give 0 or more")
    digest = hashlib.blake2b("\x1f".join(map(str, names)).encode(), digest_size=16).digest()
    words = np.frombuffer(digest, dtype=np.uint32).tolist()
    return np.random.default_rng([seed, *words])
