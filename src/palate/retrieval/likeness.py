"""Items like an item: by what they are, or by who liked them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from palate.core.errors import DataError
from palate.core.types import Codes
from palate.interfaces import Queries, Ranked
from palate.linalg.topk import top_k
from palate.models import Model
from palate.retrieval.space import ContentSpace

By = Literal["content", "behaviour"]


def default_way(item: int, space: ContentSpace | None) -> By:
    """Return how an item is compared unless it is said: by content where it has a vector, else by behaviour."""
    return "content" if space is not None and space.holds(item) else "behaviour"


def similar(
    model: Model[Any],
    item: int,
    k: int = 10,
    *,
    by: By | None = None,
    space: ContentSpace | None,
    only: Codes | None = None,
) -> Ranked:
    """Return the k items most like one.

    `content` compares vectors by cosine; `behaviour` asks the model what it would recommend to somebody who liked
    only this item. The default is content where the item has a vector, else behaviour.

    Args:
        model: what scores by behaviour.
        item: its code.
        k: how many.
        by: what counts.
        space: the vectors of the items, if there are any.
        only: the codes that may be found; None lets all.

    Raises:
        DataError: content was asked for and there is none, or the model is the same for everyone.
    """
    if by is None:
        by = default_way(item, space)
    if by == "content":
        if space is None:
            raise DataError(
                "items cannot be compared by content, since there are no features: encode the data and train again, "
                "or ask by=behaviour"
            )
        return space.nearest(item, k, only)
    if model.name == "popularity":
        raise DataError(
            "items cannot be compared by behaviour, since popularity is the same for everyone: train another model, "
            "such as item-knn"
        )
    scores = model.score(Queries.of_history([item], len(model.items)))
    scores[:, item] = np.nan
    if only is not None:
        scores[:, np.setdiff1d(np.arange(scores.shape[1]), only)] = np.nan
    return top_k(scores, k)
