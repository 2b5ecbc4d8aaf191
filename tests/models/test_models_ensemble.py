from dataclasses import replace

import numpy as np
import pytest

from palate.core.errors import DataError
from palate.core.rng import generator
from palate.core.state import State
from palate.data.features import features_of
from palate.data.split import split
from palate.evaluation import evaluate
from palate.explain import reasons
from palate.fusion.late.borda import Borda
from palate.fusion.late.max import Max
from palate.fusion.late.reciprocal_rank import ReciprocalRank
from palate.fusion.late.stacking import Stacking
from palate.fusion.late.weighted_scores import WeightedScores
from palate.interfaces import Queries
from palate.linalg.topk import top_k
from palate.metrics import ndcg
from palate.models import ContentKNN, Ensemble, ItemKNN, Popularity


def members():
    return {"popular": Popularity(), "behaviour": ItemKNN(shrink=5), "content": ContentKNN()}


@pytest.fixture
def query(tiny):
    return Queries.of_users(tiny, np.array([1], np.int32))


@pytest.fixture
def late(tiny):
    return Ensemble(members(), WeightedScores(weights={"popular": 1, "behaviour": 2, "content": 3})).fit(tiny)


def test_the_score_is_the_fusion_of_the_members(late, tiny, query):
    alone = {name: member.fit(tiny).score(query) for name, member in members().items()}
    assert np.array_equal(late.score(query), late.combine.combine(alone), equal_nan=True)


def test_explanations_add_up_though_a_member_explains_nothing(late, query):
    scores = late.score(query)[0]
    for item in range(0, 30, 4):
        explanation = late.explain(query, item)
        assert sum(explanation.history.values()) == pytest.approx(scores[item], abs=1e-4)
        assert sum(explanation.parts.values()) == pytest.approx(scores[item], abs=1e-4)
        assert set(explanation.parts) - {"photo"} == {"behaviour", "popular", "title"}


def test_a_part_that_an_item_lacks_explains_nothing(tiny):
    absent = 3
    rng = np.random.default_rng(1)
    title, clip = rng.normal(size=(2, len(tiny.items), 4))
    clip[absent] = np.nan
    data = replace(tiny, features={"title": features_of(title), "clip": features_of(clip)})
    model = Ensemble({"content": ContentKNN(), "behaviour": ItemKNN()}).fit(data)
    explanation = model.explain(Queries.of_users(data, np.array([2], np.int32)), absent)
    assert set(explanation.parts) == {"title", "behaviour"}
    assert sum(explanation.parts.values()) == pytest.approx(explanation.score, rel=1e-4)


def test_some_items_are_scored_as_among_all(late, query):
    some = np.array([3, 9], np.int32)
    assert np.array_equal(late.score(query, some), late.score(query)[:, some])


def test_a_saved_one_goes_on(late, query, tiny, tmp_path):
    late.state().save(tmp_path, "late")
    again = Ensemble(members(), late.combine).load_state(State.load(tmp_path, "late"))
    again.remember(tiny.users, tiny.items, tiny.liked, tiny.seen)
    assert np.array_equal(again.score(query), late.score(query), equal_nan=True)
    assert again.members["content"].items == tiny.items


def test_the_spec_names_members_and_fusion(late):
    spec = late.spec()
    assert spec["members"]["behaviour"]["settings"]["shrink"] == 5
    assert spec["members"]["content"]["fusion"]["name"] == "concat"
    assert spec["late"] == {
        "name": "weighted-scores",
        "settings": {"weights": {"popular": 1, "behaviour": 2, "content": 3}},
    }


def test_somebody_must_score():
    with pytest.raises(DataError, match="at least one member"):
        Ensemble({})


def test_names_that_states_could_not_tell_apart_are_refused():
    with pytest.raises(DataError, match="a member was called 'a/b'"):
        Ensemble({"a": Ensemble({"b": ItemKNN()}), "a/b": ItemKNN(neighbours=3)})


@pytest.mark.parametrize(
    ("weights", "message"),
    [({"best": 1}, "name best and the members are popular"), ({"popular": 0}, "all weights are 0")],
)
def test_wrong_weights_are_refused_before_anything_is_fitted(tiny, weights, message):
    member = Popularity()
    with pytest.raises(DataError, match=message):
        Ensemble({"popular": member}, Borda(weights=weights)).fit(tiny)
    assert not hasattr(member, "counts")


@pytest.fixture
def halves(tiny):
    """A part that carries the groups, and one of noise."""
    noise = features_of(np.random.default_rng(4).normal(size=(len(tiny.items), 6)))
    return split(replace(tiny, features={"noise": noise, "title": tiny.features["title"]}), "random-per-user", seed=1)


def duo(**settings):
    return Ensemble({"good": ContentKNN(parts=("title",)), "noise": ContentKNN(parts=("noise",))}, **settings)


