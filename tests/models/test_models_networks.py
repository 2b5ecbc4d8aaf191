"""Networks: what each makes of given weights, against the equations written out densely; planted content; odd data."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import palate  # noqa: E402
from networks import (  # noqa: E402
    NETWORKS,
    built,
    dense,
    everyone,
    hops,
    info_nce,
    linear,
    shop,
    sigmoid,
    taste_for_content,
)
from palate.bundle import Bundle  # noqa: E402
from palate.core.errors import ConfigError, PalateError  # noqa: E402
from palate.interfaces import Queries, Run  # noqa: E402
from palate.models import registry  # noqa: E402
from palate.training.pairs import Batch, Candidates  # noqa: E402

pytestmark = pytest.mark.torch


def test_lightgcn_is_the_mean_of_hops():
    data = shop()
    _, learned, people, items = built("lightgcn", data, layers=3)
    expected = hops(data, learned["people"], learned["things"], 3)
    np.testing.assert_allclose(people, expected[0], atol=1e-5)
    np.testing.assert_allclose(items, expected[1], atol=1e-5)


def test_freedom_adds_what_neighbours_start_with():
    data = shop()
    network, learned, people, items = built("freedom", data, neighbours=3)
    expected = hops(data, learned["people"], learned["things"], 2)
    np.testing.assert_allclose(people, expected[0], atol=1e-5)
    np.testing.assert_allclose(items, expected[1] + dense(network.near) @ learned["things"], atol=1e-5)


@pytest.mark.parametrize("name", ["freedom", "pgl"])
def test_an_epoch_leaves_out_likes_of_popular_ends_first(name):
    data = shop(users=400, items=60, likes=0.1)
    network = registry.get(name)(dim=4, dropped=0.5)._network(data, np.random.default_rng(0))
    counts = np.zeros((400, 60))
    for seed in range(60):
        network.begin_epoch(np.random.default_rng(seed))
        kept = dense(network.graph)[:400, 400:] > 0
        assert kept.sum() == round(data.liked.nnz / 2)
        counts += kept
    assert not counts[data.liked.toarray() == 0].any()
    degrees = (data.liked.sum(1)[:, None] * data.liked.sum(0))[data.liked.toarray() > 0]
    assert np.corrcoef(counts[data.liked.toarray() > 0], -np.sqrt(degrees))[0, 1] > 0.5


def test_vbpr_adds_tastes_in_content():
    data = shop()
    network, learned, people, items = built("vbpr", data)
    values = {name: value.numpy().astype(np.float64) for name, value in network.values.items()}
    x = learned["gamma_users"] @ learned["gamma_items"].T + learned["bias"].T
    for name, value in values.items():
        x = x + learned["theta"] @ linear(learned, f"map {name}", value).T + linear(learned, f"beta {name}", value).T
    np.testing.assert_allclose(people @ items.T, x, atol=1e-5)


def test_bm3_foretells_from_hops_and_the_start():
    data = shop()
    network, learned, people, items = built("bm3", data)
    expected = hops(data, learned["people"], learned["things"], 1)
    np.testing.assert_allclose(people, expected[0], atol=1e-5)
    np.testing.assert_allclose(items, expected[1] + learned["things"], atol=1e-5)
    told = network.foretell(torch.from_numpy(people)).detach().numpy()
    np.testing.assert_allclose(told, linear(learned, "foretell", people), atol=1e-5)


def test_mgcn_lets_views_through_by_behaviour():
    data = shop()
    network, learned, people, items = built("mgcn", data, neighbours=3)
    behaviour = np.concatenate(hops(data, learned["people"], learned["things"], 2))
    likes, views = dense(network.likes), {}
    for name, value in network.values.items():
        projected = linear(learned, f"map {name}", value.numpy().astype(np.float64))
        view = dense(network.near[name]) @ (learned["things"] * sigmoid(linear(learned, f"purify {name}", projected)))
        views[name] = np.concatenate([likes @ view, view])
    asked = {name: linear(learned, "answer", np.tanh(linear(learned, "ask", view))) for name, view in views.items()}
    total = sum(np.exp(a) for a in asked.values())
    common = sum(np.exp(asked[name]) / total * view for name, view in views.items())
    special = sum(
        sigmoid(linear(learned, f"prefer {name}", behaviour)) * (view - common) for name, view in views.items()
    )
    expected = behaviour + (common + special) / 3
    np.testing.assert_allclose(np.concatenate([people, items]), expected, atol=1e-5)


def test_mgcn_counts_an_item_among_its_own_nearest():
    data = shop()
    network, _, _, _ = built("mgcn", data, neighbours=3)
    for name, near in network.near.items():
        rows, present = dense(near), data.features[name].present
        own, counts = present & network.warm, (rows > 0).sum(1)
        np.testing.assert_allclose(rows.sum(1), present, rtol=1e-5)
        np.testing.assert_allclose(np.diag(rows), np.where(own, 1 / np.maximum(counts, 1), 0), rtol=1e-5)


def test_mgcn_learns_by_the_vectors_that_it_scores_by():
    """In training views are made for the batch alone: the losses are those of the whole."""
    data = shop()
    network, _, people, items = built("mgcn", data, neighbours=3)
    users, liked = (codes.astype(np.int32) for codes in data.liked.nonzero())
    others = Candidates(np.roll(liked, 1)[:, None], np.zeros((len(liked), 1), np.float32))
    with torch.no_grad():
        found = network.losses(Batch(users, liked, np.zeros(len(liked), np.float32), others), None)
    apart = (people[users] * (items[liked] - items[np.roll(liked, 1)])).sum(1)
    assert float(found["bpr"]) == pytest.approx(np.log1p(np.exp(-apart)).mean(), rel=1e-5)
    read = np.concatenate([people[users], items[liked], items[np.roll(liked, 1)]])
    assert float(found["reg"]) == pytest.approx(network.config.reg * (read**2).sum() / 2 / len(liked), rel=1e-4)
    with torch.no_grad():
        behaviour = network.graph.averaged(network.first(), 2).numpy()
    views = np.concatenate([people, items]) - behaviour
    expected = sum(info_nce(views[codes], behaviour[codes]) for codes in (users, len(people) + liked))
    assert float(found["contrast"]) == pytest.approx(network.config.contrast * expected, rel=1e-4)


def test_mgcn_reads_parts_on_the_scale_of_standardised_numbers():
    data = shop()
    network = built("mgcn", data)[0]
    for name, values in network.values.items():
        lengths = np.linalg.norm(values.numpy(), axis=1)
        np.testing.assert_allclose(lengths, data.features[name].present * np.sqrt(values.shape[1]), rtol=1e-5)


@pytest.mark.parametrize("item_power", [0.5, 0.8])
@pytest.mark.parametrize("prior", [None, 2.0])
def test_umami_starts_from_content_and_takes_from_neighbours(prior, item_power):
    data = shop()
    settings = {"prior": prior, "item_power": item_power}
    network, learned, people, items = built("umami", data, neighbours=3, content=0.5, hop=0.7, **settings)
    trust = np.ones(9) if prior is None else prior / (data.liked.toarray().sum(0) + prior)
    present = np.stack([data.features[name].present for name in ("photo", "text")]).sum(0)
    seen = sum(linear(learned, f"map {n}", v.numpy().astype(np.float64)) for n, v in network.values.items())
    first = learned["things"] + 0.5 / np.maximum(present, 1)[:, None] * seen
    expected = hops(data, learned["people"], first, 2, item_power)
    np.testing.assert_allclose(people, expected[0], atol=1e-5)
    near = dense(network.near)
    np.testing.assert_allclose(near.sum(1)[near.sum(1) > 0], 0.7, rtol=1e-5)
    np.testing.assert_allclose(items, expected[1] + trust[:, None] * (near @ expected[1]), atol=1e-5)


def test_umami_sees_drawn_items_as_if_nobody_had_liked_them(monkeypatch):
    """As an item without likes has it: its content after the mean of hops, and its neighbours wholly."""
    data, seen = shop(), []
    network, learned, _, _ = built("umami", data, neighbours=3, content=0.5, hop=0.7, prior=2.0, unmet=0.5)
    monkeypatch.setattr(type(network), "losses_of", lambda self, users, items, *rest: seen.append(items) or {})
    noise = torch.Generator().manual_seed(0)
    network.losses(None, noise)
    drawn = torch.rand((9, 1), generator=noise.manual_seed(0)).numpy()[:, 0] < 0.5
    present = np.stack([data.features[name].present for name in ("photo", "text")]).sum(0)
    said = sum(linear(learned, f"map {n}", v.numpy().astype(np.float64)) for n, v in network.values.items())
    said *= 0.5 / np.maximum(present, 1)[:, None]
    items = hops(data, learned["people"], learned["things"] + said, 2, 0.5)[1]
    near = dense(network.near) @ items
    trust = 2 / (data.liked.toarray().sum(0) + 2)
    told = (present > 0) | (dense(network.near).sum(1) > 0)
    assert drawn[told].any()
    assert not drawn.all()
    expected = np.where((drawn & told)[:, None], said / 3 + near, items + trust[:, None] * near)
    np.testing.assert_allclose(seen[0].detach().numpy(), expected, atol=1e-5)


BY_COSINE = [
    name
    for name in NETWORKS
    if (field := registry.get(name).config_type.model_fields.get("cosine")) and field.annotation is bool
]


@pytest.mark.parametrize(
    ("name", "cosine"),
    [*((name, False) for name in NETWORKS), *((name, True) for name in BY_COSINE if name != "umami")],
)
def test_scores_are_those_of_the_network(name, cosine, monkeypatch):
    """What is kept in numpy scores as the network did; umami adds neighbourhoods to the cosine."""
    data, kept = shop(), []
    kind = registry.get(name)
    take = kind._take
    monkeypatch.setattr(kind, "_take", lambda self, network, train: (kept.append(network), take(self, network, train)))
    settings = {"late": 0.0} if name == "umami" else {"cosine": cosine} if name in BY_COSINE else {}
    model = kind(epochs=3, **settings).fit(data, run=Run(seed=2))
    found = model.score(everyone(data))
    with torch.no_grad():
        expected = kept[0].scorer()(np.arange(12, dtype=np.int32))
    if name == "umami":
        people = model._people(everyone(data))
        expected = expected / np.linalg.norm(people, axis=1, keepdims=True)
    both = np.isfinite(found)
    assert both.any()
    np.testing.assert_allclose(found[both], expected[both], atol=1e-4)


@pytest.mark.parametrize("name", ["freedom", "lattice", "lgmrec", "mgcn", "mmgcn", "pgl", "umami", "vbpr"])
def test_new_items_are_found_by_their_parts_and_not_by_others(name):
    right, kind = {}, registry.get(name)
    near = {"neighbours": 5} if "neighbours" in kind.config_type.model_fields else {}
    for shuffled in (False, True):
        data, colour = taste_for_content(shuffled=shuffled)
        model = kind(epochs=60, lr=0.01, **near).fit(data, run=Run(seed=1))
        best = 40 + model.score(everyone(data))[:, 40:].argmax(axis=1)
        right[shuffled] = float((colour[best] == np.arange(80) % 4).mean())
    assert right[False] > 0.9
    assert right[True] < 0.6


@pytest.mark.parametrize("name", ["freedom", "pgl", "umami"])
def test_weights_name_parts(name):
    with pytest.raises(ConfigError, match=r"'phot'.*did you mean 'photo'"):
        registry.get(name)(epochs=1, weights={"phot": 1.0}).fit(shop())


def test_a_loss_without_vectors_and_unknown_names_are_told():
    with pytest.raises(PalateError, match=r"no loss 'brp': did you mean 'bpr'"):
        registry.get("lightgcn")(loss="brp").fit(shop())
    with pytest.raises(PalateError, match="no sampler 'hrad': did you mean 'hard'"):
        registry.get("lightgcn")(sampler="hrad").fit(shop())
    with pytest.raises(ConfigError, match="'reconstruction' ranks nothing"):
        registry.get("lightgcn")(loss="reconstruction").fit(shop())


@pytest.mark.parametrize("loss", ["bpr", "bce", "sampled-softmax", "alignment", "info-nce"])
@pytest.mark.parametrize("sampler", ["uniform", "popularity", "hard", "in-batch"])
def test_any_loss_goes_with_any_sampler(loss, sampler):
    """By chance an eighth would be right. `hard` holds what is to be found against likes: few others are as near to them."""
    data, _ = taste_for_content()
    model = registry.get("lightgcn")(loss=loss, sampler=sampler, cosine=True, reg=0.0, epochs=40, lr=0.02).fit(data)
    ranked = model.rank(everyone(data), 3, data.seen)
    assert (ranked.items % 4 == (np.arange(80) % 4)[:, None]).mean() > (0.4 if sampler == "hard" else 0.75)


def test_settled_learns_as_long_as_validation_found_best():
    data, _ = taste_for_content()
    cut = palate.split(data, "random-per-user", seed=0)
    model = registry.get("umami")(epochs=30, patience=3).fit(cut.train, cut.valid, Run(seed=1))
    settled = model.settled()
    assert settled.config.epochs == model.history.best_epoch
    assert settled.config.late == model.late
    again = settled.fit(data, None, Run(seed=1))
    assert again.history.epochs == model.history.best_epoch


@pytest.mark.parametrize("name", NETWORKS)
def test_an_opened_bundle_is_fitted_again_on_everything(name, tmp_path):
    from palate.bundle import Bundle, Recipe, refit, train
    from palate.data.folder import save

    data, _ = taste_for_content()
    save(data, tmp_path / "ds")
    recipe = Recipe(data=str(tmp_path / "ds"), model=name, settings={"epochs": 8, "patience": 2})
    trained = train(palate.load(tmp_path / "ds"), recipe)
    trained.bundle().save(tmp_path / "b.palate")
    again = refit(Bundle.open(tmp_path / "b.palate"))
    assert again.model.epochs == again.model.history.epochs == trained.model.epochs
    if name == "umami":
        assert again.model.late == trained.model.late
    again.save(tmp_path / "c.palate")
    assert refit(Bundle.open(tmp_path / "c.palate")).model.epochs == trained.model.epochs


@pytest.mark.parametrize("beside", ["item-knn", "ease", "cease"])
def test_without_torch_a_fitted_model_scores(beside, monkeypatch):
    from palate.nn import _torch

    data = shop()
    model = registry.get("umami")(epochs=2, beside=beside, late=0.5).fit(data)
    before = model.score(everyone(data))
    monkeypatch.setattr(_torch.torch, "_library", None)
    again = registry.get("umami")(model.config).load_state(model.state())
    again.remember(model.users, model.items, model.liked, model.seen)
    assert np.array_equal(again.score(everyone(data)), before, equal_nan=True)
    assert again.beside.name == beside


@pytest.mark.parametrize("beside", ["item-knn", "ease", "cease"])
def test_a_bundle_of_umami_answers_with_what_stands_beside_it(beside, tmp_path):
    data = shop()
    model = registry.get("umami")(epochs=2, beside=beside, late=0.5).fit(data)
    Bundle.of(model, data).save(tmp_path / "a.palate")
    again = Bundle.open(tmp_path / "a.palate").model
    assert np.array_equal(again.score(everyone(data)), model.score(everyone(data)), equal_nan=True)
    query = Queries.of_users(data, np.array([0], np.int32))
    assert vars(again.explain(query, 1)) == vars(model.explain(query, 1))
    assert again.settled().config == model.settled().config
    assert again.settled().config.beside == beside
