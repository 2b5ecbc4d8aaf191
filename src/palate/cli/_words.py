"""Lists that are typed with commas."""

from __future__ import annotations

from palate.core.errors import ConfigError


def words(text: str) -> list[str]:
    """Return the words between commas, each once.

    Example:
        >>> words("recall, ndcg@10,,recall")
        ['recall', 'ndcg@10']
    """
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def cut_offs(text: str) -> list[int]:
    """Return the lengths of lists that were asked for.

    Raises:
        ConfigError: one of them is no number.

    Example:
        >>> cut_offs("10,20")
        [10, 20]
    """
    given = words(text)
    if not given or not all(word.isdecimal() for word in given):
        raise ConfigError(f"the cut-off k was '{text}': give a number of 1 or more, or several, as in 10,20")
    return [int(word) for word in given]