@pytest.mark.parametrize("late", [WeightedScores, Borda, ReciprocalRank, Stacking])
def test_validation_weighs_the_members_and_teaches_nothing_else(halves, late):
    model = duo()
    model = Ensemble(model.members, late()).fit(halves.train, halves.valid)
    weights = model.combine.config.weights
    assert weights["good"] > weights["noise"]
    alone = {name: member.fit(halves.train).state().fingerprint for name, member in duo().members.items()}
    assert {name: member.state().fingerprint for name, member in model.members.items()} == alone
    found = evaluate(model, halves, metrics=["ndcg"], on="valid").metrics["ndcg@20"]
    even = evaluate(
        Ensemble(duo().members, late(), weights="given").fit(halves.train), halves, metrics=["ndcg"], on="valid"
    )
    assert found > even.metrics["ndcg@20"]


def test_the_weights_reach_the_best_of_the_grid(halves):
    members = {name: member.fit(halves.train) for name, member in duo().members.items()}
    users = np.flatnonzero(np.diff(halves.valid.liked.indptr)).astype(np.int32)
    scores = {name: member.score(Queries.of_users(halves.train, users)) for name, member in members.items()}
    hidden, relevant = halves.train.seen[users], halves.valid.liked[users]

    def worth(weights):
        total = WeightedScores(weights=weights).combine(scores)
        total[hidden.tocoo().coords] = np.nan
        return np.nanmean(ndcg(top_k(total, 20).items, relevant, 20))

    chosen = WeightedScores().learned(scores, hidden, relevant, generator(0)).config.weights
    grid = [{"good": 1.0, "noise": factor} for factor in (0.0, 0.25, 0.5, 1.0)]
    assert worth(chosen) >= max(map(worth, grid)) - 1e-9


@pytest.mark.parametrize("late", [Max, Stacking])
def test_reasons_add_up_however_members_are_joined(halves, late):
    model = Ensemble({**duo().members, "likes": ItemKNN()}, late()).fit(halves.train, halves.valid)
    query = Queries.of_users(halves.train, np.array([4], np.int32))
    scores = model.score(query)[0]
    for item in range(0, 30, 4):
        explanation = model.explain(query, item)
        assert sum(explanation.history.values()) == pytest.approx(scores[item], abs=1e-4)
        assert sum(explanation.parts.values()) == pytest.approx(scores[item], abs=1e-4)


def test_what_a_stacking_puts_first_is_what_its_members_speak_for(halves):
    model = Ensemble(duo().members, Stacking()).fit(halves.train, halves.valid)
    assert model.combine.config.bias < -1
    some = np.arange(20, dtype=np.int32)
    ranked = model.rank(Queries.of_users(halves.train, some), 1, halves.train.seen[some])
    assert (ranked.scores > 0).all()
    for user, item in zip(some, ranked.items[:, 0], strict=True):
        query = Queries.of_users(halves.train, np.array([user]))
        said = reasons(model, query, int(item), halves.train.items, halves.train.catalogue)
        first = next(reason for reason in said if reason.kind == "part")
        assert first.amount > 0
        assert all(("against" in reason.text) == (reason.amount < 0) for reason in said if abs(reason.share) > 0.01)


def test_what_a_stacking_learned_is_in_its_spec_and_is_kept(halves):
    model = Ensemble(duo().members, Stacking()).fit(halves.train, halves.valid)
    told = model.spec()["late"]["settings"]
    assert told["weights"]["good"] > 0
    assert set(told["absent"]) == {"good", "noise"}
    assert told["bias"] < 0
    again = model.settled().fit(halves.refit().train, halves.valid)
    assert again.spec()["late"]["settings"] == told


def test_a_stacking_takes_its_draws_from_the_seed(halves):
    first, second = (Ensemble(duo().members, Stacking()).fit(halves.train, halves.valid) for _ in range(2))
    assert first.spec() == second.spec()


def test_a_max_has_nothing_to_learn(halves):
    assert Ensemble(duo().members, Max()).fit(halves.train, halves.valid).spec()["late"] == {
        "name": "max",
        "settings": {},
    }


def test_given_weights_are_kept(halves):
    given = duo(weights="given").fit(halves.train, halves.valid)
    assert given.combine.config.weights is None
    fusion = WeightedScores(weights={"good": 1, "noise": 5})
    assert Ensemble(duo().members, fusion).fit(halves.train, halves.valid).combine is fusion


def test_a_settled_one_keeps_what_validation_chose_and_learns_more(halves):
    model = duo().fit(halves.train, halves.valid)
    again = model.settled()
    assert not hasattr(again, "items")
    again.fit(halves.refit().train)
    assert again.combine.config.weights == model.combine.config.weights
    assert again.liked.nnz > model.liked.nnz
    assert model.members["good"].liked.nnz == model.liked.nnz
    assert model.fit(halves.train).combine.config.weights is None


@pytest.mark.parametrize("late", [WeightedScores, Stacking])
def test_few_users_choose_where_memory_is_short(halves, late):
    model = Ensemble(duo().members, late(), memory_limit_mb=1).fit(halves.train, halves.valid)
    assert model.combine.config.weights is not None
