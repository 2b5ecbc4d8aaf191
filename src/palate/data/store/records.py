"""What goes into a store and comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something a person did with an item.

    Units:
        timestamp: unix seconds, UTC. weight: as in a dataset; 0 or less is an explicit dislike.
    """

    event_id: str
    user_id: str
    item_id: str
    kind: str = "click"
    weight: float = 1.0
    timestamp: int = 0
    cursor: int = 0
    """Its place in the order of acceptance; 0 where it is not stored yet."""


@dataclass(frozen=True)
class Posted:
    """The newest word on an item: its columns and the files of its media, or that it is gone."""

    item_id: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    media: Mapping[str, str] = field(default_factory=dict)
    """By column, a name that tells the content: its digest, and the ending of the file."""
    gone: bool = False
    cursor: int = 0


@dataclass(frozen=True)
class Said:
    """How content somebody is, from 1 (not at all) to 5, and what they say."""

    satisfaction: int
    text: str = ""
    user_id: str | None = None
    timestamp: int = 0


@dataclass(frozen=True)
class Satisfaction:
    """All of it summed up."""

    answers: int
    mean: float | None
    """None where nobody answered."""
    counts: Mapping[int, int]
    """How many gave each of 1 to 5."""
    newest: Sequence[Said]
    """Those that say something, the newest first."""


@dataclass(frozen=True)
class Key:
    """Who may do what: scopes of read, write, admin; with a user, only for that user."""

    name: str
    scopes: frozenset[str]
    user_id: str | None = None


@dataclass(frozen=True)
class Erased:
    """How many rows of a person were removed, by table."""

    events: int
    feedback: int
    keys: int
