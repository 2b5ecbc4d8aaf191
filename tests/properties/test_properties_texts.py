"""Whatever a text holds, it is read without an error, and what comes out is clean."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from palate.data.language import language
from palate.data.markup import plain
from palate.encoders._texts import read_text
from palate.encoders._words import terms_of, words_of

PIECES = st.sampled_from(
    ["<p>", "</p>", "<br/>", "<b class='x'>", "<script>", "</script>", "<!--", "-->", "&amp;", "&lt;", "&#x1F355;", "&#0;", "<",
     ">", "&", "\"", "'", "🍕", "👩🏽‍🚀", "🇨🇳", "\u200d", "\ufe0f", "\x00", "\u202e", "e\u0301", "红色的杯子", "マグ", "mug ", " "]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=40).map("".join))


@given(TEXTS, st.integers(1, 300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_and_comes_out_clean(text: str, longest: int) -> None:
    read = read_text(text, longest)
    if read is None:
        return
    assert 0 < len(read) <= longest
    assert read == " ".join(read.split())
    assert unicodedata.is_normalized("NFC", read)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Co") for letter in read)
    read.encode()
    assert language(read) is None or len(str(language(read))) == 2
    assert all(word and word == word.strip() for word in words_of(read))
    assert set(words_of(read)) <= set(terms_of(read))


@given(st.text(st.characters(exclude_characters="<&"), max_size=200))
def test_without_a_mark_there_is_no_markup(text: str) -> None:
    assert plain(text) == text


@given(st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=1, max_size=12), st.data())
@settings(deadline=None)
def test_words_between_blocks_come_out_as_they_went_in(words: list[str], data: st.DataObject) -> None:
    edges = (
        "<p>",
        '</p>\n<p class="a > b">',
        "<br>",
        "</td><td nowrap>",
        "<!-- no --><li>",
        "<script>if (a<b) {}</script><hr/>",
    )
    between = [data.draw(st.sampled_from(edges)) for _ in words]
    page = "".join(f"{edge}{word}" for edge, word in zip(between, words, strict=True))
    assert plain(page).split() == words
