"""What every registered recommender must do; a new one gets these tests for nothing."""

import functools

import numpy as np
import pytest

from palate.bundle.forget import OF_PEOPLE
from palate.core.errors import ConfigError, DataError
from palate.core.ids import IdMap
from palate.core.state import State
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions
from palate.interfaces import Explains, ItemVectors, Queries, Recommender, Rereads, Run
from palate.models import Ensemble, registry

USERS, ITEMS = 30, 25
COLD, BARE, VOID, LONELY = 22, 23, 24, 29
"""An item nobody met, one without features, one of which both are true, a user who did nothing."""
DEEP = {name for name in registry.names() if registry.get(name).extra == "deep"}
"""Models with a network: they learn a vector of each person and item that has likes."""
BY_LIKES = {*DEEP, "cease"} - {"two-tower"}
"""Models that score an item that has likes, though it lacks the parts that they read."""
SILENT = {"popularity", "mlp-ctr", "mmdfm"}
"""Models that tell no reasons; every other one must."""
TAUGHT = {"bm3"}
"""Models in which the parts teach, and do not make, an item's vector: they cannot place a new one."""


def board(features=True, likes=True):
    """Even users like even items, odd users odd ones, each all but a few of them; the features tell the colour."""
    rng = np.random.default_rng(0)
    pairs = [
        (user, item)
        for user in range(USERS)
        for item in range(ITEMS)
        if user % 2 == item % 2 and item not in (COLD, VOID) and user != LONELY and (user + item // 2) % 6 and likes
    ]
    user, item = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    colour = np.arange(ITEMS) % 2
    parts = {}
    for name, width in {"shape": 5, "sound": 3}.items():
        centre = rng.normal(size=(2, width))
        values = (centre[colour] + 0.05 * rng.normal(size=(ITEMS, width))).astype(np.float32)
        present = np.ones(ITEMS, bool)
        present[[BARE, VOID]] = False
        if name == "sound":
            present[4:7] = False
        values[~present] = np.nan
        parts[name] = FeatureTable(values, present, name)
    items = IdMap(f"i{code}" for code in range(ITEMS))
    rows = Interactions(user, item, np.ones(len(user), np.float32))
    return Dataset(
        IdMap(f"u{code}" for code in range(USERS)),
        items,
        rows,
        bare_catalogue(items),
        features=parts if features else {},
    )


class Together(Ensemble):
    """Many others scored together, one network among them, which stands for all: an ensemble must keep the contract too.

    Validation chooses no weights here."""

    def __init__(self):
        members = {name: quick(name)() for name in registry.names() if name not in {Ensemble.name, *DEEP} - {"umami"}}
        super().__init__(members, weights="given")


@functools.cache
def quick(name):
    """The model of that name; one with a network learns for a short time, and is not judged, as on so little data."""
    kind = registry.get(name)
    if name not in DEEP:
        return kind

    slowly = {"epochs": 100, "lr": 0.01}
    own = {"umami": {"late": 0.3}, "mmal": {"epochs": 40, "lr": 0.01}, "bm3": slowly, "vbpr": slowly}.get(name, {})
    calm = {"epochs": 50, "lr": 0.02, "judge_every": 999, **own}

    class Quick(kind):
        def __init__(self, config=None, /, **settings):
            super().__init__(config, **({} if config else {**calm, **settings}))

    return Quick


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in registry.names()], scope="module"
)
def kind(request):
    if request.param in DEEP:
        pytest.importorskip("torch")
    return Together if request.param == Ensemble.name else quick(request.param)


@pytest.fixture(scope="module")
def world():
    return board()


@pytest.fixture(scope="module")
def model(kind, world):
    return kind().fit(world, run=Run(seed=1))


def everyone(data):
    return Queries.of_users(data, np.arange(USERS, dtype=np.int32))


def personal(model):
    return model.name != "popularity"


def reads_content(model):
    return "features" in model.requires | model.accepts


def test_is_a_recommender(model):
    assert isinstance(model, Recommender)


def test_the_right_answer_is_obvious(model, world):
    if not personal(model):
        pytest.skip("popularity gives everyone the same list")
    ranked = model.rank(everyone(world), 1, world.seen)
    users = np.delete(np.arange(USERS), LONELY)
    assert (ranked.items[users, 0] % 2 == users % 2).all()


