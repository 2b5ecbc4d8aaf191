import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError
from palate.core.ids import IdMap
from palate.core.state import State
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.data.positive import Positive
from palate.fusion.concat import Concat
from palate.fusion.mean import Mean
from palate.fusion.weighted import Weighted
from palate.interfaces import Predicts, Queries, Run
from palate.linalg.unmet import draw_unmet
from palate.metrics import prediction
from palate.models import MLPCTR, Logistic
from palate.models._examples import Levels, Met, count_of_others, examples, left_out
from palate.models._pointwise import sigmoid

KINDS = [Logistic, MLPCTR]
FUSIONS = [Concat(), Weighted(weights={"title": 3, "photo": 1}), Mean(dim=6)]
USERS, ITEMS = 150, 120


def world(seed=0, dislikes=False, stars=False, shuffled=False):
    """Everyone has one of two tastes, and meets things at random; `picture` tells which are to their taste, `noise` nothing.

    Without dislikes the log holds the likes alone. Stars are 2 or, liked, 4, and 1 more from mild people.
    """
    rng = np.random.default_rng(seed)
    side = np.arange(ITEMS) % 2
    user = np.repeat(np.arange(USERS), 24)
    item = np.concatenate([rng.permutation(ITEMS)[:24] for _ in range(USERS)])
    fits = side[item] == user % 2
    mild = (user // 2) % 2
    weight = 2 + 2 * fits + mild if stars else np.where(fits, 1, -1)
    if not (dislikes or stars):
        user, item, weight = user[fits], item[fits], weight[fits]
    picture = np.eye(2)[side] + rng.normal(scale=0.1, size=(ITEMS, 2))
    if shuffled:
        picture = rng.permutation(picture)
    items = IdMap(f"i{code}" for code in range(ITEMS))
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), weight.astype(np.float32))
    parts = {"picture": features_of(picture), "noise": features_of(rng.normal(size=(ITEMS, 6)))}
    rule = Positive(rule="weight>=4" if stars else "weight>0")
    people = IdMap(f"u{code}" for code in range(USERS))
    return Dataset(people, items, rows, bare_catalogue(items), features=parts, positive=rule)


def halves(data, seed=1):
    chosen = np.random.default_rng(seed).random(len(data.interactions)) < 0.7
    return (data.with_interactions(data.interactions.take(part)) for part in (chosen, ~chosen))


def of_pairs(model, train, pairs):
    return model.predict(Queries.of_users(train, np.arange(USERS, dtype=np.int32)), pairs.user, pairs.item)


def likes_and_rest(train, rest):
    """The likes of `rest`, and as many items that are not to the user's taste."""
    user, item = rest.user[rest.weight > 0], rest.item[rest.weight > 0]
    other = (item + 1) % ITEMS
    pairs = Interactions(np.tile(user, 2), np.concatenate([item, other]), np.zeros(2 * len(user), np.float32))
    return pairs, np.repeat([1, 0], len(user))


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_picture_tells_and_without_it_nothing_does(kind):
    area = {}
    for shuffled in (False, True):
        train, rest = halves(world(shuffled=shuffled))
        pairs, truth = likes_and_rest(train, rest.interactions)
        model = kind().fit(train, run=Run(seed=0))
        area[shuffled] = prediction.auc(truth, of_pairs(model, train, pairs))
    assert area[False] > 0.95
    assert 0.4 < area[True] < 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_noise_beside_the_picture_hurts_little(kind):
    train, rest = halves(world())
    pairs, truth = likes_and_rest(train, rest.interactions)
    model = kind(parts=("picture",)).fit(train)
    both = kind().fit(train)
    alone = prediction.auc(truth, of_pairs(model, train, pairs))
    assert prediction.auc(truth, of_pairs(both, train, pairs)) > alone - 0.05


