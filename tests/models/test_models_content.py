import numpy as np
import pytest

from palate.bundle import Bundle, Recipe, refit, train
from palate.core.errors import ConfigError, DataError
from palate.core.state import State
from palate.data.features import features_of
from palate.data.folder import load, save
from palate.data.split import split
from palate.fusion.concat import Concat
from palate.fusion.hybrid import Hybrid
from palate.fusion.mean import Mean
from palate.fusion.sum import Sum
from palate.fusion.vote_selection import VoteSelection
from palate.fusion.weighted import Weighted
from palate.interfaces import Queries, Run
from palate.models import ContentKNN, Logistic, VectorSpace

KINDS = [VectorSpace, ContentKNN]
FUSIONS = [Concat(), Weighted(weights={"title": 3, "photo": 1}), Mean(dim=6), Sum(), VoteSelection(keep=0.5), Hybrid()]


def everyone(data):
    return Queries.of_users(data, np.arange(len(data.users), dtype=np.int32))


@pytest.mark.parametrize("fusion", FUSIONS, ids=lambda fusion: fusion.name)
@pytest.mark.parametrize("kind", KINDS)
def test_explanations_add_up_under_every_fusion(tiny, kind, fusion):
    model = kind(fusion=fusion).fit(tiny)
    scores = model.score(everyone(tiny))
    for user in (0, 11):
        query = Queries.of_users(tiny, np.array([user], np.int32))
        for item in (0, 2, 7, 21):
            explanation = model.explain(query, item)
            assert explanation.score == pytest.approx(scores[user, item], abs=1e-5)
            assert sum(explanation.history.values()) == pytest.approx(scores[user, item], abs=1e-4)
            assert sum(explanation.parts.values()) == pytest.approx(scores[user, item], abs=1e-4)
            assert set(explanation.parts) == {"title", "photo"}


@pytest.mark.parametrize("fusion", FUSIONS, ids=lambda fusion: fusion.name)
@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_brings_its_own_fusion(tiny, tmp_path, kind, fusion):
    model = kind(fusion=fusion).fit(tiny, run=Run(seed=4))
    model.state().save(tmp_path, "model")
    again = kind().load_state(State.load(tmp_path, "model"))
    again.remember(tiny.users, tiny.items, tiny.liked, tiny.seen)
    assert again.spec()["fusion"] == {"name": fusion.name, "settings": fusion.config.model_dump(mode="json")}
    assert np.array_equal(again.score(everyone(tiny)), model.score(everyone(tiny)), equal_nan=True)
    assert np.array_equal(again.item_vectors().values, model.item_vectors().values)


def test_shares_tell_which_part_carries_the_taste(tiny):
    model = VectorSpace().fit(tiny)
    query = Queries.of_users(tiny, np.array([0], np.int32))
    best = int(np.nanargmax(model.score(query)[0]))
    parts = model.explain(query, best).parts
    assert parts["title"] > parts["photo"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_catalogue_without_interactions_serves_new_people(tiny, kind):
    nobody = tiny.with_interactions(tiny.interactions.take(np.zeros(0, np.int64)))
    model = kind(parts=("title",)).fit(nobody)
    ranked = model.rank(Queries.of_history([0, 3], len(tiny.items)), 5, Queries.of_history([0, 3], 30).history)
    assert (ranked.items % 3 == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_parts_that_cannot_be_used_are_refused(tiny, kind):
    with pytest.raises(DataError, match=r"'titel': did you mean 'title'"):
        kind(parts=("titel",)).fit(tiny)
    people = tiny.with_features(face=features_of(np.ones((40, 2)), of="users"))
    with pytest.raises(DataError, match="'face' is of users"):
        kind(parts=("face",)).fit(people)
    empty = tiny.with_features(photo=features_of(np.full((30, 5), np.nan)))
    with pytest.raises(DataError, match="no item has any of the parts photo"):
        kind(parts=("photo",)).fit(empty)


def test_two_models_share_no_fusion(tiny):
    first, second = VectorSpace(), VectorSpace()
    assert first.fusion is not second.fusion


@pytest.mark.parametrize("kind", KINDS)
def test_models_may_be_given_the_same_fusion(tiny, kind):
    fusion = Weighted()
    first = kind(parts=("title",), fusion=fusion).fit(tiny)
    before = first.state().fingerprint
    kind(parts=("photo",), fusion=fusion).fit(tiny)
    assert first.state().fingerprint == before
    assert set(first.explain(Queries.of_users(tiny, np.array([0], np.int32)), 3).parts) == {"title"}


@pytest.mark.parametrize("kind", [*KINDS, Logistic])
def test_validation_weighs_the_parts_and_a_settled_model_keeps_the_weights(tiny, kind):
    cut = split(tiny, "random-per-user", seed=1)
    model = kind(fusion=Weighted(by="validation")).fit(cut.train, cut.valid)
    again = model.settled()
    assert not hasattr(again, "items")
    again.fit(cut.refit().train)
    assert again.fusion.weights == pytest.approx(model.fusion.weights)
    with pytest.raises(ConfigError, match="need a validation part"):
        kind(fusion=Weighted(by="validation")).fit(cut.train)


def test_weights_by_validation_go_through_bundle_and_refit(tiny, tmp_path):
    save(tiny, tmp_path / "ds")
    recipe = Recipe(model="vector-space", fuse="weighted", fuse_settings={"by": "validation"}, protocol="refit")
    trained = train(load(tmp_path / "ds"), recipe)
    bundle = Bundle.open(trained.bundle().save(tmp_path / "b"))
    weights = trained.model.fusion.weights
    assert bundle.model.fusion.weights == weights
    assert refit(bundle).model.fusion.weights == pytest.approx(weights)
