"""Leaderboards: chosen by validation, judged by test, over seeds, with what failed."""

import json

import numpy as np
import pytest

from palate.core.config import Config
from palate.core.errors import ConfigError, DataError, MemoryLimitError
from palate.data.split import split
from palate.evaluation import compare, evaluate
from palate.models import Model, Popularity


class Noise(Popularity):
    """Random scores that follow the run's seed."""

    name = "noise"

    def _fit(self, train, valid, run):
        self.counts = np.random.default_rng(run.seed).random(len(train.items)).astype(np.float32)


class Peek(Model[Config]):
    """Scores what validation holds: perfect there, by chance on test."""

    name = "peek"
    config_type = Config

    def _fit(self, train, valid, run):
        self.table = (train if valid is None else valid).liked.toarray()

    def score(self, queries, items=None):
        return self.table[queries.user].copy()


class Hungry(Popularity):
    def _fit(self, train, valid, run):
        raise MemoryLimitError("hungry would take 900 MB, more than 100 MB: take item-knn")


@pytest.fixture
def cut(tiny):
    return split(tiny)


def each(**models):
    return {name: (lambda seed, kind=kind: kind()) for name, kind in models.items()}


def test_validation_chooses_and_test_only_judges(cut):
    found = compare(cut, each(popularity=Popularity, peek=Peek), k=5)
    assert found.best == "peek"
    assert found.order == ["peek", "popularity"]
    assert found.trials["peek"].valid.metrics["recall@5"] == 1
    assert found.trials["peek"].test.metrics["recall@5"] < found.trials["popularity"].test.metrics["recall@5"]
    assert found.tests[0]["difference"] < 0
    assert isinstance(found.winner, Peek)


def test_the_figures_are_those_of_evaluate(cut):
    found = compare(cut, each(popularity=Popularity), k=5)
    alone = evaluate(Popularity().fit(cut.train), cut, k=5)
    row = found.rows[0]
    assert row["metrics"] == alone.metrics
    assert row["intervals"] == {name: list(bounds) for name, bounds in alone.intervals.items()}


def test_a_model_that_fails_is_a_row_with_the_reason(cut):
    found = compare(cut, each(hungry=Hungry, popularity=Popularity), k=5)
    assert [row["model"] for row in found.rows] == ["popularity", "hungry"]
    assert found.rows[1]["error"] == "hungry would take 900 MB, more than 100 MB: take item-knn"
    assert "hungry failed: hungry would take 900 MB" in str(found)
    with pytest.raises(DataError, match="no model could be judged: hungry: hungry would take 900 MB"):
        compare(cut, each(hungry=Hungry))


def test_random_models_run_every_seed_and_others_are_spared(cut):
    found = compare(cut, each(popularity=Popularity, noise=Noise), seeds=4, k=5)
    fixed, noise = found.trials["popularity"], found.trials["noise"]
    assert (fixed.runs, fixed.deterministic, set(fixed.std.values())) == (2, True, {0.0})
    assert (noise.runs, noise.deterministic) == (4, False)
    alone = [compare(cut, {"noise": lambda _, s=s: Shifted(s)}, k=5).rows[0]["metrics"]["recall@5"] for s in range(4)]
    assert noise.test.metrics["recall@5"] == pytest.approx(np.mean(alone))
    assert noise.std["recall@5"] == pytest.approx(np.std(alone, ddof=1))
    assert noise.test.per_user["recall@5"].mean() == pytest.approx(np.mean(alone))
    assert "the same with seeds 0 and 1, so not run again: popularity" in str(found)


class Shifted(Noise):
    """Noise under one given seed, whatever the run says."""

    def __init__(self, seed):
        super().__init__()
        self.own = seed

    def _fit(self, train, valid, run):
        self.counts = np.random.default_rng(self.own).random(len(train.items)).astype(np.float32)


