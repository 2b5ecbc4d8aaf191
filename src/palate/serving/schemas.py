"""The shapes of answers, on the command line and over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Json

from palate.explain import Reason
from palate.retrieval import How


class Schema(BaseModel):
    """Base of the shapes: immutable."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, protected_namespaces=())


class Hit(Schema):
    """An item in a list."""

    item_id: str
    score: float
    rank: int
    """1 is best."""
    reasons: list[Reason]


class Answer(Schema):
    """A list of items, best first."""

    items: list[Hit]
    fallback: Literal["popularity"] | None = None
    """`popularity` where nothing is known of the one who asks, so that everybody would get this list."""


class ListWanted(Schema):
    """One list of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    user: str
    k: int = 10
    filter: str | None = None
    """Which items may come, as in price < 20."""
    exclude: list[str] = Field(default_factory=list)
    """Items that may not come."""
    history: list[str] = Field(default_factory=list)
    """Items that were just liked: they count in this list alone, on top of what is known."""
    diversity: float = 0.0
    """How much the items should differ, from 0 (off) to 1."""
    weights: dict[str, float] = Field(default_factory=dict)
    """How many times as much each part counts as it does in the model, for models by content."""
    reasons: bool = True
    """Whether to say why; it takes most of the time."""


class ListQuery(Schema):
    """What may be asked of one list in a query."""

    k: int = 10
    filter: str | None = None
    """Which items may come, as in price < 20 and colour = 'red'."""
    exclude: tuple[str, ...] = ()
    """An item that may not come; may be repeated."""
    history: tuple[str, ...] = ()
    """An item that was just liked, which counts in this list alone; may be repeated."""
    diversity: float = 0.0
    """How much the items should differ, from 0 (off) to 1."""
    weight: tuple[str, ...] = ()
    """How many times as much a part counts as it does in a model by content, as in poster:2; may be repeated."""
    reasons: bool = True
    """Whether to say why, which takes most of the time."""


class Lists(Schema):
    """Who wants lists; each is looked at by itself."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"example": {"requests": [{"user": "ann", "k": 5}, {"user": "bob", "reasons": False}]}},
    )

    requests: list[Any]
    """As `ListWanted`."""


class Problem(Schema):
    """Why there is no answer, in one sentence."""

    error: str


class Answers(Schema):
    """A list, or what is wrong, for each request in its order."""

    answers: list[Answer | Problem]


class Without(Schema):
    """What would have changed the answer: the fewest past likes without which the item leaves the list."""

    k: int
    """The length of the list."""
    rank: int
    """The item's place in it."""
    items: list[str]
    """The likes to take away, those that do most first; empty where nothing does."""
    rank_without: int | None
    """Its place then; nothing where it cannot be scored any more."""
    smallest: bool
    """Whether every smaller set of likes was tried."""


class Explained(Schema):
    """Why one item scores as it does for one user."""

    user_id: str
    item_id: str
    score: float | None
    """Nothing where the model cannot score the item for the user."""
    reasons: list[Reason]
    without: Without | None = None
    """Nothing where it was not asked for, or the item is not in the list."""


class ExplainWanted(Schema):
    """What is to be explained."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    user: str
    item: str
    k: Annotated[int, Field(ge=1)] | None = None
    """The length of the list that the item would leave without some likes; none does not look for these."""


class SearchWanted(Schema):
    """How to search."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    k: Annotated[int, Field(ge=1)] = 10
    filter: str | None = None
    """Which items may come, as in price < 20."""
    by: How | None = None
    """How a text is looked for; hybrid where it can be."""
    user: str | None = None
    """Whose taste ranks what was found once more."""


class SearchText(SearchWanted):
    """What to search for."""

    text: str
    weights: dict[Literal["text", "user"], float] = Field(default_factory=dict)
    """How much the text and the user count, from 0 to 1."""


