"""Search of every kind: lists joined by reciprocal rank, weights, and somebody's taste."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from PIL import Image
from test_retrieval_search import WordCounts

from palate.core.errors import ConfigError, DataError, WeightsError
from palate.data.catalogue import Catalogue
from palate.data.features import EncoderRef, features_of
from palate.encoders import BrokenInput
from palate.retrieval import Finder, Searcher, Wanted, WordIndex
from palate.retrieval.blend import Listed, blend, weights_of

CATALOGUE = Catalogue(
    pl.DataFrame({"title": ["a tea", "a lamp", "cup", "tea lamp cup", None, "old books"]}), {"title": "text"}
)


def listed(name, weight, items):
    return Listed(name, weight, np.array(items, np.int32), np.linspace(1, 0, len(items), dtype=np.float32))


@pytest.fixture
def finder(monkeypatch):
    """A part of titles and one of pictures, which show the lamp of item 4 and the cup of item 1."""
    monkeypatch.setattr("palate.retrieval.searcher.restore", lambda ref: WordCounts())
    title = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [np.nan] * 3, [np.nan] * 3], np.float32)
    photo = np.array([[np.nan] * 3, [0, 0, 1], [np.nan] * 3, [1, 0, 0], [0, 1, 0], [1, 1, 0]], np.float32)
    parts = {
        "title": replace(features_of(title, modality="text"), encoder=EncoderRef("counts")),
        "photo": replace(features_of(photo, modality="image"), encoder=EncoderRef("counts")),
    }
    return Finder(Searcher(parts), WordIndex(CATALOGUE))


@pytest.fixture
def lamp(tmp_path):
    """A picture whose path says lamp, which is what the stand-in for an encoder reads."""
    path = tmp_path / "lamp.png"
    Image.new("RGB", (4, 4)).save(path)
    return path


def test_reciprocal_ranks_are_those_of_the_paper():
    found = blend([listed("a", 0.5, [7, 3, 5]), listed("b", 0.5, [3, 9])], 4)
    by_hand = {7: 1 / 61, 3: 1 / 62 + 1 / 61, 5: 1 / 63, 9: 1 / 62}
    assert found.ranked.items.tolist() == [[3, 7, 9, 5]]
    assert found.ranked.scores[0] == pytest.approx([61 / 2 * by_hand[code] for code in (3, 7, 9, 5)], rel=1e-6)
    assert found.places["a"].tolist() == [2, 1, 0, 3]
    assert found.places["b"].tolist() == [1, 0, 2, 0]
    assert sum(found.amounts.values()) == pytest.approx(found.ranked.scores[0])


def test_first_everywhere_is_one_and_a_single_list_keeps_its_scores():
    assert blend([listed("a", 0.2, [4]), listed("b", 0.1, [4, 1])], 1).ranked.scores.tolist() == [[1.0]]
    alone = blend([listed("a", 0.3, [5, 1, 2])], 5)
    assert alone.ranked.items.tolist() == [[5, 1, 2, -1, -1]]
    assert alone.ranked.scores[0, :3].tolist() == [1.0, 0.5, 0.0]
    assert blend([], 2).ranked.items.tolist() == [[-1, -1]]


def test_equal_scores_add_the_same():
    flat = Listed("a", 1, np.array([2, 3, 5], np.int32), np.array([1, 1, 0.5], np.float32))
    found = blend([flat, listed("b", 1, [3, 7])], 4)
    assert found.ranked.items.tolist() == [[3, 2, 7, 5]]
    assert dict(zip(found.ranked.items[0].tolist(), found.places["a"].tolist(), strict=True)) == {
        3: 1,
        2: 1,
        5: 3,
        7: 0,
    }


def test_ties_rank_by_the_lower_code():
    assert blend([listed("a", 1, [9, 4]), listed("b", 1, [4, 9])], 2).ranked.items.tolist() == [[4, 9]]


@pytest.mark.parametrize(
    ("asked", "given", "weights"),
    [
        (["text"], {}, [1]), (["text", "image"], {}, [0.5, 0.5]), (["text", "image"], {"text": 0.7}, [0.7, 0.3]),
        (["text", "image"], {"text": 0.6, "image": 0.6}, [0.5, 0.5]), (["text", "user"], {}, [0.7, 0.3]),
        (["text", "image", "user"], {}, [0.35, 0.35, 0.3]), (["text", "user"], {"user": 0.5}, [0.5, 0.5]),
        (["text", "image", "user"], {"text": 0.5}, [0.5, 0.25, 0.25]), (["text"], {"text": 0.2}, [1]),
        (["text", "user"], {"user": 0}, [1, 0]), (["text", "image"], {"text": 1, "image": 0}, [1, 0]),
    ],
)  # fmt: skip
def test_weights(asked, given, weights):
    assert list(weights_of(asked, given).values()) == pytest.approx(weights)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"picture": 0.5}, "'picture' has nothing to weigh: allowed: image, text"), ({"text": 1.5}, "was 1.5: give a number from 0 to 1"),
        ({"text": float("nan")}, "was nan"), ({"text": 1}, "leave nothing for 'image'"), ({"text": 0, "image": 0}, "every weight is 0"),
    ],
)  # fmt: skip
def test_wrong_weights(given, sentence):
    with pytest.raises(ConfigError, match=sentence):
        weights_of(["text", "image"], given)


def test_a_user_alone_finds_nothing():
    with pytest.raises(ConfigError, match="only the user counts, whose taste adds no item"):
        weights_of(["text", "image", "user"], {"text": 0, "image": 0, "user": 1})


def test_a_text_is_looked_for_by_vectors_by_words_and_by_both(finder):
    assert finder.ways() == ["vectors", "words", "hybrid"]
    by = {way: finder.find(Wanted("lamp", by=way), 6) for way in finder.ways()}
    assert by["vectors"].ranked.items[0, :2].tolist() == [1, 3]
    assert set(by["words"].ranked.items[0, :2].tolist()) == {1, 3}
    assert [listed.name for listed in by["hybrid"].lists] == ["text", "words"]
    assert by["hybrid"].ranked.items[0, :2].tolist() == [1, 3]
    assert by["hybrid"].ranked.scores[0, 0] == pytest.approx(1)
    assert np.array_equal(finder.find(Wanted("lamp"), 6).ranked.scores, by["hybrid"].ranked.scores, equal_nan=True)


def test_half_a_text_does_not_push_aside_what_is_meant(monkeypatch):
    """Item 4 is a tea lamp in another language, which only its vector tells; items 0 to 3 hold one word of the two."""
    monkeypatch.setattr("palate.retrieval.searcher.restore", lambda ref: WordCounts())
    values = np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [0.1, 1, 0], [1, 1, 0], [0, 0, 1]], np.float32)
    title = replace(features_of(values, modality="text"), encoder=EncoderRef("counts"))
    texts = pl.DataFrame({"title": ["tea one", "tea two", "lamp one", "lamp two", "茶灯", "tea lamp on paper"]})
    finder = Finder(Searcher({"title": title}), WordIndex(Catalogue(texts, {"title": "text"})))
    assert finder.find(Wanted("tea lamp", by="vectors"), 1).ranked.items.tolist() == [[4]]
    found = finder.find(Wanted("tea lamp"), 6)
    assert set(found.ranked.items[0, :2].tolist()) == {4, 5}
    assert len(finder.find(Wanted("tea lamp", by="words"), 6).lists[0].items) == 5


def test_one_way_may_make_nothing_of_a_text_but_not_both(finder, lamp):
    assert finder.find(Wanted("books"), 2).ranked.items.tolist() == [[5, -1]]
    assert [listed.name for listed in finder.find(Wanted("books"), 2).lists] == ["words"]
    with_picture = finder.find(Wanted("books", lamp, weights={"text": 0.6}), 2).lists
    assert [(listed.name, listed.weight) for listed in with_picture] == [("words", 0.6), ("image", 0.4)]
    with pytest.raises(DataError, match="'zebra' could not be read"):
        finder.find(Wanted("zebra"))
    with pytest.raises(DataError, match="could not be read"):
        finder.find(Wanted("books", by="vectors"))
    with pytest.raises(DataError, match="is empty"):
        finder.find(Wanted(" "))


def test_without_the_weights_of_an_encoder_words_are_named_as_the_way_out(finder, monkeypatch):
    def restored(ref):
        raise WeightsError("no network")

    monkeypatch.setattr("palate.retrieval.searcher.restore", restored)
    with pytest.raises(WeightsError, match="no network; a search by words needs no encoder"):
        finder.find(Wanted("tea"))
    assert len(finder.searcher.prepare()) == 2
    assert finder.ways() == ["words"]
    assert finder.find(Wanted("books"), 1).ranked.items.tolist() == [[5]]


def test_without_encoders_words_alone_and_without_texts_vectors_alone(finder):
    words = Finder(Searcher({}), finder.words)
    assert words.ways() == ["words"]
    assert words.find(Wanted("tea"), 3).ranked.items[0, 2] == -1
    with pytest.raises(DataError, match="only words can be: leave 'by' out"):
        words.find(Wanted("tea", by="hybrid"))
    with pytest.raises(DataError, match="no part to search by text"):
        words.find(Wanted("tea", by="vectors"))
    bare = Finder(finder.searcher, WordIndex(Catalogue(pl.DataFrame({"price": [1.0] * 6}))))
    assert bare.ways() == ["vectors"]
    assert bare.find(Wanted("tea"), 1).ranked.items.tolist() == [[0]]
    assert Finder(Searcher({}), bare.words).ways() == []
    with pytest.raises(DataError, match="no part to search by text"):
        Finder(Searcher({}), bare.words).find(Wanted("tea"))


def test_a_text_and_a_picture_by_weight(finder, lamp):
    angle = np.linspace(0, np.pi / 2, 200)
    turned = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1).astype(np.float32)
    photo = replace(finder.searcher._parts["photo"], values=turned[::-1].copy(), present=np.ones(200, bool))
    title = replace(finder.searcher._parts["title"], values=turned, present=np.arange(200) != 20)
    many = Finder(Searcher({"title": title, "photo": photo}), finder.words)

    tea = lamp.rename(lamp.with_name("tea.png"))
    best = {
        weight: many.find(Wanted("tea", tea, "vectors", {"text": weight}), 6).ranked.items[0]
        for weight in (0.95, 0.5, 0.05)
    }
    assert best[0.95][0] == 0  # tea by the title
    assert best[0.05][0] == 199  # tea by the picture
    assert set(best[0.5][:2].tolist()) == {0, 199}


def test_a_picture_alone_and_one_that_counts_for_nothing(finder, lamp):
    assert finder.find(Wanted(image=lamp), 1).ranked.items.tolist() == [[4]]
    only_text = finder.find(Wanted("cup", lamp, "vectors", {"text": 1, "image": 0}), 6).ranked
    assert np.array_equal(only_text.items, finder.find(Wanted("cup", by="vectors"), 6).ranked.items)


def test_a_taste_ranks_what_was_found_and_adds_nothing(finder):
    def taste(codes):
        return np.where(codes == 4, 9, np.where(codes == 3, 5, np.where(codes == 1, 1, np.nan))).astype(np.float32)

    plain = finder.find(Wanted("lamp", by="words"), 6)
    mine = finder.find(Wanted("lamp", by="words", weights={"user": 0.9}), 6, taste=taste)
    assert set(mine.ranked.items[0].tolist()) == set(plain.ranked.items[0].tolist()) == {1, 3, -1}
    assert mine.ranked.items[0, 0] == 3
    assert mine.blend.places["user"].tolist() == [1, 2]
    none = finder.find(Wanted("lamp", by="words", weights={"user": 0}), 6, taste=taste)
    assert np.array_equal(none.ranked.scores, plain.ranked.scores, equal_nan=True)
    unknown = finder.find(Wanted("lamp", by="words"), 6, taste=lambda codes: np.full(len(codes), np.nan, np.float32))
    assert np.array_equal(unknown.ranked.scores, plain.ranked.scores, equal_nan=True)


def test_only_some_may_be_found(finder, lamp):
    only = np.array([0, 3, 5], np.int32)
    for wanted in (Wanted("tea"), Wanted("tea", by="words"), Wanted(image=lamp), Wanted("tea", lamp)):
        items = finder.find(wanted, 6, only).ranked.items[0]
        assert set(items[items >= 0].tolist()) <= {0, 3, 5}
        assert len(items[items >= 0])
    assert finder.find(Wanted("tea"), 2, np.zeros(0, np.int32)).ranked.items.tolist() == [[-1, -1]]


def test_wrong_requests(finder, lamp):
    with pytest.raises(DataError, match="a text, a picture, a sound or several"):
        finder.find(Wanted())
    with pytest.raises(ConfigError, match="did you mean 'words'"):
        finder.find(Wanted("tea", by="word"))
    with pytest.raises(ConfigError, match="by=words says how a text is looked for"):
        finder.find(Wanted(image=lamp, by="words"))


class Seen(WordCounts):
    """An encoder of pictures in the space of the counted words."""

    def companion(self, modality):
        return WordCounts() if modality == "text" else None


class Told(WordCounts):
    """An encoder of texts in whose space pictures lie, too."""

    def companion(self, modality):
        return WordCounts() if modality == "image" else None


@pytest.fixture
def shared(finder, monkeypatch):
    """The same parts; a text can be looked for among the pictures, and a picture among the titles."""
    kinds = {"seen": Seen, "told": Told}
    monkeypatch.setattr("palate.retrieval.searcher.restore", lambda ref: kinds[ref.name]())
    parts = finder.searcher._parts
    encoders = {"photo": EncoderRef("seen"), "title": EncoderRef("told")}
    return Finder(
        Searcher({name: replace(table, encoder=encoders[name]) for name, table in parts.items()}), WordIndex(CATALOGUE)
    )


def test_a_text_finds_pictures_in_a_space_they_share(shared):
    found = shared.find(Wanted(text="lamp", by="vectors"), 6)
    assert [(each.name, each.weight) for each in found.lists] == [("text", 1)]
    # item 4 has no text and shows a lamp; item 1 is called one and shows a cup, so it is last among the pictures
    assert found.ranked.items[0, 0] == 4
    assert found.ranked.scores[0, 0] == pytest.approx(1)
    assert found.ranked.scores[0, found.ranked.items[0] == 1] == pytest.approx((1 + 61 / 63) / 2)
    row = found.lists[0].items.tolist().index(4)
    assert found.lists[0].parts["photo"][row] == pytest.approx(1)
    assert np.isnan(found.lists[0].parts["title"][row])
    by_all = shared.find(Wanted(text="lamp"), 6)
    assert {each.name: each.weight for each in by_all.lists} == {"text": 0.5, "words": 0.5}
    assert 4 in by_all.ranked.items[0]


def test_what_its_picture_alone_tells_is_among_the_first_of_many(shared):
    """Of 300 items all but the last have a text, and the last alone shows a lamp; no other list may bury it."""
    rng = np.random.default_rng(0)
    title = np.append(rng.uniform(0, 1, (299, 3)), np.full((1, 3), np.nan), axis=0).astype(np.float32)
    photo = np.append(rng.uniform(0, 1, (299, 3)) * [1, 0.1, 1], [[0, 1, 0]], axis=0).astype(np.float32)
    parts = {
        "title": replace(features_of(title, modality="text"), encoder=EncoderRef("told")),
        "photo": replace(features_of(photo, modality="image"), encoder=EncoderRef("seen")),
    }
    texts = Catalogue(pl.DataFrame({"title": [*(f"thing {row}" for row in range(299)), None]}), {"title": "text"})
    for by in ("vectors", None):
        found = Finder(Searcher(parts), WordIndex(texts)).find(Wanted(text="lamp", by=by), 5)
        assert found.ranked.items[0, 0] == 299


def test_a_picture_finds_texts_in_a_space_they_share(shared, lamp):
    found = shared.find(Wanted(image=lamp), 6)
    assert [each.name for each in found.lists] == ["image"]
    assert found.ranked.items[0, 0] == 4
    assert 0 in found.ranked.items[0]  # which has a text and no picture


@pytest.fixture
def weakly(shared, monkeypatch):
    """The same, where the encoder of the pictures is a stand-in."""
    monkeypatch.setattr(Seen, "stand_in", True)
    return shared


def test_a_stand_in_counts_only_for_items_without_a_text(weakly):
    found = weakly.find(Wanted(text="lamp", by="vectors"), 6).lists[0]
    own = weakly.searcher._near["title"].cosines(np.array([0, 1, 0], np.float32), np.arange(4, dtype=np.int32))
    scores = dict(zip(found.items.tolist(), found.scores.tolist(), strict=True))
    # the titles in their order, as if there were no pictures; then 4 and 5, by pictures alone, from the fifth place on
    assert [code for code in found.items.tolist() if code < 4] == np.argsort(-own, kind="stable").tolist()
    assert [scores[code] for code in (1, 3)] == pytest.approx([1, 61 / 62])
    assert [scores[code] for code in (4, 5)] == pytest.approx([61 / 65, 61 / 66])
    for part, theirs in (("title", [True, True, False, False]), ("photo", [False, False, True, True])):
        told = [found.parts[part][found.items.tolist().index(code)] for code in (1, 3, 4, 5)]
        assert np.isfinite(told).tolist() == theirs  # so that no reason is given for what did not count


def test_a_stand_in_changes_nothing_where_all_have_a_text_and_counts_in_full_where_none_has(weakly):
    photo, title = (weakly.searcher._parts[name] for name in ("photo", "title"))
    there = np.flatnonzero(title.present).astype(np.int32)
    both = weakly.searcher.by_text("lamp", 4, there)
    alone = Searcher({"title": title}).by_text("lamp", 4, there)
    np.testing.assert_array_equal(both.ranked.items, alone.ranked.items)
    np.testing.assert_array_equal(both.ranked.scores, alone.ranked.scores)
    assert Searcher({"photo": photo}).by_text("lamp", 2).ranked.scores[0, 0] == pytest.approx(1)


def test_a_stand_in_that_encodes_the_query_is_one_too(weakly, lamp, monkeypatch):
    class Plain(WordCounts):
        space = "words"

    kinds = {"seen": Seen, "told": Plain}
    monkeypatch.setattr(Seen, "space", "words", raising=False)
    monkeypatch.setattr("palate.retrieval.searcher.restore", lambda ref: kinds[ref.name]())
    found = Searcher(weakly.searcher._parts).by_image(lamp, 6)
    items = found.ranked.items[0].tolist()
    assert np.isfinite(found.parts["title"]).tolist() == [code in (0, 2) for code in items]  # which have no picture


def test_what_one_encoder_cannot_read_is_looked_for_by_the_others(shared, monkeypatch):
    """As a Chinese text, of which the English half of a model of pictures knows no sign."""

    class Deaf(WordCounts):
        def decode(self, raw):
            raise BrokenInput("it knows nothing of it")

    monkeypatch.setattr(Seen, "companion", lambda self, modality: Deaf() if modality == "text" else None)
    found = Searcher(shared.searcher._parts).by_text("lamp", 6)
    alone = Searcher({"title": shared.searcher._parts["title"]}).by_text("lamp", 6)
    np.testing.assert_array_equal(found.ranked.items, alone.ranked.items)
    np.testing.assert_array_equal(found.ranked.scores, alone.ranked.scores)  # cosines, as of any single list
    assert np.isnan(found.parts["photo"]).all()
    with pytest.raises(DataError, match="it knows nothing of it"):
        Searcher({"photo": shared.searcher._parts["photo"]}).by_text("lamp", 6)


def test_a_picture_is_encoded_for_texts_by_what_encoded_the_pictures_of_their_space(shared, lamp, monkeypatch):
    class Plain(WordCounts):
        space = "words"

    monkeypatch.setattr("palate.retrieval.searcher.restore", lambda ref: Plain())
    searcher = Searcher(shared.searcher._parts)
    assert (searcher.across("image"), searcher.across("text")) == (["title"], ["photo"])
    assert set(searcher.by_image(lamp, 6).parts) == {"photo", "title"}


def test_without_texts_pictures_alone_are_found_by_a_text(shared):
    photo = shared.searcher._parts["photo"]
    alone = Finder(Searcher({"photo": photo}), WordIndex(Catalogue(pl.DataFrame({"price": [1.0] * 6}))))
    assert alone.ways() == ["vectors"]
    found = alone.find(Wanted(text="lamp"), 2)
    assert found.ranked.items.tolist() == [[4, 5]]
    assert found.ranked.scores[0, 0] == pytest.approx(1)
