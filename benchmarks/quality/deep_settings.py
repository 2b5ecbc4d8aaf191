"""With which settings each model is judged by `make eval-deep`, and what of umami is varied.

Settings were chosen by NDCG@20 on validation, by nothing else; what is not named stays at the model's default. Those of
item-knn and ease are the ones that `make eval` chose. "all" holds on every ground, and what a ground names comes on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Any]

GROUNDS = ("tiktok", "amazon-baby", "movielens-posters, random", "movielens-posters, cold-items")
REFERENCES = ("popularity", "item-knn", "ease", "cease")
FIRST = ("umami", "lightgcn", "mgcn", "freedom", "bm3")
"""Networks that are judged before the others, so that the table is soon of use."""
SECONDS = 600.0
"""At most so long may a network be trained."""
BEST = 5
"""Of so many networks a ground all seeds are run, of the others the first."""

LONG: Settings = {"epochs": 1000, "patience": 20, "judge_every": 2}
"""Networks that learn slowly, by one other item for each like, stop only after forty epochs without a gain."""

_LONGER: Settings = {"patience": 60}
"""Networks that validation sees dip after a few epochs and rise past that much later."""

_FILMS: Settings = {"content": 0.5, "dim": 128, "batch_size": 2048, "lr": 2e-3, "temperature": 0.2}

SETTINGS: Mapping[str, Mapping[str, Settings]] = {
    **{name: {"all": LONG} for name in ("freedom", "lattice", "lgmrec", "mmal", "mmdfm", "pgl", "vbpr")},
    "lightgcn": {"all": LONG, "tiktok": {"layers": 4}},
    "mgcn": {"all": LONG, "movielens-posters, random": _LONGER},
    "mmgcn": {"all": LONG, "tiktok": _LONGER},
    "bm3": {"all": LONG, "tiktok": {"layers": 2, "reg": 0.01, "dropout": 0.5}},
    "umami": {
        "tiktok": {"item_power": 0.7, "content": 30.0, "patience": 25},
        "amazon-baby": {"batch_size": 1024, "judge_every": 2, "patience": 6, "ease_reg": 300},
        "movielens-posters, random": _FILMS,
        "movielens-posters, cold-items": _FILMS,
    },
    "item-knn": {
        "amazon-baby": {"neighbours": 200, "shrink": 100, "user_power": 0.25},
        "tiktok": {"neighbours": 200, "shrink": 100, "user_power": 0.25},
        "movielens-posters, random": {"neighbours": 200, "shrink": 0, "user_power": 0},
        "movielens-posters, cold-items": {"neighbours": 0, "shrink": 30, "user_power": 0.5},
    },
    "cease": {
        "tiktok": {"reg": 50},
        "movielens-posters, random": {"reg": 100},
        "movielens-posters, cold-items": {"reg": 100},
    },
    "ease": {
        "amazon-baby": {"reg": 300},
        "tiktok": {"reg": 30},
        "movielens-posters, random": {"reg": 100},
        "movielens-posters, cold-items": {"reg": 1},
    },
}

SHUFFLED = "shuffled"
"""The variation of which no setting differs: the parts of items are dealt out anew among the items."""

SOFTMAX: Settings = {"loss": "sampled-softmax", "sampler": "in-batch", "cosine": True, "lr": 2e-3, "reg": 0.0}
"""What umami learns by, for others to be told apart by what they are, not by what they learn by."""

ABLATIONS: Mapping[str, Mapping[str, Settings]] = {
    "umami": {
        "nothing beside the cosines": {"late": 0.0},
        "item-knn beside them": {"beside": "item-knn"},
        "ease beside them": {"beside": "ease"},
        "cease beside them": {"beside": "cease"},
        "no graph of items": {"hop": 0.0},
        "no projected parts": {"content": 0.0},
        "no content at all": {"hop": 0.0, "content": 0.0},
        "projected parts count little": {"content": 0.5},
        "projected parts count more": {"content": 100.0},
        "all items take alike from neighbours": {"prior": None},
        "no item seen as if new": {"unmet": 0.0},
        "popular items not held back": {"item_power": 0.5},
        "popular items held back more": {"item_power": 0.85},
        "no hop over likes": {"layers": 0},
        "one hop over likes": {"layers": 1},
        "three hops over likes": {"layers": 3},
        "bpr and uniform": {"loss": "bpr", "sampler": "uniform", "cosine": False, "reg": 1e-4, **LONG},
        "softmax and uniform": {"sampler": "uniform", "negatives": 64},
        "popularity not taken off": {"log_q": 0.0},
        "temperature 0.15": {"temperature": 0.15},
        "temperature 0.2": {"temperature": 0.2},
        "temperature 0.3": {"temperature": 0.3},
        "narrower": {"dim": 32},
        "wider": {"dim": 128},
        "larger batches": {"batch_size": 2048, "lr": 2e-3},
    },
    "lightgcn": {"softmax": SOFTMAX},
    "mgcn": {"softmax": SOFTMAX},
    "freedom": {"softmax": SOFTMAX},
}
"""Model -> name of a variation -> what it sets otherwise."""


def settings_of(model: str, ground: str, variation: str = "") -> dict[str, Any]:
    """Return the settings of a model on a ground, as one of its variations where that is named."""
    chosen = SETTINGS.get(model, {})
    varied = ABLATIONS[model][variation] if variation and variation != SHUFFLED else {}
    return {**chosen.get("all", {}), **chosen.get(ground, {}), **varied}
