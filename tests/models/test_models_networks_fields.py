"""Networks with several tasks: each against its equations written out pair by pair, what they foretell, and why."""

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from networks import everyone, linear, shop, taste_for_content, weights  # noqa: E402
from palate.core.errors import ConfigError, DataError, RequestError  # noqa: E402
from palate.core.ids import IdMap  # noqa: E402
from palate.core.state import State  # noqa: E402
from palate.data.dataset import Dataset, bare_catalogue  # noqa: E402
from palate.data.features import FeatureTable, features_of  # noqa: E402
from palate.data.interactions import Interactions  # noqa: E402
from palate.data.positive import Positive  # noqa: E402
from palate.interfaces import Explains, Predicts, Queries, Run  # noqa: E402
from palate.metrics import prediction  # noqa: E402
from palate.models import registry  # noqa: E402
from palate.training.batches import Batches  # noqa: E402
from palate.training.loop import Redraws, Tempers  # noqa: E402
from palate.training.samplers import registry as samplers  # noqa: E402

pytestmark = pytest.mark.torch
MODELS = ["mmal", "mmdfm"]
FAST = {"dim": 8, "lr": 0.02, "batch_size": 256, "judge_every": 999}


def built(name, data, **settings):
    """A network whose every weight is drawn, so that none hides behind a 0."""
    network = registry.get(name)(**{"dim": 5, **settings})._network(data, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    drawn = {
        key: (array + 0.3 * rng.normal(size=array.shape)).astype(np.float32)
        for key, array in network.weights.arrays().items()
    }
    network.weights.load(drawn)
    network.begin_epoch(np.random.default_rng(5))
    return network, weights(network)


def fields(network, learned):
    """The own vector of each item and its projected parts, 0 where missing, and what each says first."""
    there = network.there.numpy().T
    rows, first = [learned["things"] * there[0][:, None]], [learned["first"] * there[0][:, None]]
    for present, (name, value) in zip(there[1:], network.values.items(), strict=True):
        rows.append(np.where(present[:, None], linear(learned, f"map {name}", value.numpy().astype(np.float64)), 0))
        first.append(np.where(present[:, None], linear(learned, f"first {name}", value.numpy().astype(np.float64)), 0))
    return rows, first, there


def liked_by(data):
    return [np.flatnonzero(row) for row in data.liked.toarray()]


def dense_mmdfm(network, learned, data):
    rows, first, _ = fields(network, learned)
    joint, parts = sum(rows), list(network.values)
    scores = np.zeros((len(data.users), len(data.items)))
    for user, liked in enumerate(liked_by(data)):
        person = learned["people"][user]
        if len(liked):
            person = person + linear(learned, "turn", joint[liked].sum(0) / np.sqrt(len(liked)))
        for item in range(len(data.items)):
            all_fields = [person, *(row[item] for row in rows)]
            products = sum(all_fields[a] * all_fields[b] for a in range(len(all_fields)) for b in range(a))
            hidden = linear(learned, "enter person", person) + linear(learned, "enter item", rows[0][item])
            hidden = hidden + sum(
                linear(learned, f"enter part {n}", row[item]) for n, row in zip(parts, rows[1:], strict=True)
            )
            hidden = np.maximum(linear(learned, "layer 0", np.maximum(hidden, 0)), 0)
            known = np.concatenate([products, hidden])
            scores[user, item] = linear(learned, "head ranking", known)[0] + sum(f[item, 0] for f in first)
    return scores


def dense_mmal(network, learned, data):
    rows, first, there = fields(network, learned)
    joint = sum(rows) / np.maximum(there.sum(0), 1)[:, None]
    scores = np.zeros((len(data.users), len(data.items)))
    for user, liked in enumerate(liked_by(data)):
        wants = learned["wants"][user]
        if len(liked):
            wants = wants + linear(learned, "turn", joint[liked].sum(0) / np.sqrt(len(liked)))
        for item in range(len(data.items)):
            if not there[:, item].any():
                continue
            steep = np.exp(
                [
                    wants @ (linear(learned, "key", row[item]) + kind)
                    for row, kind in zip(rows, learned["kinds"], strict=True)
                ]
            )
            share = steep * there[:, item] / (steep * there[:, item]).sum()
            looks = sum(weight * row[item] for weight, row in zip(share, rows, strict=True))
            taste = learned["people"][user]
            if len(liked):
                sees = linear(learned, "sees", joint)
                cosines = [
                    sees[like] @ sees[item] / np.linalg.norm(sees[like]) / np.linalg.norm(sees[item]) for like in liked
                ]
                heard = np.exp(np.exp(learned["log_sharpness"]) * cosines)
                taste = taste + (heard / heard.sum()) @ linear(learned, "tells", joint[liked])
            scores[user, item] = linear(learned, "head ranking", taste * looks)[0] + sum(f[item, 0] for f in first)
    return scores


@pytest.mark.parametrize(("name", "dense"), [("mmdfm", dense_mmdfm), ("mmal", dense_mmal)])
def test_scores_are_those_of_the_equations(name, dense):
    data = shop()
    network, learned = built(name, data, **({"layers": (6, 4)} if name == "mmdfm" else {}))
    found = network.scorer()(np.arange(12, dtype=np.int32))
    can = np.isfinite(found)
    assert np.array_equal(can.any(axis=1), np.diff(data.liked.indptr) > 0)
    assert np.array_equal(can.any(axis=0), network.placed)
    np.testing.assert_allclose(found[can], dense(network, learned, data)[can], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_like_is_learned_from_the_history_without_it(name):
    """What the network makes of a batch is what it will say to the same people before they liked the item."""
    data = shop(users=30, items=20)
    network, _ = built(name, data)
    batch = next(Batches(data.liked, samplers.get("uniform")(count=3), 64).epoch(np.random.default_rng(0)))
    users, liked, others = (torch.from_numpy(c).long() for c in (batch.users, batch.items, batch.others.items))
    asked = torch.cat([liked[:, None], others], 1)
    with torch.no_grad():
        sides = network.sides(network.there)
        known = network.pairs(network.read(sides), users, asked, liked, None)
        said = network.told("ranking", known, sides.first.sum(0), asked).numpy()
    before = data.liked[batch.users].tolil()
    before[np.arange(len(batch)), batch.items] = 0
    scores = network.frozen().score(Queries(sp.csr_array(before), batch.users), None)
    expected = np.take_along_axis(scores, asked.numpy(), 1)
    can = np.isfinite(expected)
    assert can.mean() > 0.8
    np.testing.assert_allclose(said[can], expected[can], rtol=1e-4, atol=1e-4)


def test_long_histories_are_looked_at_in_part_and_drawn_anew():
    data = shop(users=6, items=40, likes=0.6)
    network, _ = built("mmal", data, longest=4)
    users, without = torch.arange(6), torch.full((6,), -1)
    seen = []
    for seed in range(40):
        network.begin_epoch(np.random.default_rng(seed))
        liked, counts = network.histories(users, without)
        assert counts.all()
        assert liked.shape == (6, 4)
        assert data.liked.toarray()[users.numpy()[:, None], liked.numpy()].all()
        seen.append(liked.numpy())
    assert {item for drawn in seen for item in drawn[0].tolist()} == set(data.liked[[0]].indices.tolist())


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_new_items_are_found_by_their_parts_and_not_by_others(name, shuffled):
    data, colour = taste_for_content(shuffled=shuffled)
    model = registry.get(name)(epochs=25, **FAST).fit(data, run=Run(seed=1))
    best = 40 + model.score(everyone(data))[:, 40:].argmax(axis=1)
    right = float((colour[best] == np.arange(80) % 4).mean())
    assert right < 0.6 if shuffled else right > 0.9


@pytest.mark.parametrize(("loss", "sampler"), [("bce", "uniform"), ("bpr", "hard"), ("sampled-softmax", "in-batch")])
@pytest.mark.parametrize("name", MODELS)
def test_points_and_comparisons_teach_under_any_sampler(name, loss, sampler):
    data, _ = taste_for_content()
    settings = {**FAST, "batch_size": 64 if sampler == "in-batch" else 256}
    model = registry.get(name)(loss=loss, sampler=sampler, epochs=12, **settings).fit(data, run=Run(seed=0))
    ranked = model.rank(everyone(data), 3, data.seen)
    assert (ranked.items % 4 == (np.arange(80) % 4)[:, None]).mean() > 0.75


@pytest.mark.parametrize("name", MODELS)
def test_a_loss_of_vectors_is_refused(name):
    with pytest.raises(ConfigError, match="compares vectors, and this model has none"):
        registry.get(name)(loss="alignment", epochs=1).fit(shop())


def world(stars=False, dislikes=False, shuffled=False, seed=0):
    """Half of the things are to anyone's taste, which `picture` tells and `noise` does not; mild people give a star more."""
    rng = np.random.default_rng(seed)
    users, items = 60, 50
    side = np.arange(items) % 2
    user = np.repeat(np.arange(users), 20)
    item = np.concatenate([rng.permutation(items)[:20] for _ in range(users)])
    fits = side[item] == user % 2
    weight = 2 + 2 * fits + (user // 2) % 2 if stars else np.where(fits, 1, -1)
    if not (stars or dislikes):
        user, item, weight = user[fits], item[fits], weight[fits]
    picture = np.eye(2)[side] + rng.normal(scale=0.1, size=(items, 2))
    if shuffled:
        picture = rng.permutation(picture)
    ids = IdMap(f"i{n}" for n in range(items))
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), weight.astype(np.float32))
    parts = {"picture": features_of(picture), "noise": features_of(rng.normal(size=(items, 6)))}
    rule = Positive(rule="weight>=4" if stars else "weight>0")
    return Dataset(IdMap(f"u{n}" for n in range(users)), ids, rows, bare_catalogue(ids), features=parts, positive=rule)


def halves(data):
    chosen = np.random.default_rng(1).random(len(data.interactions)) < 0.7
    return (data.with_interactions(data.interactions.take(part)) for part in (chosen, ~chosen))


def of_pairs(model, train, pairs):
    return model.predict(everyone(train), pairs.user, pairs.item)


@pytest.mark.parametrize("name", MODELS)
def test_ratings_from_taste_and_level(name):
    train, rest = halves(world(stars=True))
    model = registry.get(name)(target="rating", epochs=30, **FAST).fit(train, run=Run(seed=0))
    assert isinstance(model, Predicts)
    assert model.predicts == "rating"
    said, truth = of_pairs(model, train, rest.interactions), rest.interactions.weight
    assert said.min() >= 2
    assert said.max() <= 5
    mild = (rest.interactions.user // 2) % 2
    by_level = np.where(mild, train.interactions.weight[(train.interactions.user // 2) % 2 == 1].mean(), 3)
    assert prediction.rmse(truth, said) < 0.6 * prediction.rmse(truth, by_level)


@pytest.mark.parametrize("name", MODELS)
def test_dislikes_teach_and_probabilities_are_of_what_is_met(name):
    train, rest = halves(world(dislikes=True))
    model = registry.get(name)(epochs=20, **FAST).fit(train, run=Run(seed=0))
    assert model.predicts == "click"
    truth, said = rest.interactions.weight > 0, of_pairs(model, train, rest.interactions)
    assert prediction.auc(truth, said) > 0.9
    assert said.mean() == pytest.approx(truth.mean(), abs=0.08)


@pytest.mark.parametrize("name", MODELS)
def test_without_dislikes_a_probability_is_among_a_like_and_its_negatives(name):
    train, rest = halves(world())
    model = registry.get(name)(epochs=15, negatives=3, **FAST).fit(train, run=Run(seed=0))
    likes = of_pairs(model, train, rest.interactions)
    wrong = Interactions(rest.interactions.user, (rest.interactions.item + 1) % 50, rest.interactions.weight)
    others = of_pairs(model, train, wrong)
    assert prediction.auc(np.repeat([1, 0], len(likes)), np.concatenate([likes, others])) > 0.9
    assert others.mean() < 0.2 < likes.mean()


@pytest.mark.parametrize("name", MODELS)
def test_uncertainty_moves_the_weights_of_tasks(name):
    tasks = {"rating": 0.5, "reconstruction": 0.1}
    settings = {"weigh": "uncertainty", "target": "rating", "loss": "bce", "batch_size": 128}
    network, _ = built(name, world(stars=True), tasks=tasks, **settings)
    assert set(network.outcomes) == {"rating"}
    begun = {task: s.item() for task, s in network.tasks.log_variance.items()}
    optimizer = torch.optim.Adam(network.weights.parameters(), lr=0.02)
    batches = Batches(network.train.liked, samplers.get("uniform")(count=2), 128)
    for epoch in range(15):
        network.begin_epoch(np.random.default_rng(epoch))
        for batch in batches.epoch(np.random.default_rng(epoch)):
            optimizer.zero_grad()
            losses = network.losses(batch, None)
            sum(losses.values()).backward()
            optimizer.step()
    assert set(losses) == {"ranking", "rating", "reconstruction", "reg"}
    moved = {task: s.item() - begun[task] for task, s in network.tasks.log_variance.items()}
    assert all(abs(step) > 0.05 for step in moved.values())


@pytest.mark.parametrize("name", MODELS)
def test_hidden_parts_teach_each_part_to_stand_alone(name):
    """Two parts tell the colour; new things have the second alone, which must have been learned beside the first."""
    data, colour = taste_for_content()
    rng = np.random.default_rng(7)
    sound = (rng.normal(size=(4, 8))[colour] + 0.3 * rng.normal(size=(60, 8))).astype(np.float32)
    look = data.features["look"].dropped(np.arange(60) >= 40)
    data = data.with_features(look=look, sound=FeatureTable(sound, np.ones(60, bool), "sound"))
    right = {}
    for share in (0.0, 0.3):
        model = registry.get(name)(epochs=25, hidden=share, **FAST).fit(data, run=Run(seed=1))
        best = 40 + model.score(everyone(data))[:, 40:].argmax(axis=1)
        right[share] = (colour[best] == np.arange(80) % 4).mean()
    assert right[0.3] > 0.9
    assert right[0.3] >= right[0.0]


@pytest.mark.parametrize("name", MODELS)
def test_what_is_hidden_is_not_read_and_still_reconstructed(name):
    data = shop(users=40, items=30)
    network, _ = built(name, data, hidden=0.5, tasks={"reconstruction": 1.0})
    assert isinstance(network, Redraws)
    nothing = network.sides(torch.zeros_like(network.there))
    assert (nothing.things == 0).all()
    assert all((part == 0).all() for part in nothing.parts.values())
    assert (nothing.first == 0).all()
    batch = next(Batches(data.liked, samplers.get("uniform")(), 64).epoch(np.random.default_rng(0)))
    lost = [network.losses(batch, torch.Generator().manual_seed(seed))["reconstruction"].item() for seed in (0, 0, 1)]
    assert lost[0] == lost[1] != lost[2]


@pytest.mark.parametrize("name", MODELS)
def test_the_part_that_is_ahead_gets_smaller_gradients(name):
    data = world()
    network, _ = built(name, data, balance=0.5)
    plain, _ = built(name, data)
    assert isinstance(network, Tempers)
    with torch.no_grad():  # people and pictures that agree, so that the picture alone ranks well
        for one in (network, plain):
            one.people.copy_(torch.eye(2)[torch.arange(60) % 2].repeat(1, 3)[:, :5] * 4)
            one.maps["picture"].weight.copy_(torch.eye(2).repeat(3, 1)[:5])
    batch = next(Batches(data.liked, samplers.get("uniform")(count=4), 512).epoch(np.random.default_rng(0)))
    for one in (network, plain):
        sum(one.losses(batch, torch.Generator().manual_seed(0)).values()).backward()
        one.temper(torch.Generator())
    found = network.balance.coefficients
    assert found["picture"] < 0.6
    assert found["noise"] == 1
    for part, coefficient in found.items():
        for kind in ("maps", "first"):
            mine, other = (getattr(one, kind)[part].weight.grad for one in (network, plain))
            assert other.abs().max() > 0
            np.testing.assert_allclose(mine, coefficient * other, atol=1e-7)
    np.testing.assert_allclose(network.people.grad, plain.people.grad)


def test_attention_tells_which_part_and_which_likes_spoke():
    """Somebody likes four things of one side and three of the other: the side of an item, and the picture, speak for it."""
    model = registry.get("mmal")(epochs=20, hidden=0.0, **FAST).fit(world(), run=Run(seed=0))
    assert isinstance(model, Explains)
    query = Queries.of_history([0, 2, 4, 6, 1, 3, 5], 50)
    scores, told = model.score(query)[0], [model.explain(query, item) for item in range(8, 48, 2)]
    for item, one in zip(range(8, 48, 2), told, strict=True):
        assert sum(one.history.values()) == pytest.approx(scores[item], abs=1e-4)
        assert sum(one.parts.values()) == pytest.approx(scores[item], abs=1e-4)
    likes = {like: np.mean([one.history[like] for one in told]) for like in (0, 2, 4, 6, 1, 3, 5)}
    assert np.mean([likes[like] for like in (0, 2, 4, 6)]) > max(likes[like] for like in (1, 3, 5))
    parts = {part: np.mean([one.parts[part] for one in told]) for part in ("behaviour", "noise", "picture")}
    assert parts["picture"] > 2 * abs(parts["noise"])


@pytest.mark.parametrize("target", ["click", "rating"])
@pytest.mark.parametrize("name", MODELS)
def test_predictions_survive_a_round_trip_and_need_no_torch(name, target, tmp_path, monkeypatch):
    from palate.nn import _torch

    train, rest = halves(world(stars=True))
    model = registry.get(name)(target=target, epochs=2, **FAST).fit(train)
    before = of_pairs(model, train, rest.interactions)
    model.state().save(tmp_path, "model")
    monkeypatch.setattr(_torch.torch, "_library", None)
    again = registry.get(name)(target=target).load_state(State.load(tmp_path, "model"))
    again.remember(model.users, model.items, model.liked, model.seen)
    assert np.array_equal(of_pairs(again, train, rest.interactions), before)
    assert np.array_equal(again.score(everyone(train)), model.score(everyone(train)), equal_nan=True)


@pytest.mark.parametrize("name", MODELS)
def test_what_cannot_be_predicted_is_nan_and_what_was_not_learned_is_told(name):
    data = shop(users=20, items=15)
    void = np.flatnonzero(
        (data.liked.sum(axis=0) == 0) & ~(data.features["photo"].present | data.features["text"].present)
    )
    gone = data.without_features("photo").with_interactions(data.interactions.take(data.interactions.item != 3))
    gone = gone.with_features(text=gone.features["text"].dropped(np.arange(15) == 3))
    model = registry.get(name)(epochs=2, **FAST).fit(gone)
    said = model.predict(everyone(gone), np.zeros(3, np.int32), np.array([3, 4, 5], np.int32))
    assert np.isnan(said).tolist() == [True, False, False]
    assert not len(void) or np.isnan(model.score(everyone(gone))[:, void]).all()
    assert np.isnan(model.predict(Queries.of_history([], 15), np.zeros(1, np.int32), np.ones(1, np.int32))).all()
    assert model.predict(everyone(gone), np.zeros(0, np.int32), np.zeros(0, np.int32)).shape == (0,)
    silent = registry.get(name)(epochs=2, tasks={"click": 0}, **FAST).fit(gone)
    with pytest.raises(RequestError, match=r"did not learn to foretell clicks.*tasks=\{'click': 1\}"):
        silent.predict(everyone(gone), np.zeros(1, np.int32), np.ones(1, np.int32))


@pytest.mark.parametrize(
    ("settings", "error", "sentence"),
    [
        ({"target": "rating"}, DataError, "every weight in the training data is 1; set target=click"),
        ({"tasks": {"ratings": 1}}, ConfigError, "tasks names 'ratings': did you mean 'rating'"),
        ({"tasks": {"rating": 1}}, DataError, "name no rating in tasks"),
        ({"target": "stars"}, ConfigError, "setting 'target' was 'stars'"),
        ({"tasks": {"ranking": 0, "click": 0}}, ConfigError, "give one of ranking, click and rating a weight"),
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_what_cannot_be_learned_is_refused(name, settings, error, sentence):
    with pytest.raises(error, match=sentence):
        registry.get(name)(**settings).fit(shop())
