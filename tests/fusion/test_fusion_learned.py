"""The fusions with a network: what they compute, what reaches their weights, and what they can learn."""

import math

import numpy as np
import pytest
import torch

from palate.core.errors import ConfigError, DataError, UnknownNameError
from palate.core.rng import generator
from palate.data.features import FeatureTable, features_of
from palate.fusion import registry
from palate.fusion._learned import LearnedFusion
from palate.fusion._tastes import Tastes, TastesConfig, batches
from palate.nn.network import Weights
from palate.training.samplers.in_batch import InBatch
from palate.training.samplers.none import NoSampler
from parted import shop, some_parts

LEARNED = [name for name in registry.names() if issubclass(registry.get(name), LearnedFusion)]
WIDTHS = {"a": 5, "b": 3, "c": 4}
DIM, SIZE = 8, 6


def joined(name, **settings):
    """A join, its weights as numbers, rows of chance with holes, and what it makes of them."""
    weights = Weights(np.random.default_rng(1))
    join = registry.get(name)(**settings).module(weights, WIDTHS, DIM)
    rng = np.random.default_rng(2)
    for parameter in weights.parameters():  # those that begin at 0 or 1 too should tell
        parameter.data += torch.from_numpy(0.1 * rng.normal(size=parameter.shape)).float()
    there = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0]], dtype=bool)
    rows = {part: rng.normal(size=(SIZE, width)) * there[:, [n]] for n, (part, width) in enumerate(WIDTHS.items())}
    given = {part: torch.from_numpy(values).float() for part, values in rows.items()}
    learned = {key: array.astype(np.float64) for key, array in weights.arrays().items()}
    return join, learned, rows, there, given


def linear(learned, name, rows):
    return rows @ learned[f"{name}.weight"].T + learned.get(f"{name}.bias", 0)


def tokens(learned, rows, there):
    return np.stack([linear(learned, f"token {name}", rows[name]) for name in WIDTHS], axis=1) * there[:, :, None]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def mlp(learned, rows, there):
    return linear(learned, "layer 1", relu(linear(learned, "layer 0", relu(tokens(learned, rows, there).sum(1)))))


def gated(learned, rows, there):
    opened = np.concatenate([rows[name] for name in WIDTHS], 1) @ np.concatenate(
        [learned[f"gates by {name}.weight"] for name in WIDTHS], 1
    ).T  # fmt: skip
    gates = sigmoid(opened).reshape(SIZE, 3, DIM)
    return (gates * np.tanh(tokens(learned, rows, there))).sum(1)


def attention(learned, rows, there):
    seen = tokens(learned, rows, there)
    strength = np.exp(linear(learned, "query", np.tanh(linear(learned, "key", seen)))[:, :, 0]) * there
    share = strength / np.maximum(strength.sum(1, keepdims=True), 1e-12)
    return np.einsum("nm,nmd->nd", share, seen)


def low_rank_bilinear(learned, rows, there):
    factors = [
        learned["constants"][n] + there[:, [n]] * linear(learned, f"token {name}", rows[name])
        for n, name in enumerate(WIDTHS)
    ]
    return linear(learned, "read", factors[0] * factors[1] * factors[2])


def rnn(learned, rows, there):
    memory = np.zeros((SIZE, DIM))
    for n, token in enumerate(tokens(learned, rows, there).transpose(1, 0, 2)):
        seen, told = linear(learned, "gates by what is read", token), linear(learned, "gates by memory", memory)
        update = sigmoid(seen[:, :DIM] + told[:, :DIM])
        reset = sigmoid(seen[:, DIM : 2 * DIM] + told[:, DIM:])
        new = np.tanh(seen[:, 2 * DIM :] + linear(learned, "memory", reset * memory))
        memory = np.where(there[:, [n]], (1 - update) * memory + update * new, memory)
    return linear(learned, "read", memory)


def mean(values, there):
    return (values * there[:, :, None]).sum(1) / np.maximum(there.sum(1), 1)[:, None]


def graph(learned, rows, there):
    parts = tokens(learned, rows, there)
    thing = mean(parts, there)
    seen = [thing]
    for number in range(2):
        said = np.stack(
            [linear(learned, f"inward {number} of {name}", parts[:, n]) for n, name in enumerate(WIDTHS)], 1
        )
        told = [linear(learned, f"outward 0 of {name}", thing) for name in WIDTHS]
        parts, before = relu(linear(learned, "outward 0", parts) + np.stack(told, 1)), thing
        thing = relu(linear(learned, f"inward {number}", before) + mean(said, there))
        seen.append(thing)
    return linear(learned, "read", np.mean(seen, axis=0))