def test_scores_have_the_shape_and_type_promised(model, world):
    scores = model.score(everyone(world))
    assert scores.shape == (USERS, ITEMS)
    assert scores.dtype == np.float32
    assert not np.isinf(scores).any()


def test_a_batch_equals_one_by_one_in_any_company(model, world):
    whole = model.score(everyone(world))
    for code in (0, 7, LONELY):
        alone = model.score(Queries.of_users(world, np.array([code], np.int32)))
        assert np.allclose(alone[0], whole[code], atol=1e-5, equal_nan=True)
    turned = model.score(Queries.of_users(world, np.arange(USERS, dtype=np.int32)[::-1].copy()))
    assert np.allclose(turned[::-1], whole, atol=1e-5, equal_nan=True)


def test_scoring_leaves_the_question_alone(model, world):
    query = Queries.of_history([0, 2, BARE, COLD], ITEMS)
    before = query.history.toarray()
    first = model.score(query)
    assert np.array_equal(query.history.toarray(), before)
    assert np.array_equal(model.score(query), first, equal_nan=True)


def test_an_empty_batch_gives_no_rows(model, world):
    assert model.score(Queries.of_users(world, np.zeros(0, np.int32))).shape == (0, ITEMS)


def knows_people(model):
    return any(member.knows_people for member in getattr(model, "members", {"": model}).values())


def test_a_new_user_equals_a_known_one_with_the_same_history(model, world):
    if knows_people(model):
        pytest.skip("has a vector of each person")
    known = model.score(Queries.of_users(world, np.array([4], np.int32)))
    new = model.score(Queries.of_history(world.liked[[4]].indices.tolist(), ITEMS))
    assert np.allclose(new, known, atol=1e-6, equal_nan=True)


def test_a_new_user_gets_what_suits_the_history(model, world):
    if not personal(model):
        pytest.skip("popularity gives everyone the same list")
    for user in (4, 7):
        new = model.score(Queries.of_history(world.liked[[user]].indices.tolist(), ITEMS))[0]
        new[world.seen[[user]].indices] = np.nan
        assert np.nanargmax(new) % 2 == user % 2


def test_scoring_some_items_gives_the_columns_of_all(model, world):
    some = np.array([5, 0, BARE, COLD, 5], np.int32)
    assert np.allclose(
        model.score(everyone(world), some), model.score(everyone(world))[:, some], atol=1e-5, equal_nan=True
    )


def test_fitting_again_gives_the_same_and_forgets_what_was_before(kind, model, world):
    fewer = world.with_interactions(world.interactions.take(world.interactions.user < 20))
    again = kind().fit(fewer, run=Run(seed=1)).fit(board(), run=Run(seed=1))
    assert np.array_equal(again.score(everyone(world)), model.score(everyone(world)), equal_nan=True)


def test_training_never_learns_from_validation(kind, model, world):
    flipped = world.interactions
    wrong = Interactions(flipped.user[::-1].copy(), flipped.item, flipped.weight)
    other = kind().fit(world, world.with_interactions(wrong), Run(seed=1))
    assert np.array_equal(other.score(everyone(world)), model.score(everyone(world)), equal_nan=True)


def test_the_number_of_threads_does_not_matter(kind, model, world):
    alone = kind().fit(world, run=Run(seed=1, threads=1))
    assert np.allclose(alone.score(everyone(world)), model.score(everyone(world)), atol=1e-5, equal_nan=True)


def test_what_was_learned_survives_a_round_trip(kind, model, world, tmp_path):
    model.state().save(tmp_path, "model")
    again = kind().load_state(State.load(tmp_path, "model"))
    again.remember(model.users, model.items, model.liked, model.seen)
    queries = everyone(world)
    assert np.array_equal(again.score(queries), model.score(queries), equal_nan=True)
    assert again.recommend(["u3"], 5).equals(model.recommend(["u3"], 5))
    if isinstance(model, Explains):
        query = Queries.of_users(world, np.array([3], np.int32))
        assert vars(again.explain(query, 1)) == vars(model.explain(query, 1))


