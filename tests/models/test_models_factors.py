import numpy as np
import pytest

from palate.bundle import Recipe
from palate.bundle.build import model_of
from palate.core.errors import ConfigError, DataError, MemoryLimitError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import features_of
from palate.data.interactions import Interactions
from palate.fusion.mean import Mean
from palate.interfaces import Queries, Run
from palate.models import ALS, BPR, Ensemble, ItemKNN

KINDS = [ALS, BPR]
GENTLE = {ALS: {"reg": 1.0}, BPR: {"reg": 0.01}}
"""Settings for little data."""


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


def everyone(data):
    return Queries.of_users(data, np.arange(len(data.users), dtype=np.int32))


def without_likes_of(data, items):
    return data.with_interactions(data.interactions.take(~np.isin(data.interactions.item, items)))


def test_a_checkerboard_is_put_together_again(kind):
    # Even users like even items, odd ones odd: every like is held back once in eight, and must come before the others.
    size, colour = 48, np.arange(48) % 2
    liked = colour[:, None] == colour[None, :]
    held = liked & ((np.arange(size)[:, None] // 2 + 3 * (np.arange(size)[None, :] // 2)) % 8 == 0)
    user, item = np.nonzero(liked & ~held)
    ids = IdMap(f"i{n}" for n in range(size))
    log = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
    data = Dataset(IdMap(f"u{n}" for n in range(size)), ids, log, bare_catalogue(ids))
    scores = kind(dim=2, epochs=200, **GENTLE[kind]).fit(data).score(everyone(data))
    assert held.sum() > 100
    for row in range(size):
        assert scores[row, held[row]].min() > scores[row, ~liked[row]].max()


def test_new_items_reach_those_who_like_their_kind(tiny, kind):
    new = np.array([24, 25, 26, 27, 28, 29], np.int32)
    model = kind(content_reg=0.1, epochs=100, parts=("title",), **GENTLE[kind]).fit(without_likes_of(tiny, new))
    assert not model.warm[new].any()
    assert model.placed.all()
    scores = model.score(everyone(tiny), new)
    best = new[scores.argmax(axis=1)] % 3
    assert (best == np.arange(40) % 3).mean() > 0.8


def test_a_liked_new_item_speaks(tiny, kind):
    model = kind(content_reg=0.1, epochs=100, parts=("title",), **GENTLE[kind]).fit(
        without_likes_of(tiny, [27, 28, 29])
    )
    known = list(range(27))
    for new in (27, 28, 29):
        scores = model.score(Queries.of_history([new], 30))[0, known]
        assert np.argsort(-scores)[0] % 3 == new % 3
        parts = model.explain(Queries.of_history([0], 30), new).parts
        assert set(parts) == {"content"}
    assert set(model.explain(Queries.of_history([0], 30), 3).parts) == {"behaviour"}


def test_without_content_new_items_cannot_be_scored(tiny, kind):
    bare = without_likes_of(tiny, [29]).without_features("title", "photo")
    model = kind().fit(bare)
    assert np.isnan(model.score(everyone(bare))[:, 29]).all()
    assert np.isnan(model.score(Queries.of_history([29], 30))).all()
    assert np.isnan(model.explain(Queries.of_history([0], 30), 29).score)


def test_what_was_liked_is_scored_the_same_with_content_and_without(tiny, kind):
    data = without_likes_of(tiny, [29])
    with_parts, without = kind().fit(data), kind().fit(data.without_features("title", "photo"))
    assert np.array_equal(with_parts.score(everyone(data))[:, :29], without.score(everyone(data))[:, :29])


def test_parts_that_cannot_be_used_are_refused(tiny, kind):
    with pytest.raises(DataError, match="'titel': did you mean 'title'"):
        kind(parts=("titel",)).fit(tiny)
    people = tiny.with_features(face=features_of(np.ones((40, 2)), of="users"))
    with pytest.raises(DataError, match="'face' is of users"):
        kind(parts=("face",)).fit(people)
    kind().fit(people.without_features("title", "photo"))


def test_a_dislike_a_weight_and_a_repeated_like_change_nothing(tiny, kind):
    old = tiny.interactions
    more = Interactions(
        np.append(old.user, [0, old.user[0]]).astype(np.int32),
        np.append(old.item, [29, old.item[0]]).astype(np.int32),
        np.append(3 * old.weight, [0, 5]).astype(np.float32),
    )
    other = kind().fit(tiny.with_interactions(more))
    assert np.array_equal(other.score(everyone(tiny)), kind().fit(tiny).score(everyone(tiny)), equal_nan=True)


def test_another_seed_gives_other_vectors(tiny, kind):
    one, other = (kind().fit(tiny, run=Run(seed=seed)) for seed in (0, 1))
    assert not np.allclose(one.vectors, other.vectors)


@pytest.mark.parametrize("history", [[3], list(range(0, 30, 3)), list(range(30))])
def test_explanations_add_up_for_short_and_long_histories(tiny, kind, history):
    model = kind(dim=8).fit(tiny)
    query = Queries.of_history(history, 30)
    scores = model.score(query)[0]
    for item in (0, 1, 2, 29):
        explanation = model.explain(query, item)
        assert explanation.score == pytest.approx(scores[item], abs=1e-5)
        assert sum(explanation.history.values()) == pytest.approx(scores[item], abs=1e-5)
        assert list(explanation.history) == history


def test_explanations_add_up_where_likes_count_a_thousandfold(tiny):
    model = ALS(alpha=1000, reg=0.01, dim=16).fit(tiny)
    query = Queries.of_users(tiny, np.array([3], np.int32))
    scores = model.score(query)[0]
    for item in range(30):
        assert model.explain(query, item).score == pytest.approx(scores[item], abs=1e-4)


def test_als_explains_by_the_equations_of_the_paper(tiny):
    model = ALS(dim=4, alpha=7, reg=5).fit(tiny)
    liked = tiny.liked[[5]].indices
    vectors = model.vectors.astype(np.float64)
    system = np.eye(4) + 7 * vectors[liked].T @ vectors[liked]
    expected = {i: 8 * vectors[9] @ np.linalg.inv(system) @ vectors[i] for i in liked.tolist()}
    assert model.explain(Queries.of_users(tiny, np.array([5], np.int32)), 9).history == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_numbers_that_run_away_stop_the_fit(tiny):
    with pytest.raises(
        ConfigError, match=r"vectors of bpr grew beyond all numbers with lr=10000, reg=0.01: give smaller"
    ):
        BPR(lr=1e4).fit(tiny)


def test_als_says_when_reg_is_too_much_or_too_little(tiny):
    with pytest.raises(ConfigError, match=r"factors of als vanish with reg=1000, alpha=1, .* such as 100"):
        ALS(reg=1000, alpha=1).fit(tiny)
    with pytest.raises(ConfigError, match=r"reg was 1e-30, which is too little"):
        ALS(reg=1e-30, alpha=1e6).fit(tiny)


def test_too_much_memory_is_refused_beforehand(tiny, kind):
    with pytest.raises(
        MemoryLimitError, match=r"would take 8 MB for 40 users and 30 items with dim=10000, and memory_l"
    ):
        kind(dim=10_000, memory_limit_mb=7).fit(tiny)


@pytest.mark.parametrize("settings", [{"reg": -1}, {"dim": 0}, {"epochs": 0}, {"content_reg": 0}])
def test_settings_out_of_range_are_refused(kind, settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        kind(**settings)


def test_the_fusion_of_new_items_is_saved_in_the_spec(kind):
    again = model_of(kind(fusion=Mean(dim=6), dim=4).spec())
    assert again.fusion.spec() == {"name": "mean", "settings": {"dim": 6}}
    assert again.config.dim == 4


def test_a_recipe_may_name_parts_and_fusion_and_no_late_fusion(kind):
    model = Recipe.of({"model": kind.name, "parts": ["title"], "fuse": "mean", "fuse_settings": {"dim": 6}}).build()
    assert model.config.parts == ("title",)
    assert model.fusion.spec()["settings"] == {"dim": 6}
    with pytest.raises(ConfigError, match=f"the model '{kind.name}' learns from likes, and a late fusion"):
        Recipe.of({"model": kind.name, "late": "weighted-scores"}).build(["title"])


def test_it_goes_into_an_ensemble(tiny, kind):
    both = Ensemble({"factors": kind(), "knn": ItemKNN()}).fit(tiny)
    assert np.isfinite(both.score(everyone(tiny))).all()
