"""What may be asked of a list: what may not come, what was just liked, how varied it is, what counts, and why."""

from __future__ import annotations

import json

import numpy as np
import pytest

from palate.bundle import Bundle
from palate.cli import _run
from palate.core.errors import ConfigError, DataError, MemoryLimitError
from palate.fusion.mean import Mean
from palate.interfaces import Queries
from palate.models import ContentKNN, Ensemble, ItemKNN, VectorSpace
from palate.serving import Engine, reweighing
from palate.serving.diversity import Diversify, mmr


def ids(answer):
    return [hit.item_id for hit in answer.items]


@pytest.fixture(scope="module")
def engine(bundle):
    return Engine(bundle)


@pytest.fixture(scope="module")
def known(shop):
    return Engine(Bundle.of(ItemKNN().fit(shop), shop))


def test_what_is_excluded_makes_room_for_the_next(engine):
    full = ids(engine.recommend("user 3", 6))
    assert ids(engine.recommend("user 3", 4, exclude=[full[1], full[2], "no such item"])) == [full[0], *full[3:]]
    assert full[0] not in ids(engine.recommend("a stranger", 36, exclude=full[:1]))


def test_a_stranger_who_says_what_they_liked_is_known_for_one_answer(known):
    items = known.items
    told = known.recommend("a stranger", 5, history=[items.ids[3], items.ids[9]])
    assert told.fallback is None
    scores = known.model.score(Queries.of_history([3, 9], len(items)))[0]
    scores[[3, 9]] = np.nan
    expected = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:5]
    assert ids(told) == items.decode(expected)
    assert known.recommend("a stranger").fallback == "popularity"


def test_history_counts_on_top_of_what_is_known(known):
    first = known.people["user 3"]
    more = [code for code in range(36) if code not in first.seen][:2]
    found = ids(known.recommend("user 3", 36, history=known.items.decode(more)))
    scores = known.model.score(Queries.of_history([*first.liked, *more], 36))[0]
    scores[[*first.seen, *more]] = np.nan
    assert found == known.items.decode(np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[: len(found)])
    assert np.array_equal(known.people["user 3"].liked, first.liked)


def test_unknown_items_of_a_history_are_named(engine):
    with pytest.raises(DataError, match=r"history names 'x', 'y', of which there is no item"):
        engine.recommend("user 3", history=["x", engine.items.ids[0], "y"])


def test_without_reasons_the_list_is_the_same(engine):
    for user in ("user 3", "a stranger"):
        told, bare = engine.recommend(user, 5), engine.recommend(user, 5, reasons=False)
        assert [(hit.item_id, hit.score) for hit in told.items] == [(hit.item_id, hit.score) for hit in bare.items]
        assert all(hit.reasons for hit in told.items)
        assert not any(hit.reasons for hit in bare.items)


def slow_mmr(scores, likeness, k, diversity):
    """The paper's definition, item by item."""
    relevance = (scores - scores.min()) / (scores.max() - scores.min())
    taken = []
    while len(taken) < k:
        left = [item for item in range(len(scores)) if item not in taken]
        worth = [
            (1 - diversity) * relevance[item] - diversity * max((likeness[item, other] for other in taken), default=0)
            for item in left
        ]
        taken.append(left[int(np.argmax(worth))])
    return taken


@pytest.mark.parametrize("diversity", [0.2, 0.5, 1.0])
def test_mmr_is_that_of_the_paper(diversity):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = -np.sort(-rng.normal(size=40)).astype(np.float32)
    likeness = (vectors @ vectors.T).astype(np.float32)
    assert mmr(scores, likeness, 12, diversity).tolist() == slow_mmr(scores, likeness, 12, diversity)


def test_mmr_of_few_or_of_equal_items():
    alike = np.eye(3, dtype=np.float32)
    assert mmr(np.ones(3, np.float32), alike, 5, 0.5).tolist() == [0, 1, 2]
    assert mmr(np.zeros(0, np.float32), alike[:0, :0], 5, 0.5).tolist() == []


def within(engine, answer):
    likeness = engine.ranker.diversify.likeness(engine.items.codes(ids(answer)))
    return float(np.mean(likeness[~np.eye(len(likeness), dtype=bool)]))


def test_diversity_makes_the_items_of_a_list_differ(engine, known):
    for each in (engine, known):
        plain, varied = (each.recommend("user 3", 6, diversity=share) for share in (0.0, 0.8))
        assert within(each, varied) < within(each, plain)
        assert ids(varied)[0] == ids(plain)[0]
        own = {hit.item_id: hit.score for hit in each.recommend("user 3", 36).items}
        assert all(np.isclose(hit.score, own[hit.item_id]) for hit in varied.items)
        assert [hit.rank for hit in varied.items] == [1, 2, 3, 4, 5, 6]


def test_without_content_items_are_alike_by_who_liked_them(shop):
    liked = shop.history
    likeness = Diversify(None, liked).likeness(np.array([4, 7], np.int32))
    left, right = (liked.toarray()[:, code] for code in (4, 7))
    cosine = left @ right / np.linalg.norm(left) / np.linalg.norm(right)
    assert likeness == pytest.approx(np.array([[1, cosine], [cosine, 1]]), abs=1e-6)