def test_what_it_knows_of_one_person_can_be_taken_out(model):
    of_people = {name for name, array in model.state().arrays.items() if USERS in array.shape}
    assert {name for name in of_people if name.rpartition("/")[2] not in OF_PEOPLE} == set()
    assert all(len(model.state().arrays[name]) == USERS for name in of_people)


def test_items_that_cannot_be_scored_are_nan(model, world):
    scores = model.score(everyone(world))
    known = np.delete(np.arange(USERS), LONELY)
    cold = (not reads_content(model) and model.name != "ensemble") or model.name in TAUGHT
    bare = "features" in model.requires and model.name not in BY_LIKES
    assert np.isnan(scores[known, COLD]).all() == cold
    assert np.isnan(scores[known, BARE]).all() == bare
    assert np.isnan(scores[:, VOID]).all()
    rest = np.delete(np.arange(ITEMS), [COLD, BARE, VOID])
    assert np.isfinite(scores[np.ix_(known, rest)]).all()


def test_a_user_without_history_cannot_be_scored(model, world):
    if not personal(model) or model.name == "ensemble":
        pytest.skip("popularity speaks to everyone")
    assert np.isnan(model.score(everyone(world))[LONELY]).all()
    assert np.isnan(model.score(Queries.of_history([], ITEMS))).all()
    nothing = BARE if "features" in model.requires and model.name not in BY_LIKES else VOID
    assert np.isnan(model.score(Queries.of_history([nothing], ITEMS))).all()


def test_a_dataset_without_what_is_required_is_refused(kind):
    with pytest.raises(DataError, match=r"likes|features"):
        kind().fit(board(features=False, likes=False))
    requires = kind.requires or {"features"}
    with pytest.raises(DataError, match=r"likes|features"):
        kind().fit(board(features="features" not in requires, likes="interactions" not in requires))


def test_an_unknown_setting_is_refused(kind):
    if kind is Together:
        pytest.skip("a late fusion takes objects, not settings")
    with pytest.raises(ConfigError, match="no setting 'colour'"):
        kind(colour=1)


def test_explanations_add_up(model, world):
    assert isinstance(model, Explains) == (model.name not in SILENT)
    if model.name in SILENT:
        pytest.skip("tells no reasons")
    for user in (0, 5):
        query = Queries.of_users(world, np.array([user], np.int32))
        scores = model.score(query)[0]
        liked = set(query.history.indices.tolist())
        for item in (0, 1, 5, 8):
            explanation = model.explain(query, item)
            assert explanation.score == pytest.approx(scores[item], abs=1e-5)
            assert explanation.own + sum(explanation.history.values()) == pytest.approx(scores[item], abs=1e-4)
            assert sum(explanation.parts.values()) == pytest.approx(scores[item], abs=1e-4)
            assert set(explanation.history) <= liked


def test_what_cannot_be_scored_is_explained_by_nothing(model, world):
    if model.name in {*SILENT, "ensemble"}:
        pytest.skip("tells no reasons, or popularity speaks to everyone")
    explanation = model.explain(Queries.of_users(world, np.array([LONELY], np.int32)), 0)
    assert np.isnan(explanation.score)
    assert not explanation.history
    assert not explanation.parts


def test_item_vectors_are_one_row_an_item(model):
    if not isinstance(model, ItemVectors):
        pytest.skip("places items in no space")
    vectors = model.item_vectors()
    assert len(vectors) == ITEMS
    assert not vectors.present[BARE]
    assert np.allclose(np.linalg.norm(vectors.values[vectors.present], axis=1), 1, atol=1e-5)


def test_other_parts_can_be_read_and_leave_the_model_as_it_was(model, world):
    if not isinstance(model, Rereads) or isinstance(model, Ensemble):
        pytest.skip(f"{model.name} cannot be shown other parts once it is fitted")
    before = model.score(everyone(world))
    assert np.array_equal(model.reading(world.item_parts()).score(everyone(world)), before, equal_nan=True)
    lost = np.zeros(ITEMS, bool)
    lost[[3, 8]] = True
    poorer = {name: table.dropped(lost) for name, table in world.item_parts().items()}
    scores = model.reading(poorer).score(everyone(world))
    assert np.isnan(scores[:, lost]).all()
    assert not np.isnan(scores[:LONELY, 0]).any()
    assert np.array_equal(model.score(everyone(world)), before, equal_nan=True)
