"""Figures that are known from elsewhere: if one moves, a definition has moved."""

import pytest

from palate.data import folder
from palate.data.sources import registry
from palate.data.split import split
from palate.evaluation import evaluate
from palate.models import EASE, SLIM, ItemKNN, Popularity, UserKNN

WITHIN = 5e-4
"""Ties and the order of sums can move a figure by 3e-4."""


@pytest.fixture(scope="module", params=["tiktok", "amazon-baby"])
def shelf(request, real_data, tmp_path_factory):
    """A data set as it was published, with its own split."""
    place = tmp_path_factory.mktemp("published") / request.param
    registry.get("mmrec")().read(real_data / request.param, place)
    return request.param, split(folder.load(place), how="as-labelled")


KNOWN = {
    "tiktok": [
        (Popularity(), 0.0597, 0.0255),
        (ItemKNN(shrink=300, user_power=0.5), 0.0928, 0.0403),
        (EASE(reg=50), 0.0884, 0.0398),
    ],
    "amazon-baby": [
        (ItemKNN(shrink=100, user_power=0.25), 0.0851, 0.0405),
        (UserKNN(shrink=1, item_power=0.1, neighbours=500), 0.0855, 0.0400),  # these two chosen on validation, and
        (SLIM(l1=0.5, reg=100), 0.0829, 0.0405),  # first measured here: they hold the definitions still
    ],
}


@pytest.mark.data
@pytest.mark.slow
def test_strict_figures_are_the_known_ones(shelf):
    # Strict masks what was met in training and nothing else: with validation items masked too, Baby gives .0854/.0409.
    name, parts = shelf
    for model, recall, ndcg in KNOWN[name]:
        found = evaluate(model.fit(parts.train), parts, k=20, metrics=("recall", "ndcg"), resamples=10).metrics
        assert found["recall@20"] == pytest.approx(recall, abs=WITHIN), model
        assert found["ndcg@20"] == pytest.approx(ndcg, abs=WITHIN), model
