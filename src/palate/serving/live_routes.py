"""What a live service takes in: events, feedback, and the wish to be forgotten."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException

from palate.core.errors import DataError
from palate.data.store import Said as Kept
from palate.serving.guard import only
from palate.serving.intake import storable
from palate.serving.live import Live
from palate.serving.schemas import Erased, Events, Feedback, FeedbackSummary, Rejected, Said, Taken

router = APIRouter()


def live_of(request: Request) -> Live:
    """Return what the service keeps; 409 where it keeps nothing."""
    live: Live | None = request.app.state.live
    if live is None:
        raise HTTPException(
            409, "this service keeps nothing, since it was started without a store: start it with --store"
        )
    return live


Lives = Annotated[Live, Depends(live_of)]


def _storable(value: str, name: str) -> str:
    try:
        return storable(value, name)
    except ValueError as error:
        raise DataError(str(error)) from error


@router.post("/v1/events")
async def events(request: Request, given: Events, live: Lives) -> Taken:
    """Take events in. They are on disk when the answer comes, and the next answer knows of them; one that is sent again by its
    event_id changes nothing."""
    if len(given.events) > live.settings.max_events:
        raise HTTPException(
            413, f"{len(given.events):,} events came at once: send at most {live.settings.max_events:,}"
        )
    read, rejected = live.read(given.events)
    for event in read:
        only(request, event.user_id)
    new = await asyncio.wrap_future(live.intake.events(read))
    accepted, duplicates = sum(new), len(new) - sum(new)
    request.app.state.metrics.took(accepted, duplicates, len(rejected))
    return Taken(
        accepted=accepted,
        duplicates=duplicates,
        rejected=[Rejected(index=index, reason=reason) for index, reason in rejected],
    )


@router.post("/v1/feedback", status_code=201)
def feedback(request: Request, given: Feedback, live: Lives) -> dict[str, Any]:
    """Say how content one is."""
    for name, value in (("text", given.text), ("user_id", given.user_id or "")):
        _storable(value, name)
    if given.user_id is not None:
        only(request, given.user_id)
    live.store.say(Kept(given.satisfaction, given.text, given.user_id, int(live.clock())))
    return {"kept": True}


@router.get("/v1/feedback/summary")
def summary(live: Lives) -> FeedbackSummary:
    """Sum up how content people are."""
    found = live.store.satisfaction()
    newest = [Said(satisfaction=said.satisfaction, text=said.text, timestamp=said.timestamp) for said in found.newest]
    return FeedbackSummary(answers=found.answers, mean=found.mean, counts=dict(found.counts), newest=newest)


@router.delete("/v1/users/{user:path}")
def erase(user: str, live: Lives) -> Erased:
    """Remove a person: events, feedback and keys from the store, what the bundle on disk has of them, and what this and other services
    know. The dataset folder is left alone: `palate data forget` clears it, and `palate refit` leaves them out."""
    found, bundle = live.erase(_storable(user, "the user"))
    removed = bundle if bundle is not None and bundle["known"] else {"events": 0, "vectors": [], "stays": ""}
    return Erased(
        receipt=live.store.digest(user), events=found.events, feedback=found.feedback, keys=found.keys,
        bundle_events=removed["events"], bundle_vectors=removed["vectors"], stays=removed["stays"],
    )  # fmt: skip