def cnn(learned, rows, there):
    def convolved(channels, name):
        kernel = learned[f"{name}.weight"].reshape(-1, channels.shape[1], 3)
        wide = np.pad(channels, ((0, 0), (0, 0), (1, 1)))
        windows = np.stack([wide[:, :, start : start + channels.shape[2]] for start in range(3)], axis=3)
        return np.einsum("ncdr,fcr->nfd", windows, kernel) + learned[f"{name}.bias"][None, :, None]

    return convolved(relu(convolved(tokens(learned, rows, there), "filters")), "reading filter")[:, 0]


def transformer(learned, rows, there):
    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    seen = tokens(learned, rows, there)
    for number in range(2):
        mixed = linear(learned, f"looking {number}", norm(seen)).reshape(SIZE, 3, 3, 2, DIM // 2)
        out = np.zeros((SIZE, 3, DIM))
        for thing in range(SIZE):
            present = np.flatnonzero(there[thing]) if there[thing].any() else np.arange(3)
            for head in range(2):
                query, key, value = (mixed[thing, :, kind, head] for kind in range(3))
                raised = np.exp(query @ key[present].T / math.sqrt(DIM // 2))
                share = raised / raised.sum(1, keepdims=True)
                out[thing, :, head * DIM // 2 : (head + 1) * DIM // 2] = share @ value[present]
        seen = seen + linear(learned, f"seen {number}", out)
        inner = linear(learned, f"inner {number}", norm(seen))
        bent = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        seen = seen + linear(learned, f"outer {number}", bent)
    return linear(learned, "read", mean(norm(seen), there))


def user_attention(learned, rows, there):
    def mapped(label):
        return np.stack([linear(learned, f"{label} {name}", rows[name]) for name in WIDTHS], 1) * there[:, :, None]

    told = mapped("token")
    told = told / np.maximum(np.linalg.norm(told, axis=2, keepdims=True), 1e-12)
    strength = np.exp(mapped("key") @ linear(learned, "query", learned["anyone"]) / math.sqrt(DIM)) * there
    share = strength / np.maximum(strength.sum(1, keepdims=True), 1e-12)
    return np.einsum("nm,nmd->nd", share, told)


GOLDEN = {
    "mlp": (mlp, {"layers": (10, 7)}),
    "gated": (gated, {}),
    "attention": (attention, {}),
    "low-rank-bilinear": (low_rank_bilinear, {"rank": 9}),
    "rnn": (rnn, {}),
    "graph": (graph, {}),
    "cnn": (cnn, {"filters": 4, "reach": 3}),
    "transformer": (transformer, {"heads": 2}),
    "user-attention": (user_attention, {}),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_computes_what_its_equations_say(name):
    oracle, settings = GOLDEN[name]
    join, learned, rows, there, given = joined(name, **settings)
    with torch.no_grad():
        found = join(given, torch.from_numpy(there)).numpy()
    some = there.any(1)
    assert np.allclose(found[some], oracle(learned, rows, there)[some], atol=1e-4)


def test_every_fusion_with_a_network_has_a_golden_test_or_shares_one():
    assert set(LEARNED) - {"generative"} == set(GOLDEN)  # generative joins by the network of mlp


@pytest.mark.parametrize("name", LEARNED)
def test_gradients_reach_every_part_that_is_there_and_no_other(name):
    join, _, _, there, given = joined(name)
    given = {part: values.requires_grad_() for part, values in given.items()}
    join(given, torch.from_numpy(there)).square().sum().backward()
    for number, part in enumerate(WIDTHS):
        reached = given[part].grad.abs().sum(1).numpy() > 0
        assert np.array_equal(reached[there.any(1)], there[there.any(1), number])


@pytest.mark.parametrize("name", LEARNED)
def test_every_weight_is_learned(name):
    weights = Weights(np.random.default_rng(1))
    join = registry.get(name)().module(weights, WIDTHS, DIM)
    rng = np.random.default_rng(2)
    rows = {part: torch.from_numpy(rng.normal(size=(64, width))).float() for part, width in WIDTHS.items()}
    there = torch.ones(64, 3, dtype=torch.bool)
    people = torch.from_numpy(rng.normal(size=(5, DIM))).float()
    personal = name == "user-attention"
    made = join.scores(people, *join.views(rows, there), there) if personal else join(rows, there)
    (made * torch.from_numpy(rng.normal(size=made.shape)).float()).sum().backward()
    assert [key for key, value in weights.named.items() if value.grad is None or not value.grad.any()] == (
        ["anyone"] if personal else []
    )


def two_views(seed=0, n=200):
    """Parts that show the same hidden numbers, each bent in its own way; a third of the second one is missing."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n, 3))
    views = [np.tanh(hidden @ rng.normal(size=(3, 12))) + 0.05 * rng.normal(size=(n, 12)) for _ in range(2)]
    present = np.arange(n) % 3 > 0
    parts = {"a": FeatureTable(views[0].astype(np.float32), np.ones(n, bool), "a"),
             "b": FeatureTable(np.where(present[:, None], views[1], 0).astype(np.float32), present, "b")}  # fmt: skip
    return parts, hidden


def foretold(rows, hidden):
    """Share of the variance of what is hidden that a linear map of the rows explains."""
    rows = np.column_stack([rows, np.ones(len(rows))])
    left = hidden - rows @ np.linalg.lstsq(rows, hidden, rcond=None)[0]
    return 1 - left.var() / hidden.var()


@pytest.mark.parametrize("name", LEARNED)
def test_what_is_rebuilt_keeps_what_the_parts_share(name):
    parts, hidden = two_views()
    fusion = registry.get(name)(dim=8, learn="reconstruction", hidden=0.3, epochs=40, batch_size=64)
    fused = fusion.fit(parts, shop(200), generator(0)).fuse(parts)
    begun = registry.get(name)(dim=8, learn="reconstruction", epochs=1, batch_size=200, lr=1e-9)
    before = begun.fit(parts, shop(200), generator(0)).fuse(parts)
    assert foretold(fused.values, hidden) > max(0.6, foretold(before.values, hidden))


@pytest.mark.parametrize("name", [name for name in LEARNED if name != "generative"])
def test_what_agrees_is_found_again_by_the_other_part(name):
    parts, _ = two_views()
    fusion = registry.get(name)(dim=8, learn="contrast", epochs=40, batch_size=64).fit(parts, shop(200), generator(0))
    both = np.flatnonzero(parts["b"].present)
    one, other = (fusion.fuse({part: parts[part].take(both)}).values for part in "ab")
    cosines = one @ other.T
    rank = (cosines > np.diag(cosines)[:, None]).sum(1).mean()
    assert rank < 0.1 * len(both)


def test_a_likeness_of_many_parts_is_divided_whole():
    parts = some_parts(dict.fromkeys("abcdefghi", 3))
    fusion = registry.get("mlp")(epochs=2).fit(parts, shop(50), generator(0))
    fused = fusion.fuse(parts).values
    left, right = np.arange(20, dtype=np.int32), np.arange(20, 40, dtype=np.int32)
    shares = fusion.shares(parts, left, right)
    assert np.allclose(sum(shares.values()), (fused[left] * fused[right]).sum(1), atol=1e-5)


def test_parts_that_do_the_same_get_the_same_share():
    parts = some_parts({"a": 4, "c": 3})
    parts["b"] = parts["a"]
    fusion = registry.get("low-rank-bilinear")(epochs=1).fit(parts, shop(50), generator(0))
    arrays = fusion.learned.arrays()
    arrays["token b.weight"], arrays["constants"][1] = arrays["token a.weight"], arrays["constants"][0]
    fusion.learned.load(arrays)
    shares = fusion.shares(parts, np.arange(25, dtype=np.int32), np.arange(25, 50, dtype=np.int32))
    assert np.abs(shares["a"]).max() > 0.01
    assert np.allclose(shares["a"], shares["b"], atol=1e-6)


def test_a_thing_in_no_part_alone_gets_its_share_by_all_orders():
    """The Shapley value of two parts, by hand."""
    parts = some_parts({"a": 4, "b": 3}, n=40)
    fusion = registry.get("mlp")(epochs=1).fit(parts, shop(40), generator(0))
    pairs = np.arange(20, dtype=np.int32), np.arange(20, 40, dtype=np.int32)

    def worth(*names):
        fused = fusion.fuse({name: parts[name] for name in names}).values
        return (fused[pairs[0]] * fused[pairs[1]]).sum(1)

    expected = (worth("a") + worth("a", "b") - worth("b")) / 2
    assert np.allclose(fusion.shares(parts, *pairs)["a"], expected, atol=1e-5)


def test_without_likes_it_says_what_else_it_can_learn_from():
    parts = some_parts({"a": 4})
    with pytest.raises(DataError, match="learn=reconstruction"):
        registry.get("mlp")().fit(parts, shop(50, trained=0), generator(0))
    fused = (
        registry.get("mlp")(learn="reconstruction", epochs=2).fit(parts, shop(50, trained=0), generator(0)).fuse(parts)
    )
    assert fused.present.any()


def test_contrast_needs_two_parts():
    parts = some_parts({"a": 4})
    with pytest.raises(DataError, match="nothing has two"):
        registry.get("mlp")(learn="contrast").fit(parts, shop(50), generator(0))


def test_heads_must_divide_the_width():
    with pytest.raises(ConfigError, match="the width is 6 and the heads are 4"):
        registry.get("transformer")(dim=6).fit(some_parts({"a": 4}), shop(50), generator(0))


def test_a_wrong_loss_or_sampler_is_refused():
    for wrong, told in (({"loss": "sofmax"}, "no loss 'sofmax'"), ({"sampler": "hrd"}, "no sampler 'hrd'")):
        with pytest.raises(UnknownNameError, match=told):
            registry.get("mlp")(**wrong).fit(some_parts({"a": 4}), shop(50), generator(0))


def test_parts_of_people_are_learned_by_who_likes_what_they_like():
    people = FeatureTable(
        np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32), np.ones(5, bool), "a", of="users"
    )
    fused = registry.get("mlp")(epochs=2).fit({"a": people}, shop(50), generator(0)).fuse({"a": people})
    assert fused.of == "users"
    assert fused.present.all()


def test_hidden_parts_are_made_again_beside_likes():
    """A part that no taste depends on is lost, unless it must follow from the fused vector."""
    rng = np.random.default_rng(0)
    parts = some_parts({"a": 4}, n=200)
    parts["b"] = FeatureTable(rng.normal(size=(200, 6)).astype(np.float32), np.ones(200, bool), "b")
    kept = []
    for rebuild in (0.0, 1.0):
        fusion = registry.get("mlp")(dim=16, rebuild=rebuild, epochs=40, batch_size=64)
        fused = fusion.fit(parts, shop(200), generator(0)).fuse(parts)
        kept.append(foretold(fused.values, parts["b"].values))
    assert kept[1] > kept[0] + 0.1


def test_even_draws_show_rare_combinations_of_parts_as_often_as_others():
    data = shop(200)
    there = np.ones((200, 2), bool)
    there[:20, 1] = False
    shown = []
    for even in (0.0, 1.0):
        made = batches(TastesConfig(even=even, batch_size=50), data.liked, NoSampler(), there)
        items = np.concatenate([batch.items for seed in range(20) for batch in made.epoch(np.random.default_rng(seed))])
        shown.append((items < 20).mean())
        assert len(items) == 20 * data.liked.nnz
    assert shown[0] == pytest.approx(0.1)
    assert shown[1] == pytest.approx(0.5, abs=0.03)


def test_balance_slows_down_the_part_that_is_ahead():
    """`b` shows who likes what as it is, `a` under noise: without balance `a` is hardly learned."""
    data = shop(300)
    rng = np.random.default_rng(0)
    likers = data.liked.toarray().T.astype(np.float32)
    parts = {name: FeatureTable((likers + noise * rng.normal(size=likers.shape)).astype(np.float32), np.ones(300, bool), name)
             for name, noise in (("a", 0.5), ("b", 0.0))}  # fmt: skip
    steps = {}
    for balance in (0.0, 2.0):
        network = Tastes(TastesConfig(balance=balance), 5, {n: t.values for n, t in parts.items()}, np.ones((300, 2), bool),
                         lambda weights: registry.get("mlp")().module(weights, {"a": 5, "b": 5}, 8),
                         np.random.default_rng(1), dim=8)  # fmt: skip
        optimizer = torch.optim.Adam(network.weights.parameters(), lr=0.01)
        noise = torch.Generator().manual_seed(0)
        made = batches(network.config, data.liked, InBatch(), np.ones((300, 2), bool))
        for epoch in range(10):
            for batch in made.epoch(np.random.default_rng(epoch)):
                optimizer.zero_grad()
                sum(network.losses(batch, noise).values()).backward()
                network.temper(noise)
                optimizer.step()
        steps[balance] = network.balance.coefficients
    assert steps[0.0] == {"a": 1.0, "b": 1.0}
    assert steps[2.0]["b"] < steps[2.0]["a"] == 1


def test_the_weights_of_a_part_are_its_own_though_another_name_begins_with_its():
    """Of `trailer` and `trailer.sound` each is slowed down by how far it is ahead, and once."""
    parts = {"trailer": 3, "trailer.sound": 2}
    network = Tastes(TastesConfig(balance=1.0), 5, {name: np.ones((4, width), np.float32) for name, width in parts.items()},
                     np.ones((4, 2), bool), lambda weights: registry.get("mlp")().module(weights, parts, 8),
                     np.random.default_rng(0), dim=8)  # fmt: skip
    named = network.weights.named
    for name in parts:
        own = [named[f"token {name}.{kind}"] for kind in ("weight", "bias")]
        found = network.balance.encoders[name]
        assert [id(one) for one in found] == [id(one) for one in own]


def test_a_setting_that_does_nothing_for_what_is_learned_by_is_refused():
    for learn, setting, other in (
        ("reconstruction", {"rebuild": 1.0}, "likes"),
        ("reconstruction", {"temperature": 0.5}, "likes, contrast"),
        ("contrast", {"hidden": 0.3}, "likes, reconstruction"),
        ("contrast", {"sampler": "uniform"}, "likes"),
    ):
        (name,) = setting
        with pytest.raises(ConfigError, match=f"{name} was .* learn={learn} .* another of learn: {other}$"):
            registry.get("mlp")(learn=learn, **setting)
        registry.get("mlp")(learn="likes", **setting)
    with pytest.raises(ConfigError, match=r"leave balance out$"):
        registry.get("generative")(balance=1.0)
    assert registry.get("mlp")(learn="reconstruction", hidden=0.3, even=1.0, patience=0).config.hidden == 0.3


@pytest.mark.parametrize("name", ["mlp", "user-attention"])
def test_validation_says_when_to_stop_and_teaches_nothing(name):
    """One that is settled, and never sees validation, learns the same."""
    data, parts = shop(200), some_parts({"a": 4, "b": 3}, n=200)
    rows = np.arange(len(data.interactions))
    train, valid = (
        data.with_interactions(data.interactions.take(rows[kept])) for kept in (rows % 4 > 0, rows % 4 == 0)
    )
    fusion = registry.get(name)(epochs=9, batch_size=64, patience=0).fit(parts, train, generator(0), valid)
    settled = fusion.settled()
    assert settled.config.epochs == fusion.epochs < 9
    assert np.array_equal(settled.fit(parts, train, generator(0)).fuse(parts).values, fusion.fuse(parts).values)


@pytest.mark.parametrize("name", ["mlp", "attention"])
def test_a_part_that_is_there_and_says_the_same_of_all_is_there_all_the_same(tiny, name):
    values, present = np.ones((30, 2), np.float32), np.arange(30) % 2 == 0
    mark = FeatureTable(values, present, "mark", of="items")
    flat = features_of(np.vstack([np.eye(3), np.full((27, 3), 1 / 3)]))  # rows 3 to 29 are exactly at the mean
    parts = {"mark": mark, "flat": flat, "photo": tiny.features["photo"]}
    fusion = registry.get(name)(epochs=3, dim=4)
    rows, there = fusion.begun(parts, tiny)
    assert not rows["mark"].any()
    assert not rows["flat"][5].any()
    assert np.array_equal(there, np.stack([np.ones(30, bool), present, parts["photo"].present], axis=1))
    fusion.fit(parts, tiny, generator(0))
    both = {part: table.take(np.array([0, 1], np.int32)) for part, table in parts.items() if part != "photo"}
    alike = {**both, "flat": flat.take(np.array([5, 5], np.int32))}
    one, other = fusion.fuse(alike).values
    assert not np.allclose(one, other, atol=1e-3)  # of which one has the mark
    assert np.isclose(np.linalg.norm(other), 1, atol=1e-5)  # by a row at the mean alone
