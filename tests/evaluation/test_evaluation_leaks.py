"""Nothing of the test part reaches training or the choice of a model."""

from dataclasses import replace

import numpy as np
import pytest

from palate.data.interactions import Interactions
from palate.data.split import Split, split
from palate.evaluation import compare, evaluate
from palate.models import Popularity


def other_test(cut: Split, seed: int) -> Split:
    """The same split with other items in the test part."""
    log = cut.test.interactions
    item = np.random.default_rng(seed).integers(len(cut.test.items), size=len(log)).astype(np.int32)
    return replace(cut, test=cut.test.with_interactions(Interactions(log.user, item, log.weight, log.time)))


class Spy(Popularity):
    """Notes every dataset and history that it is given."""

    given: list = []  # noqa: RUF012
    asked: list = []  # noqa: RUF012

    def fit(self, train, valid=None, run=None):
        Spy.given += [part for part in (train, valid) if part is not None]
        return super().fit(train, valid, run)

    def score(self, queries, items=None):
        Spy.asked.append(queries)
        return super().score(queries, items)


@pytest.mark.parametrize("protocol", ["strict", "refit"])
def test_shuffling_the_test_part_changes_nothing_in_training_nor_in_the_choice(tiny, protocol):
    cut = split(tiny)
    models = {"popularity": lambda _: Popularity()}
    first = compare(cut, models, k=5, protocol=protocol)
    second = compare(other_test(cut, 1), models, k=5, protocol=protocol)
    (name,) = first.trials
    assert first.winner.state().fingerprint == second.winner.state().fingerprint
    assert first.rows[0]["valid"] == second.rows[0]["valid"]
    assert np.array_equal(first.trials[name].valid.per_user["ndcg@5"], second.trials[name].valid.per_user["ndcg@5"])
    assert first.best == second.best
    assert first.rows[0]["metrics"]["recall@5"] != second.rows[0]["metrics"]["recall@5"]


def test_shuffling_validation_does_not_change_what_is_fitted(tiny):
    cut = split(tiny)
    swapped = replace(cut, valid=other_test(replace(cut, test=cut.valid), 2).test)
    first, second = (compare(each, {"popularity": lambda _: Popularity()}, k=5) for each in (cut, swapped))
    assert first.winner.state().fingerprint == second.winner.state().fingerprint
    assert first.rows[0]["metrics"] == second.rows[0]["metrics"]


@pytest.mark.parametrize("protocol", ["strict", "refit"])
def test_a_model_is_never_given_a_test_pair(tiny, protocol):
    cut = split(tiny)
    Spy.given, Spy.asked = [], []
    compare(cut, {"spy": lambda _: Spy()}, k=5, protocol=protocol)
    hidden = cut.test.seen
    assert len(Spy.given) == {"strict": 2, "refit": 3}[protocol]
    assert all(data.seen.multiply(hidden).nnz == 0 for data in Spy.given)
    assert all(asked.history.multiply(hidden[asked.user]).nnz == 0 for asked in Spy.asked)


def test_other_orders_of_the_same_test_part_give_the_same_figures(tiny):
    cut = split(tiny)
    order = np.random.default_rng(0).permutation(len(cut.test.interactions))
    turned = replace(cut, test=cut.test.with_interactions(cut.test.interactions.take(order)))
    model = Popularity().fit(cut.train)
    assert evaluate(model, cut, k=5).metrics == evaluate(model, turned, k=5).metrics


def test_the_truth_scores_one_and_its_opposite_nothing(tiny):
    cut = split(tiny)
    truth = cut.test.liked.toarray()

    class Oracle(Popularity):
        sign = 1

        def score(self, queries, items=None):
            return self.sign * truth[queries.user]

    model = Oracle().fit(cut.train)
    best = evaluate(model, cut, k=5, metrics=["recall", "ndcg", "map", "mrr", "hit-rate", "auc"])
    assert best.metrics == pytest.approx(dict.fromkeys(best.metrics, 1.0))
    model.sign = -1
    worst = evaluate(model, cut, k=5, metrics=["recall", "ndcg", "auc"])
    assert worst.metrics == pytest.approx(dict.fromkeys(worst.metrics, 0.0))
