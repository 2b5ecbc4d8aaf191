"""What can be asked of a service, from Python."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

from palate.client.line import Line
from palate.core.errors import DataError
from palate.retrieval import By, How
from palate.serving.schemas import (
    Answer,
    Answers,
    Erased,
    Explained,
    FeedbackSummary,
    History,
    Item,
    Posted,
    Ready,
    Schema,
    Taken,
    Users,
)

S = TypeVar("S", bound=Schema)


class Client:
    """Asks a Palate service; its methods are the routes, and what they return are the answers, typed.

    A request that meets a service which is starting anew, or a connection that breaks, is sent again for a while, where that does no
    harm: all but `feedback`. May be used by several threads.

    Args:
        url: where the service is, as in http://127.0.0.1:8000.
        key: an API key, where the service wants one.
        timeout: seconds to wait for an answer.
        retries: how often a request is sent again.

    Raises:
        ServiceError: by every method: the service refuses (`status` 4xx), fails (5xx) or cannot be reached (None), in its words.
        ConfigError: the address cannot be one.

    Example:
        >>> with Client("http://127.0.0.1:8000") as client:                    # doctest: +SKIP
        ...     client.events([{"user_id": "ann", "item_id": "p03"}])
        ...     client.recommend("ann", k=3).items[0].item_id
    """

    def __init__(self, url: str, key: str | None = None, timeout: float = 30.0, retries: int = 5) -> None:
        self._line = Line(url, key, timeout, retries)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({str(self._line.http.base_url)!r})"

    def close(self) -> None:
        """Let go of the connections."""
        self._line.http.close()

    # lists

    def recommend(
        self,
        user: str,
        k: int = 10,
        filter: str | None = None,
        *,
        exclude: Iterable[str] = (),
        history: Iterable[str] = (),
        diversity: float | None = None,
        weights: Mapping[str, float] | None = None,
        reasons: bool | None = None,
    ) -> Answer:
        """Return new items for a user; somebody unknown gets what is popular, and `fallback` says so.

        Args:
            user: their id.
            k: how many.
            filter: which items may come, as in `price < 20`.
            exclude: items that may not.
            history: items that were just liked; they count for this list alone.
            diversity: how much the items should differ, from 0 (off) to 1.
            weights: how many times as much each part counts as it does in a model by content.
            reasons: whether to say why, which takes most of the time.
        """
        weight = [f"{part}:{number}" for part, number in (weights or {}).items()]
        asked = {
            "k": k, "filter": filter, "exclude": list(exclude), "history": list(history), "diversity": diversity,
            "weight": weight, "reasons": reasons,
        }  # fmt: skip
        return self._get(Answer, f"/v1/recommend/{_quoted(user)}", **asked)

    def recommend_batch(self, requests: Iterable[str | Mapping[str, Any]]) -> Answers:
        """Return a list for each of many users, or what is wrong with the request, in their order.

        Args:
            requests: a user, or an object of `user` and any of what `recommend` takes, as in {"user": "ann", "k": 5}.
        """
        wanted = [{"user": each} if isinstance(each, str) else dict(each) for each in requests]
        return self._post(Answers, "/v1/recommend:batch", {"requests": wanted})

    def similar(self, item: str, k: int = 10, by: By | None = None, filter: str | None = None) -> Answer:
        """Return items like an item, by `content` or `behaviour`."""
        return self._get(Answer, f"/v1/similar/{_quoted(item)}", k=k, by=by, filter=filter)

    def explain(self, user: str, item: str, k: int | None = None) -> Explained:
        """Return why an item scores as it does for a user and, with `k`, without which likes it would leave a list of so many."""
        return self._post(Explained, "/v1/explain", {"user": user, "item": item, "k": k})

    def search(
        self,
        text: str | None = None,
        *,
        image: str | Path | None = None,
        sound: str | Path | None = None,
        k: int = 10,
        filter: str | None = None,
        by: How | None = None,
        user: str | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> Answer:
        """Return items that suit a text, a picture, a sound or any of these together.

        Args:
            text: words that say what is looked for.
            image: the file of a picture that shows it.
            sound: the file of a sound.
            k: how many.
            filter: which items may come, as in `price < 20`.
            by: how the text is looked for: by `vectors`, `words` or `hybrid`.
            user: whose taste ranks what was found once more.
            weights: how much `text`, `image`, `sound` and `user` count, from 0 to 1.
        """
        wanted = {"text": text, "k": k, "filter": filter, "by": by, "user": user}
        given: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        files = {name: _file(path) for name, path in (("image", image), ("sound", sound)) if path is not None}
        if not files:
            return self._post(Answer, "/v1/search", {**given, "weights": dict(weights or {})})
        fields = {**given, "weights": json.dumps(dict(weights or {}))}
        return self._read(Answer, self._line.ask("POST", "/v1/search", files=files, data=fields))

    # people

    def events(self, events: Iterable[Mapping[str, Any]]) -> Taken:
        """Send what people did; they are durable when this returns, and the next answer knows of them.

        Those without an `event_id` get one here, so that what is sent again counts once. Give ids of your own to events that you
        would send again yourself after an error.

        Args:
            events: each with `user_id` and `item_id`, and perhaps `event_id`, `kind`, `weight` and `timestamp`; as many as the service
                takes at once.
        """
        named = [{"event_id": uuid.uuid4().hex, **event} for event in events]
        return self._post(Taken, "/v1/events", {"events": named})

    def history(self, user: str, limit: int = 20) -> History:
        """Return what a user did, newest first."""
        return self._get(History, f"/v1/users/{_quoted(user)}/history", limit=limit)

    def users(self, query: str = "", limit: int = 20) -> Users:
        """Return users whose id holds a text."""
        return self._get(Users, "/v1/users", query=query, limit=limit)

    def erase(self, user: str) -> Erased:
        """Remove a person from the service; returns the receipt."""
        return self._read(Erased, self._line.ask("DELETE", f"/v1/users/{_quoted(user)}"))

    def feedback(self, satisfaction: int, text: str = "", user: str | None = None) -> None:
        """Say how content somebody is, from 1 (not at all) to 5; is not sent again where it may have counted."""
        given = {"satisfaction": satisfaction, "text": text, "user_id": user}
        self._line.ask("POST", "/v1/feedback", again=False, **_json(given))

    def feedback_summary(self) -> FeedbackSummary:
        """Return how content people are."""
        return self._get(FeedbackSummary, "/v1/feedback/summary")

    # items

    def item(self, item: str) -> Item:
        """Return an item's columns, and where its media are."""
        return self._get(Item, f"/v1/items/{_quoted(item)}")

    def media(self, item: str, column: str) -> bytes:
        """Return a file of an item."""
        return self._line.ask("GET", f"/v1/media/{_quoted(item)}/{_quoted(column)}").content

    def put_item(
        self,
        item: str,
        columns: Mapping[str, Any] | None = None,
        files: Mapping[str, str | Path] | None = None,
        wait: float = 0,
    ) -> Posted:
        """Add or replace an item; it is durable when this returns, and `live` tells whether answers know of it.

        Args:
            item: its id.
            columns: texts, numbers and categories by column.
            files: paths of pictures, sounds and clips by column.
            wait: seconds to wait until answers know of it.
        """
        path, given = f"/v1/items/{_quoted(item)}", dict(columns or {})
        if not files:
            return self._read(Posted, self._line.ask("PUT", path, params={"wait": wait}, **_json(given)))
        uploads = {name: _file(file) for name, file in files.items()}
        answer = self._line.ask("PUT", path, params={"wait": wait}, files=uploads, data={"data": json.dumps(given)})
        return self._read(Posted, answer)

    def delete_item(self, item: str, wait: float = 0) -> Posted:
        """Take an item away; `wait` as for `put_item`."""
        return self._read(Posted, self._line.ask("DELETE", f"/v1/items/{_quoted(item)}", params={"wait": wait}))

    # the service

    def ready(self) -> Ready:
        """Return with what the service can answer; a ServiceError of status 503 where it cannot now."""
        return self._read(Ready, self._line.ask("GET", "/ready", retries=0))

    def _get(self, kind: type[S], path: str, **asked: Any) -> S:
        query = {name: value for name, value in asked.items() if value not in (None, [])}
        return self._read(kind, self._line.ask("GET", path, params=query))

    def _post(self, kind: type[S], path: str, given: Any) -> S:
        return self._read(kind, self._line.ask("POST", path, **_json(given)))

    def _read(self, kind: type[S], answer: Any) -> S:
        return kind.model_validate_json(answer.content)


def _quoted(name: str) -> str:
    """Return an id as one part of a path; '.' and '..' would lead elsewhere."""
    try:
        return quote(name, safe="").replace(".", "%2E")
    except UnicodeEncodeError:
        raise DataError(f"the id {name!r} holds a character that no text has: give another") from None


def _json(given: Any) -> dict[str, Any]:
    return {"content": json.dumps(given), "headers": {"content-type": "application/json"}}


def _file(path: str | Path) -> tuple[str, bytes]:
    """Return the name of a file, and what is in it.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return Path(path).name, Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"the file '{path}' cannot be read ({error.strerror}): give another") from error