@pytest.mark.parametrize("kind", [ContentKNN, VectorSpace])
def test_weights_do_what_the_same_weights_do_in_training(shop, kind):
    engine = Engine(Bundle.of(kind().fit(shop), shop))
    for photo in (3.0, 0.0):
        other = kind(weights={"photo": photo, "title": 1.0}).fit(shop)
        scores = other.score(Queries.of_users(shop, np.array([3], np.int32)))[0]
        found = engine.recommend("user 3", 8, weights={"photo": photo})
        codes = engine.items.codes(ids(found))
        assert [hit.score for hit in found.items] == pytest.approx(scores[codes].tolist(), abs=1e-5)
        parts = {reason.of for reason in found.items[0].reasons if reason.kind == "part"}
        assert ("photo" in parts) == (photo > 0)
    assert engine.recommend("user 3", weights={"photo": 1}) == engine.recommend("user 3")


def test_weights_reach_the_members_of_an_ensemble(shop):
    members = {"behaviour": ItemKNN(), "content": VectorSpace()}
    engine = Engine(Bundle.of(Ensemble(members).fit(shop), shop))
    plain, looks = (engine.recommend("user 3", 20, weights=weights) for weights in (None, {"photo": 50}))
    assert ids(plain) != ids(looks)
    assert engine.model.members["content"].fusion.weights == {"photo": 1.0, "title": 1.0}


def test_few_reweighed_models_are_kept(shop, monkeypatch):
    made = []
    real = reweighing._reweighed
    monkeypatch.setattr(reweighing, "_reweighed", lambda *given: made.append(1) or real(*given))
    engine = Engine(Bundle.of(VectorSpace().fit(shop), shop))
    for weight in (2, 3, 2, 2):
        engine.recommend("user 3", weights={"photo": weight, "title": 1})
    assert len(made) == 2
    for weight in range(5, 25):
        engine.recommend("user 3", weights={"photo": weight})
    assert len(engine.ranker.reweighed._kept) == 8


def test_models_that_cannot_weigh_parts_say_which_can(shop, monkeypatch):
    with pytest.raises(ConfigError, match=r"item-knn cannot weigh parts.*content-knn and vector-space can"):
        Engine(Bundle.of(ItemKNN().fit(shop), shop)).recommend("user 3", weights={"photo": 2})
    pictures = shop.without_features("title")
    mean = Engine(Bundle.of(ContentKNN(fusion=Mean()).fit(pictures), pictures))
    with pytest.raises(ConfigError, match="with the fusion concat or weighted"):
        mean.recommend("user 3", weights={"photo": 2})
    engine = Engine(Bundle.of(ContentKNN().fit(shop), shop))
    with pytest.raises(ConfigError, match="no part 'foto' to weigh: did you mean 'photo'"):
        engine.recommend("user 3", weights={"foto": 2})
    with pytest.raises(ConfigError, match="leave no part"):
        engine.recommend("user 3", weights={"photo": 0, "title": 0})
    monkeypatch.setattr(reweighing, "_DEAREST", 10)
    with pytest.raises(MemoryLimitError, match="36 items anew"):
        engine.recommend("user 3", weights={"photo": 2})


def test_over_http_options_are_repeated_parameters(client, engine):
    full = ids(engine.recommend("user 3", 4))
    path = f"/v1/recommend/user%203?k=3&exclude={full[0]}&exclude={full[2]}&history={full[1]}&diversity=0.3"
    answer = client.get(f"{path}&weight=photo:2&weight=title:0.5&reasons=false").json()
    expected = engine.recommend(
        "user 3", 3, exclude=[full[0], full[2]], history=[full[1]], diversity=0.3,
        weights={"photo": 2, "title": 0.5}, reasons=False,
    )  # fmt: skip
    assert answer == expected.model_dump()
    assert len(answer["items"]) == 3


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("history=nothing", "history names 'nothing', of which there is no item"),
        ("diversity=1.5", "diversity was 1.5: give a number from 0"),
        ("diversity=nan", "diversity was nan"),
        ("diversity=much", "diversity was 'much'"),
        ("weight=photo", "weight was 'photo': give a part and a number, as in poster:2"),
        ("weight=photo:x", "weight was 'photo:x'"),
        ("weight=photo:-1", "the weight of 'photo' was -1: give a number from 0"),
        ("weight=photo:inf", "the weight of 'photo' was inf"),
        ("weight=foto:2", "no part 'foto'"),
        ("reasons=perhaps", "reasons was 'perhaps'"),
    ],
)
def test_wrong_options_get_one_sentence(client, query, sentence):
    answer = client.get(f"/v1/recommend/user%203?{query}")
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]


def test_the_command_line_takes_options_too(bundle, engine, tmp_path, capsys):
    bundle.save(tmp_path / "b")
    full = ids(engine.recommend("user 3", 3))
    words = ["recommend", str(tmp_path / "b"), "--user", "user 3", "-k", "4", "--exclude", full[0], "--json"]
    words += ["--history", full[1], "--diversity", "0.5", "--weight", "photo:3", "--no-reasons"]
    assert _run(words, debug=False) == 0
    expected = engine.recommend(
        "user 3", 4, exclude=full[:1], history=full[1:2], diversity=0.5, weights={"photo": 3}, reasons=False
    )
    found = json.loads(capsys.readouterr().out)
    assert [hit["item_id"] for hit in found["items"]] == ids(expected)
    assert not any(hit["reasons"] for hit in found["items"])
    assert _run([*words[:4], "--history", "x"], debug=False) == 2
    assert "history names 'x'" in capsys.readouterr().err
