"""What can be asked over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse

from palate.retrieval import By
from palate.serving.edition import Deck, Edition
from palate.serving.guard import only
from palate.serving.media import media_response
from palate.serving.schemas import Answer, Explained, ExplainWanted, Health, History, Item, Ready, Users

router = APIRouter()
open_router = APIRouter()
"""What may be asked without a key."""


async def current(request: Request) -> Edition:
    """Return what is answered from; to be taken once a request."""
    deck: Deck = request.app.state.deck
    return deck.edition


Current = Annotated[Edition, Depends(current)]
Where = Annotated[str | None, Query(description="Which items may come, as in price < 20 and colour = 'red'.")]


@router.get("/v1/similar/{item:path}")
def similar(item: str, edition: Current, k: int = 10, by: By | None = None, filter: Where = None) -> Answer:
    """List items like an item: by content, or by the behaviour of people."""
    edition.showcase.known_item(item)
    return edition.engine.similar(item, k, by, filter)


@router.post("/v1/explain")
def explain(request: Request, given: ExplainWanted, edition: Current) -> Explained:
    """Say why an item scores as it does for a user and, where `k` is given, without which likes it would leave a list of so many."""
    only(request, given.user)
    edition.showcase.known_item(given.item)
    return edition.engine.explain(given.user, given.item, given.k)


@router.get("/v1/users")
def users(edition: Current, query: str = "", limit: int = 20) -> Users:
    """List users whose id holds a text."""
    return edition.showcase.users(query, limit, edition.engine.people.forgotten)


@router.get("/v1/users/{user:path}/history")
def history(user: str, request: Request, edition: Current, limit: int = 20) -> History:
    """List what a user did, newest first."""
    live = request.app.state.live
    return edition.showcase.history(user, limit, edition.engine.people, live.store if live else None)


@router.get("/v1/items/{item:path}")
def item(item: str, edition: Current) -> Item:
    """Show an item: its title, its columns, and where its pictures, sounds and clips are."""
    return edition.showcase.item(item)


@router.get("/v1/media/{item:path}/{column}", response_class=FileResponse)
def media(item: str, column: str, edition: Current) -> Any:
    """Send a file of an item; parts of it where a `Range` is asked for."""
    return media_response(*edition.showcase.medium(item, column))


@open_router.get("/health")
def health() -> Health:
    """Tell that the service is there."""
    return Health()


@open_router.get("/ready")
def ready(request: Request, edition: Current) -> Ready:
    """Tell that the service can answer, and with what; 503 where its store does not."""
    if request.app.state.live is not None:
        request.app.state.live.store.check()
    engine = edition.engine
    return Ready(
        name=engine.bundle.data.name,
        model=engine.model.name,
        users=len(engine.users),
        items=len(engine.items),
        search=engine.can_search(),
        similar=engine.can_compare(),
        index=engine.ready.index,
        recall=engine.ready.recall,
    )
