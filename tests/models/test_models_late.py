import numpy as np
import pytest

from palate.core.errors import DataError
from palate.core.state import State
from palate.fusion.late.weighted_scores import WeightedScores
from palate.interfaces import Queries
from palate.models import ContentKNN, ItemKNN, Popularity
from palate.models._late import LateFused


def members():
    return {"popular": Popularity(), "behaviour": ItemKNN(shrink=5), "content": ContentKNN()}


@pytest.fixture
def query(tiny):
    return Queries.of_users(tiny, np.array([1], np.int32))


@pytest.fixture
def late(tiny):
    return LateFused(members(), WeightedScores(weights={"popular": 1, "behaviour": 2, "content": 3})).fit(tiny)


def test_the_score_is_the_fusion_of_the_members(late, tiny, query):
    alone = {name: member.fit(tiny).score(query) for name, member in members().items()}
    assert np.array_equal(late.score(query), late.combine.combine(alone), equal_nan=True)


def test_explanations_add_up_though_a_member_explains_nothing(late, query):
    scores = late.score(query)[0]
    for item in range(0, 30, 4):
        explanation = late.explain(query, item)
        assert sum(explanation.history.values()) == pytest.approx(scores[item], abs=1e-4)
        assert sum(explanation.parts.values()) == pytest.approx(scores[item], abs=1e-4)
        assert set(explanation.parts) == {"behaviour", "photo", "popular", "title"}


def test_some_items_are_scored_as_among_all(late, query):
    some = np.array([3, 9], np.int32)
    assert np.array_equal(late.score(query, some), late.score(query)[:, some])


def test_a_saved_one_goes_on(late, query, tiny, tmp_path):
    late.state().save(tmp_path, "late")
    again = LateFused(members(), late.combine).load_state(State.load(tmp_path, "late"))
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
        LateFused({})
