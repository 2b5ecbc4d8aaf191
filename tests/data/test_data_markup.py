"""HTML to text: what is markup goes, and what only looks like it stays."""

from __future__ import annotations

import time

import pytest

from palate.data.markup import plain

SOUP = """<!DOCTYPE html><html><head><style>p { color: red }</style><script>if (a < b) alert("<p>no</p>")</script></head>
<BODY class=x><h1>Red&nbsp;Mug</h1><!-- hidden > text --><p>Holds <b>half</b>a&#8239;litre<br>Fish &amp; chips
<ul><li>one<li>two</ul><td nowrap>cell</td><img alt="a > b" src=x.png>end"""


def test_html_soup() -> None:
    assert " ".join(plain(SOUP).split()) == "Red Mug Holds halfa litre Fish & chips one two cell end"


@pytest.mark.parametrize(
    "text",
    ["a < b & c", "<3", "I <3 you & me", "if a <b and c> d", "x<y>z", "<<a1>>b", "<john@example.com> wrote", "AT&T", "1 &lt 2", "R&D;",
     "&notit; &bogus;", "how the <style> tag works", "<script> and <svg>: an introduction", "a && b", "<", "&", "<>", "</", "Tom &Jerry;"],
)  # fmt: skip
def test_a_plain_text_is_not_harmed(text: str) -> None:
    assert plain(text) == text


def test_a_heart_among_tags_stays() -> None:
    assert plain("I <3 <b>tea</b> & a < b") == "I <3 tea & a < b"


def test_entities_are_written_out_once() -> None:
    assert plain("R&amp;B caf&eacute; &#x4E2D;&#25991;") == "R&B café 中文"
    assert plain("<p>the &lt;b&gt; tag</p>").strip() == "the <b> tag"
    assert plain("&lt;p&gt;escaped once too often&lt;/p&gt;").strip() == "escaped once too often"


def test_what_is_cut_off_leaves_no_rest() -> None:
    assert plain('<p>red mug <a href="http', cut=True).strip() == "red mug"
    assert plain("<p>1 <a", cut=False).strip() == "1 <a"
    assert plain("<p>red<script>never ends").strip() == "red"


@pytest.mark.parametrize(
    "piece", ["<div>", '<a "', "<a '", "<!--", "<script>", "<b ", "&#1", "<", "<p a=b", "<p a='", "</", "<b a:"]
)
def test_the_time_is_linear_whatever_is_written(piece: str) -> None:
    def seconds(times: int) -> float:
        began = time.process_time()
        plain(f"<p>{piece * times}")
        return time.process_time() - began

    seconds(100)
    assert seconds(40_000) < 2  # a road that is not linear takes minutes
