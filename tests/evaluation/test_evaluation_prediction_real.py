"""Ratings of films predicted: every model beats the mean, and content with levels beats levels alone."""

import pytest

from palate.data.folder import load
from palate.data.sources import registry
from palate.data.split import split
from palate.encoders.pipeline import encode
from palate.evaluation import evaluate_clicks, evaluate_ratings
from palate.models import MLPCTR, Logistic

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.xdist_group("evaluation_prediction_real")]


@pytest.fixture(scope="module")
def films(real_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("films") / "ml"
    registry.get("movielens")().read(real_data / "movielens-posters", folder)
    return split(encode(load(folder), title="tf-idf", genres="tf-idf"))


def test_ratings(films):
    found = {kind.name: evaluate_ratings(kind(target="rating").fit(films.train), films) for kind in (Logistic, MLPCTR)}
    said = {name: figures["rmse"] for name, figures in found["logistic"].baselines.items()}
    assert said["global mean"] == pytest.approx(1.042, abs=0.005)
    assert said["biased"] == pytest.approx(0.861, abs=0.005)
    assert found["logistic"].metrics["rmse"] < said["biased"]
    assert found["mlp-ctr"].metrics["rmse"] < said["biased"] + 0.01
    assert found["logistic"].pairs == len(films.test.interactions)


def test_clicks(films):
    found = evaluate_clicks(Logistic().fit(films.train), films)
    low, _ = found.intervals["auc"]
    assert low > found.baselines["popularity"]["auc"] + 0.005
    assert found.metrics["log-loss"] < found.baselines["popularity"]["log-loss"]
