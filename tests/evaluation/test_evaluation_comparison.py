"""Leaderboards: chosen by validation, judged by test, over seeds, with what failed."""

import json

import numpy as np
import pytest

from palate.core.config import Config
from palate.core.errors import ConfigError, DataError, MemoryLimitError, RequestError
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


def test_a_fault_in_one_model_costs_the_others_nothing(cut):
    class Faulty(Popularity):
        def _fit(self, train, valid, run):
            raise ZeroDivisionError("division\nby zero")

    found = compare(cut, each(faulty=Faulty, popularity=Popularity), k=5)
    assert found.failures == {"faulty": "a fault in the model: ZeroDivisionError: division by zero"}
    assert found.best == "popularity"


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


def test_a_random_model_is_no_fixed_one_where_only_figures_of_all_lists_are_asked_for(cut):
    found = compare(cut, each(alone=Alone), seeds=3, k=1, metrics=["coverage"])
    assert (found.trials["alone"].runs, found.trials["alone"].deterministic) == (3, False)
    assert found.trials["alone"].std["coverage@1"] > 0


class Alone(Popularity):
    """Random scores of each user, that follow the run's seed."""

    name = "alone"

    def _fit(self, train, valid, run):
        self.table = np.random.default_rng(run.seed).random(train.seen.shape).astype(np.float32)

    def score(self, queries, items=None):
        return self.table[queries.user]


class Shifted(Noise):
    """Noise under one given seed, whatever the run says."""

    def __init__(self, seed):
        super().__init__()
        self.own = seed

    def _fit(self, train, valid, run):
        self.counts = np.random.default_rng(self.own).random(len(train.items)).astype(np.float32)


def test_a_model_without_a_figure_is_never_the_best(cut):
    """LensKit's precision of lists that hold nothing is NaN."""
    found = compare(
        cut, each(mute=Mute, popularity=Popularity, noise=Noise), k=5, metrics=["precision"], compat="lenskit"
    )
    assert np.isnan(found.trials["mute"].valid.metrics[found.by])
    assert found.best == "popularity"
    assert found.order[-1] == "mute"
    assert found.hindsight != "mute"


class Mute(Popularity):
    """Scores nothing."""

    name = "mute"

    def score(self, queries, items=None):
        return np.full_like(super().score(queries, items), np.nan)


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


def test_every_pair_is_tested_and_corrected_together(cut):
    models = each(popularity=Popularity, noise=Noise, peek=Peek, twin=Popularity)
    found = compare(cut, models, k=5, pairs="all")
    pairs = [(test["model"], test["against"]) for test in found.tests]
    assert len(pairs) == len({frozenset(pair) for pair in pairs}) == 6
    assert pairs[0][0] == found.best == "peek"
    from palate.metrics import holm

    assert [test["p_holm"] for test in found.tests] == holm([test["p"] for test in found.tests])
    twins = next(test for test in found.tests if {test["model"], test["against"]} == {"popularity", "twin"})
    assert (twins["difference"], twins["interval"], twins["p"]) == (0, [0, 0], 1)
    assert found.to_json()["pairs"] == "all"
    assert "popularity against" in str(found)
    with pytest.raises(ConfigError, match="the pairs to test were 'some': allowed are best, all"):
        compare(cut, models, pairs="some")


def test_a_difference_has_an_interval_user_by_user(cut):
    test = compare(cut, each(popularity=Popularity, noise=Noise), k=5).tests[0]
    ours, theirs = (
        evaluate(kind().fit(cut.train), cut, 5, ("recall",)).per_user["recall@5"] for kind in (Popularity, Noise)
    )
    spread = 1.96 * (ours - theirs).std() / np.sqrt(len(ours))
    low, high = test["interval"]
    assert low <= test["difference"] <= high
    assert (high - low) == pytest.approx(2 * spread, rel=0.15)


def test_hindsight_is_told_and_chooses_nothing(cut):
    found = compare(cut, each(popularity=Popularity, peek=Peek), k=5)
    assert (found.best, found.hindsight) == ("peek", "popularity")
    assert "On test popularity is " in str(found)
    assert "hindsight" not in str(compare(cut, each(popularity=Popularity, twin=Popularity), k=5))


def test_validation_that_orders_otherwise_than_test_is_told(cut):
    from palate.evaluation._table import _ranks, rank_agreement

    assert _ranks(np.array([3.0, 1.0, 3.0, 7.0])).tolist() == [1.5, 0, 1.5, 3]
    same = compare(cut, each(a=Popularity, b=Noise, c=Popularity), k=5)
    assert rank_agreement(same) is None
    found = compare(cut, {"peek": lambda _: Peek(), **{f"n{s}": (lambda _, s=s: Shifted(s)) for s in range(5)}}, k=5)
    from scipy.stats import spearmanr

    rows = [found.trials[name] for name in found.trials]
    both = [[trial.valid.metrics["recall@5"] for trial in rows], [trial.test.metrics["recall@5"] for trial in rows]]
    assert rank_agreement(found) == pytest.approx(spearmanr(*both).statistic)
    told = f"(rank correlation {rank_agreement(found):.2f})" in " ".join(str(found).split())
    assert told == (rank_agreement(found) < 0.5)


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


def test_any_name_is_shown_as_it_is(cut):
    found = compare(cut, {"[/b]": lambda _: Popularity(), "[red]a|<i>": lambda _: Mute()}, k=5, metrics=["novelty"])
    assert "\n[/b]  " in str(found)
    assert "\n[red]a|<i>  " in str(found)
    assert "[nan nan]" not in str(found)
    lines = found.to_markdown().splitlines()
    assert lines[3].startswith("| [red]a\\|&lt;i> |")


@pytest.mark.parametrize(
    ("models", "seeds", "by", "sentence"),
    [({}, 1, None, "0 models and 1 seeds"), (1, 0, None, "0 seeds"), (1, 1, "recall@7", "did you mean 'recall@5'")],
)
def test_impossible_requests_are_refused(cut, models, seeds, by, sentence):
    with pytest.raises(ConfigError, match=sentence):
        compare(cut, each(popularity=Popularity) if models else {}, seeds, k=5, by=by)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"k": 100_000}, "^k was 100,000 and there are 30 items: give at most 100$"),
        ({"k": (5, 101)}, "^k was 101 and there are 30 items"),
        ({"candidates": "colt"}, "^the candidates were 'colt': allowed are all, warm, cold$"),
        ({"candidates": "cold"}, "^training met every item"),
    ],
)
def test_what_no_model_can_meet_is_refused_before_any_is_fitted(cut, asked, sentence):
    fitted = []

    class Spy(Popularity):
        def _fit(self, train, valid, run):
            fitted.append(len(train.interactions))

    with pytest.raises(RequestError, match=sentence):
        compare(cut, each(a=Spy, b=Spy), **{"k": 5, **asked})
    assert fitted == []


def test_another_metric_may_choose(cut):
    found = compare(cut, each(popularity=Popularity, noise=Noise), k=(5, 10), by="ndcg@5")
    assert found.by == "ndcg@5"
    assert found.tests[0]["metric"] == "ndcg@5"
