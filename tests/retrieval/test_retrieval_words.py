"""Full text: what is found in which language, BM25 beside a plain reading of it, and text that looks like a query."""

from __future__ import annotations

import math
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palate.core.errors import DataError
from palate.data.catalogue import Catalogue
from palate.retrieval import WordIndex

TITLES = [
    "Red lamps for the desk", "红色复古台灯", "A cup, and a saucer", "Café crème", "東京タワーの写真", "서울 머그컵", None,
    "ＬＡＭＰ red", "灯", "双肩背包 Lumi 67", "台湾的灯", 'Say "lamp" OR cup', "lamp-post",
]  # fmt: skip
CATALOGUE = Catalogue(
    pl.DataFrame({"title": TITLES, "kind": ["light|home"] + [None] * 12, "price": [1.0] * 13}),
    {"title": "text", "kind": "category", "price": "number"},
)


@pytest.fixture(scope="module")
def index():
    return WordIndex(CATALOGUE)


def found(index, text, k=13, only=None):
    items = index.search(text, k, only).items[0]
    return sorted(int(code) for code in items if code >= 0)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("lamp", [0, 7, 11, 12]), ("LAMPS", [0, 7, 11, 12]), ("desk cup", [0, 2, 11]), ("cafe", [3]), ("CRÈME", [3]),
        ("台灯", [1]), ("灯", [1, 8, 10]), ("复古", [1]), ("背包", [9]), ("肩背", [9]), ("红灯", []), ("複古", []),
        ("复古台灯", [1]), ("タワー", [4]), ("写真", [4]), ("머그", [5]), ("lumi", [9]), ("台灯 lumi", [1, 9]), ("台灯lumi", [1, 9]),
        ("home", [0]), ("light", [0]), ("lamp-post", [12]), ("post", [12]), ("unknown", []), ("Ｌamp!", [0, 7, 11, 12]),
        ('"lamp" AND cup*', [0, 2, 7, 11, 12]), ("title:lamp", []), ("NEAR(red lamp)", [0, 7, 11, 12]), ("NOT lamp", [0, 7, 11, 12]),
        ("c0 : cup", [2, 11]), ("^cup", [2, 11]), ("67", [9]), ("-cup", [2, 11]),
    ],
)  # fmt: skip
def test_what_is_found(index, text, codes):
    assert found(index, text) == codes


def test_only_some_may_be_found_and_the_best_come_first(index):
    assert found(index, "lamp", only=np.array([3, 7, 12], np.int32)) == [7, 12]
    assert index.search("red lamp", 1).items.tolist() == [[7]]  # both words, in the shortest text
    assert index.search("lamp", 6).items[0, 4:].tolist() == [-1, -1]
    assert np.isnan(index.search("lamp", 6).scores[0, 4:]).all()


def test_it_says_which_words_matched_where(index):
    assert index.matched("red LAMP home", [0, 6, 7]) == [
        {"title": ["Red", "lamps"], "kind": ["home"]},
        {},
        {"title": ["LAMP", "red"]},
    ]
    assert index.matched("复古台灯", [1]) == [{"title": ["复古台灯"]}]
    assert index.matched("肩背 lumi", [9]) == [{"title": ["肩背", "Lumi"]}]


def test_the_share_of_a_text_that_items_hold():
    titles = ["red lamp", "red cup", "海洋主题台灯", "海洋马克杯", "洋台", "x", "y", "z", "u", "v"]
    index = WordIndex(Catalogue(pl.DataFrame({"title": titles}), {"title": "text"}))
    rarity = {held: math.log1p((10 - held + 0.5) / (held + 0.5)) for held in (1, 2)}
    both = rarity[1] + rarity[2]
    assert index.held("red lamp")[:3] == pytest.approx([1, rarity[2] / both, 0])
    assert index.held("red lamp unheardof")[0] == pytest.approx(1)  # what nobody holds does not count
    # 海洋 is held by two, 洋台 and 台灯 by one each: 海 and 洋 count half of two's rarity, 台 and 灯 half of one's.
    assert index.held("海洋台灯")[2] == pytest.approx(1)
    assert index.held("海洋台灯")[3] == pytest.approx(rarity[2] / both)
    assert index.held("海洋台灯")[4] == pytest.approx((rarity[2] + rarity[1]) / 2 / both)
    assert index.search("red lamp", 9, share=0.9).items[0].tolist() == [0] + [-1] * 8
    assert index.search("red lamp", 9, share=0.2).items[0, :2].tolist() == [0, 1]
    assert index.search("red lamp", 9, np.array([1], np.int32), share=0.9).items[0, 0] == 1  # the fullest that may be


def test_without_fts5_it_says_so(monkeypatch):
    class Bare(sqlite3.Connection):
        def execute(self, *_):
            raise sqlite3.OperationalError("no such module: fts5")

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: real(*args, factory=Bare, **kwargs))
    with pytest.raises(DataError, match=r"lacks FTS5 \(no such module: fts5\): search by vectors"):
        WordIndex(CATALOGUE).search("lamp")