@pytest.mark.parametrize("negatives", [0, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_dislikes_teach_and_probabilities_are_of_what_is_met(kind, negatives):
    train, rest = halves(world(dislikes=True))
    model = kind(negatives=negatives).fit(train)
    truth = rest.interactions.weight > 0
    said = of_pairs(model, train, rest.interactions)
    assert prediction.auc(truth, said) > 0.9
    assert said.mean() == pytest.approx(truth.mean(), abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_without_dislikes_a_probability_is_among_a_like_and_its_negatives(kind):
    train, _ = halves(world(shuffled=True))
    model = kind(negatives=3).fit(train)
    free = draw_unmet(
        np.repeat(np.arange(USERS), 5), train.seen, np.arange(ITEMS, dtype=np.int32), np.random.default_rng(0)
    )
    pairs = Interactions(np.repeat(np.arange(USERS, dtype=np.int32), 5), free, np.zeros(len(free), np.float32))
    assert of_pairs(model, train, pairs).mean() == pytest.approx(1 / 4, abs=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_ratings_from_taste_and_level(kind):
    train, rest = halves(world(stars=True))
    model = kind(target="rating").fit(train)
    assert isinstance(model, Predicts)
    assert model.predicts == "rating"
    said = of_pairs(model, train, rest.interactions)
    assert said.min() >= 2
    assert said.max() <= 5
    # Level alone leaves the taste: 1 star either way. Mild people are only told by their level.
    assert prediction.rmse(rest.interactions.weight, said) < 0.35


@pytest.mark.parametrize("target", ["click", "rating"])
@pytest.mark.parametrize("kind", KINDS)
def test_lists_and_predictions_say_the_same_of_people_of_no_level(kind, target):
    train, _ = halves(world(stars=target == "rating"))
    model = kind(target=target).fit(train)
    new = Queries(train.liked[:7], np.full(7, -1, np.int32))
    rows, items = (grid.ravel().astype(np.int32) for grid in np.meshgrid(range(7), range(ITEMS), indexing="ij"))
    scores, said = model.score(new).astype(np.float64), model.predict(new, rows, items).reshape(7, ITEMS)
    raw = said if target == "rating" else np.log(said / (1 - said))
    between = (said > 2.01) & (said < 4.99) if target == "rating" else (said > 0.01) & (said < 0.99)
    assert between.any(axis=1).all()
    # A row has one offset: what is the same for all items of a person.
    offset = np.nanmedian(np.where(between, raw - scores, np.nan), axis=1)[:, None]
    told = np.clip(scores + offset, *model.bounds) if target == "rating" else sigmoid(scores + offset)
    assert said == pytest.approx(told, abs=1e-4)
    assert kind is Logistic or offset == pytest.approx(np.zeros((7, 1)), abs=1e-3)


@pytest.mark.parametrize("fusion", FUSIONS, ids=lambda fusion: fusion.name)
def test_explanations_add_up_under_every_fusion(tiny, fusion):
    model = Logistic(fusion=fusion).fit(tiny)
    scores = model.score(Queries.of_users(tiny, np.arange(40, dtype=np.int32)))
    for user in (0, 11):
        query = Queries.of_users(tiny, np.array([user], np.int32))
        for item in (0, 2, 7, 21):
            explanation = model.explain(query, item)
            assert explanation.score == pytest.approx(scores[user, item], abs=1e-4)
            assert sum(explanation.history.values()) == pytest.approx(scores[user, item], abs=1e-4)
            assert sum(explanation.parts.values()) == pytest.approx(scores[user, item], abs=1e-4)
            assert set(explanation.parts) == {"title", "photo", "behaviour"}
    assert model.explain(query, 7).parts["photo"] == 0


def test_the_part_that_tells_is_the_reason():
    train, _ = halves(world())
    model = Logistic().fit(train)
    query = Queries.of_users(train, np.array([0], np.int32))
    best = int(np.nanargmax(model.score(query)[0]))
    parts = model.explain(query, best).parts
    assert max(parts, key=parts.get) == "picture"


@pytest.mark.parametrize("target", ["click", "rating"])
@pytest.mark.parametrize("kind", KINDS)
def test_predictions_survive_a_round_trip(tmp_path, kind, target):
    train, rest = halves(world(stars=True))
    model = kind(target=target).fit(train)
    model.state().save(tmp_path, "model")
    again = kind(target=target).load_state(State.load(tmp_path, "model"))
    again.remember(model.users, model.items, model.liked, model.seen)
    assert np.array_equal(of_pairs(again, train, rest.interactions), of_pairs(model, train, rest.interactions))


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_predicted_is_nan(tiny, kind):
    model = kind().fit(tiny.without_features("title"))
    new = Queries.of_history([1, 2], 30)
    said = model.predict(new, np.zeros(3, np.int32), np.array([7, 8, 9], np.int32))
    assert np.isnan(said).tolist() == [True, False, False]
    assert np.isnan(model.predict(Queries.of_history([7], 30), np.zeros(1, np.int32), np.ones(1, np.int32))).all()
    assert model.predict(new, np.zeros(0, np.int32), np.zeros(0, np.int32)).shape == (0,)


@pytest.mark.parametrize("kind", KINDS)
def test_fused_vectors_wider_than_dim_are_reduced(tiny, kind):
    model = kind(dim=4).fit(tiny)
    assert model.basis.shape == (13, 4)
    assert np.allclose(model.basis.T @ model.basis, np.eye(4), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"target": "rating"}, DataError, "every weight in the training data is 1; set target=click"),
        ({"negatives": 0}, DataError, "hold no dislikes and negatives is 0; set negatives=4"),
        ({"target": "stars"}, ConfigError, "setting 'target' was 'stars'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_learned_is_refused(tiny, kind, settings, error, sentence):
    with pytest.raises(error, match=sentence):
        kind(**settings).fit(tiny)


def test_one_like_each_is_nothing_to_learn_from(tiny):
    first = np.unique(tiny.interactions.user, return_index=True)[1]
    with pytest.raises(DataError, match="users who liked two items"):
        Logistic().fit(tiny.with_interactions(tiny.interactions.take(first)))


def rated(rows):
    user, item, weight = (np.array(column) for column in zip(*rows, strict=True))
    items = IdMap("abc")
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), weight.astype(np.float32))
    return Dataset(IdMap("uvw"), items, rows, bare_catalogue(items))


def test_levels_and_what_an_example_leaves_out_by_hand():
    data = rated([(0, 0, 5), (0, 1, 3), (1, 0, 4), (1, 2, 2), (2, 1, 1)])
    met = Met.of(data, "rating")
    levels = Levels.of(met, 3, 3, 1.0)
    assert levels.mean == 3
    assert levels.items == pytest.approx([3 / 3, -2 / 3, -1 / 2])
    # What is left of u's 5 and 3: 5 - 3 - 1 = 1 and 3 - 3 + 2/3 = 2/3.
    assert levels.users == pytest.approx([(1 + 2 / 3) / 3, (0 - 1 / 2) / 3, (-2 + 2 / 3) / 2])
    some = examples(data, met, np.ones(3, bool), "rating", 4, 1000, np.random.default_rng(0))
    assert some.truth.tolist() == [5, 3, 4, 2, 1]
    assert some.without.tolist() == some.item.tolist() == [0, 1, 0, 2, 1]
    item, user = left_out(levels, met, some)
    assert item == pytest.approx([1 / 2, -2 / 2, 2 / 2, 0, 0])
    assert user == pytest.approx([(2 / 3) / 2, 1 / 2, -1 / 4, 0, 0])
    assert count_of_others(np.array([2, 2, 1]), met, some).tolist() == [1, 1, 1, 0, 1]


def test_every_example_of_a_like_asks_without_it():
    data = world(dislikes=True)
    met = Met.of(data, "click")
    some = examples(data, met, np.ones(ITEMS, bool), "click", 2, 10**6, np.random.default_rng(0))
    likes, dislikes = met.liked.sum(), (~met.liked).sum()
    assert (some.truth == 1).sum() == likes
    assert (some.truth == 0).sum() == dislikes + 2 * likes
    pairs = data.liked.toarray() > 0
    assert pairs[some.user, some.without].all()
    assert (some.without == some.item)[some.truth == 1].all()
    sampled = ~some.known
    assert not (data.seen.toarray() > 0)[some.user, some.item][sampled].any()
    assert (met.item[some.own] == some.without)[sampled].all()


def test_a_bound_on_the_pairs_is_kept():
    data = world(dislikes=True)
    met = Met.of(data, "click")
    some = examples(data, met, np.ones(ITEMS, bool), "click", 4, 500, np.random.default_rng(0))
    assert 400 < len(some.user) < 600
    assert set(some.truth.tolist()) == {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_dislikes_that_cannot_be_asked_about_do_not_matter(kind):
    """The one dislike is of a user who likes nothing, so that no example of it is left to calibrate by."""
    data = world()
    user = np.append(data.interactions.user[data.interactions.user > 0], np.int32(0))
    item = np.append(data.interactions.item[data.interactions.user > 0], np.int32(3))
    weight = np.ones(len(user), np.float32)
    weight[-1] = -1
    model = kind().fit(data.with_interactions(Interactions(user, item, weight)))
    assert model.calibration.tolist() == [1, 0, 0, 0, 0, 0, 0]
