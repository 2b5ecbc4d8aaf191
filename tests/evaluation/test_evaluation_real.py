"""The figures that this protocol is known to give on public data."""

import pytest

from palate.core.memory import PeakMemory
from palate.data.folder import load
from palate.data.sources import registry
from palate.data.split import split
from palate.evaluation import compare, evaluate
from palate.models import ItemKNN, Popularity

pytestmark = [pytest.mark.data, pytest.mark.xdist_group("evaluation_real")]


@pytest.fixture(scope="module")
def cut(real_data, tmp_path_factory):
    def of(name):
        folder = tmp_path_factory.mktemp("real") / name
        registry.get("mmrec")().read(real_data / name, folder)
        return split(load(folder), "as-labelled")

    return of


@pytest.fixture(scope="module")
def tiktok(cut):
    return cut("tiktok")


def figures(found):
    return [found.metrics["recall@20"], found.metrics["ndcg@20"]]


def test_tiktok_strict(tiktok):
    models = {"popularity": lambda _: Popularity(), "item-knn": lambda _: ItemKNN(shrink=300, user_power=0.5)}
    found = compare(tiktok, models)
    assert figures(found.trials["item-knn"].test) == pytest.approx([0.0928, 0.0403], abs=5e-4)
    assert figures(found.trials["popularity"].test) == pytest.approx([0.0597, 0.0255], abs=5e-4)
    assert (found.best, found.trials["item-knn"].test.users) == ("item-knn", 6130)
    assert found.tests[0]["significant"]


def test_baby_strict_within_the_memory_budget(cut):
    baby = cut("amazon-baby")
    model = ItemKNN(shrink=100, user_power=0.25).fit(baby.train)
    with PeakMemory() as memory:
        found = evaluate(model, baby, memory_mb=64)
    assert figures(found) == pytest.approx([0.0851, 0.0405], abs=5e-4)
    assert memory.peak_mb < 64 + 60
