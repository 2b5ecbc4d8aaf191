"""On Amazon Baby as published: better than the published BPR, which is the first row of every table."""

import pytest

from palate.data import folder
from palate.data.sources import registry
from palate.data.split import split
from palate.evaluation import evaluate
from palate.models import ALS, BPR

PUBLISHED = {"recall@20": 0.0575, "ndcg@20": 0.0249}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("model", [ALS(), BPR()], ids=lambda model: model.name)
def test_the_published_figures_of_bpr_are_beaten_by_the_defaults(model, real_data, tmp_path):
    registry.get("mmrec")().read(real_data / "amazon-baby", tmp_path / "baby")
    parts = split(folder.load(tmp_path / "baby"), how="as-labelled")
    found = evaluate(model.fit(parts.train), parts, k=20, metrics=("recall", "ndcg"), resamples=10).metrics
    assert found["recall@20"] > 1.05 * PUBLISHED["recall@20"]
    assert found["ndcg@20"] > 1.05 * PUBLISHED["ndcg@20"]