def test_one_run_tells_no_deviation(cut):
    row = compare(cut, each(noise=Noise), k=5).rows[0]
    assert (row["std"], row["runs"], row["deterministic"]) == ({}, 1, None)


def test_refit_has_a_name_of_its_own(cut):
    seen = []

    class Spy(Popularity):
        def _fit(self, train, valid, run):
            seen.append((len(train.interactions), valid is None))
            super()._fit(train, valid, run)

    found = compare(cut, each(popularity=Spy), k=5, protocol="refit")
    n_train, n_valid = len(cut.train.interactions), len(cut.valid.interactions)
    assert seen == [(n_train, False), (n_train + n_valid, True)]
    assert found.best == "popularity (refit)"
    assert found.trials[found.best].valid.protocol == "strict"
    assert found.trials[found.best].test.protocol == "refit"
    assert "refit: fitted again on train + validation" in str(found)


def test_without_validation_nothing_is_chosen(cut):
    from dataclasses import replace

    empty = replace(cut, valid=cut.valid.with_interactions(cut.valid.interactions.take(np.zeros(0, int))))
    found = compare(empty, each(popularity=Popularity, noise=Noise), k=5)
    assert (found.best, found.winner, list(found.tests)) == (None, None, [])
    assert found.rows[0]["valid"] == {}
    assert "nothing was chosen" in str(found)


def test_the_tests_are_corrected_for_their_number(cut):
    found = compare(cut, each(popularity=Popularity, noise=Noise, peek=Peek), k=5)
    assert {test["against"] for test in found.tests} == {"popularity", "noise"}
    low, high = sorted(found.tests, key=lambda test: test["p"])
    assert low["p_holm"] == pytest.approx(min(1, 2 * low["p"]))
    assert high["p_holm"] == pytest.approx(max(low["p_holm"], high["p"]))
    assert all(test["significant"] == (test["p_holm"] < 0.05) for test in found.tests)


def test_json_has_the_promised_shape(cut):
    value = json.loads(json.dumps(compare(cut, each(popularity=Popularity, noise=Noise), seeds=2, k=5).to_json()))
    assert set(value) >= {"rows", "tests"}
    row = value["rows"][0]
    assert set(row) >= {"model", "metrics", "valid", "std", "seconds", "peak_mb"}
    assert set(row["seconds"]) == {"fit", "evaluate"}
    assert row["peak_mb"] >= 0


def test_the_table_fits_eighty_columns(cut):
    long_name = "a-model-with-quite-a-long-name-indeed"
    text = str(compare(cut, {**each(popularity=Popularity), long_name: lambda seed: Noise()}, seeds=2, k=(10, 20)))
    assert max(map(len, text.splitlines())) <= 80
    flat = "".join(line[:30].split(" ")[0] for line in text.splitlines())
    assert "popularity" in text
    assert "indeed" in flat


def test_markdown_marks_the_best(cut):
    lines = compare(cut, each(popularity=Popularity, noise=Noise), k=5).to_markdown().splitlines()
    assert lines[0].startswith("| model | valid recall@5 | test recall@5 | 95 % | test ndcg@5 |")
    assert lines[1].count("---") == lines[0].count("|") - 1
    assert lines[2].startswith("| **popularity** |")


@pytest.mark.parametrize(
    ("models", "seeds", "by", "sentence"),
    [({}, 1, None, "0 models and 1 seeds"), (1, 0, None, "0 seeds"), (1, 1, "recall@7", "did you mean 'recall@5'")],
)
def test_impossible_requests_are_refused(cut, models, seeds, by, sentence):
    with pytest.raises(ConfigError, match=sentence):
        compare(cut, each(popularity=Popularity) if models else {}, seeds, k=5, by=by)


def test_another_metric_may_choose(cut):
    found = compare(cut, each(popularity=Popularity, noise=Noise), k=(5, 10), by="ndcg@5")
    assert found.by == "ndcg@5"
    assert found.tests[0]["metric"] == "ndcg@5"