def test_nothing_to_look_for_says_so(index):
    for text in ("", "  \n"):
        with pytest.raises(DataError, match="is empty"):
            index.search(text)
    with pytest.raises(DataError, match=r"'!!! \?' holds no word"):
        index.search("!!! ?")
    with pytest.raises(DataError, match="no column of texts"):
        WordIndex(Catalogue(pl.DataFrame({"price": [1.0]}), {"price": "number"})).search("lamp")


def test_the_score_is_bm25():
    rng = np.random.default_rng(0)
    vocabulary = [f"w{index}x" for index in range(30)]
    texts = [" ".join(rng.choice(vocabulary, rng.integers(3, 20))) for _ in range(60)]
    index = WordIndex(Catalogue(pl.DataFrame({"title": texts}), {"title": "text"}))
    words = [text.split() for text in texts]
    mean = sum(map(len, words)) / len(words)
    for query in (["w3x"], ["w3x", "w7x"], ["w1x", "w2x", "w9x"]):
        expected = np.zeros(60)
        for term in query:
            holding = sum(term in row for row in words)
            rarity = max(math.log((60 - holding + 0.5) / (holding + 0.5)), 1e-6)
            for code, row in enumerate(words):
                count = row.count(term)
                expected[code] += rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(row) / mean))
        best = index.search(" ".join(query), 60)
        codes = best.items[0][best.items[0] >= 0]
        assert sorted(codes.tolist()) == np.flatnonzero(expected > 0).tolist()
        assert best.scores[0, : len(codes)] == pytest.approx(expected[codes], rel=1e-4)
        assert (np.diff(best.scores[0, : len(codes)]) <= 0).all()


def test_equal_scores_rank_by_the_lower_code():
    index = WordIndex(
        Catalogue(pl.DataFrame({"title": ["cup", "lamp", "lamp", "lamp"] + ["x"] * 9}), {"title": "text"})
    )
    assert index.search("lamp", 2).items.tolist() == [[1, 2]]


def test_words_that_most_items_hold_find_nothing_beside_others():
    index = WordIndex(Catalogue(pl.DataFrame({"title": ["a lamp"] + ["a cup"] * 9 + ["a lamp"]}), {"title": "text"}))
    assert found(index, "a lamp", 11) == [0, 10]
    assert len(found(index, "a", 11)) == 11
    assert index.matched("a lamp", [0]) == [{"title": ["lamp"]}]
    assert index.matched("a", [0]) == [{"title": ["a"]}]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(['"', "'", "*", "^", "(", ")", "AND", "OR", "NOT", "NEAR/2", "lamp", "台灯", ":", "-", "+", "\\",
                             "title", "{", "}", ";", "DROP TABLE words", "\x00", "\x02", "灯", "\ud800", "%", ","]),
            max_size=9,
        ).map(" ".join),
    )
)  # fmt: skip
@example('"' * 9)
@example("lamp\x00cup")
@example("台" * 500)
@example("\U0001f600 lamp")
@example("é" * 3000)
def test_no_text_is_a_query(text):
    index = WordIndex(CATALOGUE)
    try:
        codes = found(index, text)
    except DataError:
        return
    for code, words in zip(codes, index.matched(text, codes), strict=True):
        assert all(isinstance(word, str) for column in words.values() for word in column)
        assert 0 <= code < 13


def test_other_rows_are_indexed_as_if_all_were_anew():
    before = pl.DataFrame(
        {"title": ["a red lamp", "a blue lamp", None, "红色台灯"], "kind": ["lamp", "lamp", "cup", "灯"]}
    )
    rows = pl.DataFrame({"title": ["a green cup", "a red umbrella", "红色台灯"], "kind": ["cup", None, "灯"]})
    types, codes = {"title": "text", "kind": "category"}, np.array([1, 4, 5], np.int32)
    old, fresh = WordIndex(Catalogue(before, types)), Catalogue(before, types).updated(codes, rows)
    assert old.updated(fresh, codes).search("umbrella").items[0, 0] == 4  # nothing was indexed yet
    old.prepare()
    new, anew = old.updated(fresh, codes), WordIndex(fresh)
    for text in ("lamp", "red", "cup", "台灯", "umbrella lamp", "blue"):
        found, wanted = new.search(text), anew.search(text)
        np.testing.assert_array_equal(found.items, wanted.items)
        np.testing.assert_allclose(found.scores, wanted.scores, rtol=1e-6)
        np.testing.assert_array_equal(new.held(text), anew.held(text))
        assert new.matched(text, [0, 1, 4]) == anew.matched(text, [0, 1, 4])
    assert old.search("blue").items[0, 0] == 1
    assert old.search("umbrella").items[0, 0] == -1


def test_several_threads_find_the_same(index):
    queries = ["lamp", "台灯", "cup", "cafe"] * 20
    alone = [found(index, query) for query in queries]
    fresh = WordIndex(CATALOGUE)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: found(fresh, query), queries)) == alone


def test_the_text_of_an_item_finds_it(index):
    for code, title in enumerate(TITLES):
        if title is not None and re.search(r"\w", title):
            assert code in found(index, title)