class SearchFiles(SearchWanted):
    """What to search for beside a picture, a sound or both, as the fields of a form."""

    text: str | None = None
    weights: Json[dict[Literal["text", "image", "sound", "user"], float]] = Field(default_factory=dict)
    """How much the text, the picture, the sound and the user count, from 0 to 1, as in {"image": 0.7}."""


class User(Schema):
    """Somebody the model knows."""

    user_id: str
    liked: int
    """How many items they liked."""


class Users(Schema):
    """Users whose id holds what was looked for."""

    users: list[User]
    total: int
    """How many there are in all; `users` may be cut short."""


class Event(Schema):
    """Something a user did."""

    event_id: str
    item_id: str
    weight: float
    liked: bool
    timestamp: int | None
    """Unix seconds, UTC."""
    kind: str | None


class History(Schema):
    """What a user did, newest first."""

    events: list[Event]


class Events(Schema):
    """What people did, as it comes in: each with user_id and item_id, and perhaps event_id, kind, weight and timestamp."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"example": {"events": [{"event_id": "e1", "user_id": "ann", "item_id": "shoe"}]}},
    )

    events: list[Any]
    """Each is looked at by itself; those that cannot be taken are told, the others are kept."""


class Rejected(Schema):
    """An event that was not taken."""

    index: int
    reason: str


class Taken(Schema):
    """What became of events; those that were accepted are durable, and the next answer knows of them."""

    accepted: int
    duplicates: int
    """Those whose event_id was there already."""
    rejected: list[Rejected]


class Feedback(Schema):
    """How content somebody is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    satisfaction: Annotated[int, Field(ge=1, le=5, strict=True)]
    """From 1, not at all, to 5."""
    text: Annotated[str, Field(max_length=4000)] = ""
    user_id: Annotated[str, Field(min_length=1, max_length=512)] | None = None


class Said(Schema):
    """What somebody said."""

    satisfaction: int
    text: str
    timestamp: int


class FeedbackSummary(Schema):
    """How content people are."""

    answers: int
    mean: float | None
    """Nothing where nobody answered."""
    counts: dict[int, int]
    """How many gave each of 1 to 5."""
    newest: list[Said]
    """Those that say something, newest first; never who."""


class Erased(Schema):
    """The receipt of somebody who was removed from the store of the service and from its bundle."""

    receipt: str
    """A salted digest of the id, under which other services follow."""
    events: int
    feedback: int
    keys: int
    bundle_events: int = 0
    """What the bundle on disk had of them."""
    bundle_vectors: list[str] = Field(default_factory=list)
    """Arrays of the model in which something of theirs was made zero."""
    stays: str = ""
    """What is still there, in words."""


class Posted(Schema):
    """What became of an item that was posted or taken away."""

    item_id: str
    live: bool
    """Whether the answers know of it by now."""
    seconds: float
    """After how many it is likely to be so; 0 where it is."""
    troubles: dict[str, str] = Field(default_factory=dict)
    """By part, why something of it could not be encoded, once it is live."""


class Medium(Schema):
    """A file of an item."""

    type: Literal["image", "audio", "video"]
    url: str


class Item(Schema):
    """An item of the catalogue."""

    item_id: str
    title: str
    fields: dict[str, str | int | float | bool | None]
    """Texts, numbers and categories."""
    media: dict[str, Medium]
    """Pictures, sounds and clips that the item has, by column."""


class Health(Schema):
    """That the service is there."""

    status: Literal["ok"] = "ok"


class Ready(Schema):
    """That the service can answer, and with what."""

    status: Literal["ready"] = "ready"
    name: str
    model: str
    users: int
    items: int
    search: list[str]
    """What can be searched by: `text`, `image`, `sound`."""
    similar: list[str]
    """How items can be compared: `content`, `behaviour`."""
    index: str = "exact"
    """How near vectors are found."""
    recall: float = 1.0
    """Which share of the ten nearest by content that finds, measured when it was built."""
